-- What clients are told of this server, and complaints.

-- GET /system/config  system_config(:version, :passwordMin, :passwordMax, :turn)
-- What a client has to know before anybody logs in: versions, lengths in characters, sizes in bytes.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.system_config(own_version text, password_min integer, password_max integer, has_turn boolean)
returns table (version text, "minVersion" text, "downloadUrl" text, registration boolean, webrtc boolean,
               turn boolean, "recallSeconds" integer, lengths json, upload json, limits json)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
declare
  mib constant bigint := 1048576;
begin
  return query
    select coalesce(nullif(im.setting_text('client.version'), ''), own_version), im.setting_text('client.min_version'),
           im.setting_text('client.download_url'), im.setting_text('register.open') = 'on',
           true, has_turn, extract(epoch from im.setting_interval('message.recall_window'))::integer,
           json_build_object('username', 20, 'nickName', 20, 'passwordMin', password_min, 'passwordMax', password_max,
             'signature', 100, 'remark', 20, 'applyInfo', 100, 'groupName', 30, 'groupNotice', 1000, 'topMessage', 500,
             'content', 4096, 'reason', 200, 'description', 2000),
           json_build_object('image', im.setting_int('file.image_mib') * mib, 'voice', im.setting_int('file.voice_mib') * mib,
             'video', im.setting_int('file.video_mib') * mib, 'file', im.setting_int('file.file_mib') * mib,
             'imagePixels', im.setting_int('file.image_pixels')),
           json_build_object('pageSize', im.page_limit(null), 'pageSizeMax', im.page_limit(2147483647),
             'pull', im.setting_int('message.pull_limit'), 'groupMembers', im.setting_int('group.member_limit'),
             'invite', im.setting_int('group.invite_limit'), 'atUsers', 20, 'complaintImages', 9,
             'callPeople', im.setting_int('call.people_limit'), 'callSdp', 65536);
end $$;

-- POST /complaint/submit  complaint_submit(:me, targetType, targetId, reason, description?, images?, messageId?)
-- Complains about a user (1) or a group (2), or about a message of theirs, and answers the complaint's id.  The very same
-- again, while it is open, answers that one.
-- Refuses: 400 targetId (oneself); 1001 no such user; 3001 no such group; 404 messageId: none of the target's that the
--   caller sees, images: not a picture that the caller has uploaded; 429 ten complaints within a day
-- Writes: complaint, complaint_file, file
-- Tells: nobody
create function api.complaint_submit(me bigint, targetType im.complaint_target, targetId im.id, reason im.complaint_reason,
                                     description im.complaint_description, images im.complaint_images, messageId im.message_id)
returns table ("complaintId" bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  c im.complaint;
  m im.message;
  files uuid[];
begin
  perform from im.account a where a.id = me for no key update;     -- one after the other: they are compared, and counted
  c.complainer_id := me;
  c.target_type := targetType;
  c.target_id := targetId;
  c.reason := complaint_submit.reason;
  c.description := coalesce(complaint_submit.description, '');
  select t.name, t.image, t.words into c.target_name, c.target_image, c.target_text
    from im.complaint_target_now(targetType, targetId) t;
  if messageId is not null then
    m := im.complaint_message(me, targetType, targetId, messageId);
    c.message_id := m.id;
    c.message_sender_id := m.sender_id;
    c.message_type := m.message_type;
    c.message_content := m.content;
    c.message_sent_at := m.sent_at;
  end if;
  files := im.complaint_images_kept(me, images);
  c.id := im.complaint_same(c, files);
  if c.id is not null then
    return query select c.id;
    return;
  elsif (select count(*) from im.complaint x where x.complainer_id = me and x.created_at > now() - interval '1 day')
        >= im.setting_int('complaint.day_limit') then
    raise sqlstate 'I0429' using hint = 'as many complaints as a day may have';
  end if;
  insert into im.complaint (complainer_id, target_type, target_id, reason, description, target_name, target_image, target_text,
                            message_id, message_sender_id, message_type, message_content, message_sent_at)
  values (me, c.target_type, c.target_id, c.reason, c.description, c.target_name, c.target_image, c.target_text,
          c.message_id, c.message_sender_id, c.message_type, c.message_content, c.message_sent_at)
  returning * into c;
  perform im.complaint_files_keep(c, files, m);
  return query select c.id;
end $$;
