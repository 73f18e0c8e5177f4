-- Backstage: complaints.

-- GET /im/complaint/list
--   admin_complaint_list(:me, :after, format?, page?, size?, sort?, order?, status?, targetType?, targetId?, complainerId?,
--   resolvedType?, adminId?, startTime?, endTime?)
-- The complaints.
-- Refuses: 403 without complaint.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_complaint_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, in_status integer, of_type im.complaint_target, of_target im.id, of_complainer im.id,
  decided im.complaint_act, of_admin im.id, first im.moment_from, last im.moment_to)
returns table (total text, id bigint, "complainerId" bigint, "complainerName" text, "targetType" integer, "targetId" bigint,
               "targetName" text, reason text, description text, "messageId" bigint, status integer, "resolvedType" integer,
               summary text, "adminId" bigint, "adminName" text, "createTime" timestamptz, "resolveTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'complaint.read', 'im.complaint_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.complaint_in_status(in_status), im.list_is('targetType', of_type::integer), im.list_is('targetId', of_target::bigint),
          im.list_is('complainerId', of_complainer::bigint), im.list_is('resolvedType', decided::integer),
          im.list_is('adminId', of_admin::bigint), im.list_from('createTime', first), im.list_until('createTime', last)],
    'im.complaint_find');
end $$;

-- GET /im/complaint/detail  admin_complaint_detail(:me, id)
-- One complaint with its target, its message and its files as they were when it was made, and the messages around it as they
-- are.  A look at messages is recorded.
-- Refuses: 403 without complaint.read; 404 no such complaint
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_complaint_detail(me bigint, complaint im.id)
returns table (id bigint, "complainerId" bigint, "complainerName" text, "targetType" integer, "targetId" bigint,
               "targetName" text, reason text, description text, "messageId" bigint, status integer, "resolvedType" integer,
               summary text, "adminId" bigint, "adminName" text, "createTime" timestamptz, "resolveTime" timestamptz, target json, message json,
               context json, files json)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  c im.complaint;
begin
  perform im.permit(me, 'complaint.read');
  select * into c from im.complaint x where x.id = complaint;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such complaint';
  end if;
  return query
    select l.*, im.complaint_target_json(c), im.complaint_message_json(c), im.complaint_context(c), im.complaint_files_json(c)
      from im.complaint_list l where l.id = complaint;
  perform im.complaint_looked(me, c, '{}');
end $$;

-- GET /im/complaint/file  admin_complaint_file(:me, id, fileId)
-- Where the bytes of a file lie that a complaint keeps, whoever else has let go of it.  A look at one of a message is
-- recorded.
-- Refuses: 403 without complaint.read; 404 no such complaint, or not a file of it
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_complaint_file(me bigint, complaint im.id, file uuid)
returns table (bytes text, name text, mime text, shown boolean)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  c im.complaint;
  f im.file;
begin
  perform im.permit(me, 'complaint.read');
  select * into c from im.complaint x where x.id = complaint;
  select x.* into f from im.file x join im.complaint_file k on k.file_id = x.id
   where k.complaint_id = complaint and x.id = file limit 1;
  if f.id is null then
    raise sqlstate 'I0404' using hint = 'the complaint keeps no such file';
  end if;
  return query
    select im.blob_name(f.blob_id), case when f.kind = 'image' then im.file_name_as(f.name, substr(f.mime, 7)) else f.name::text end,
           f.mime, f.kind <> 'file';
  if exists (select from im.complaint_file k where k.complaint_id = complaint and k.file_id = f.id and k.part = 'message') then
    perform im.complaint_looked(me, c, jsonb_build_object('fileId', f.id));
  end if;
end $$;

-- POST /im/complaint/resolve  admin_complaint_resolve(:me, id, resolvedType, summary, duration?, reason?)
-- Decides a complaint, once, and does what was decided: 1 warns, 2 mutes, 3 bans the target, 4 does nothing.  duration is in
-- days, of a user's mute or ban: until lifted when absent.  The target is told the reason, or else that of the complaint.
-- Refuses: 403 without complaint.resolve, or it is about or by the caller himself; 404 no such complaint; 1001, 3001 the
--   target is no more; 9001 it is decided
-- Writes: complaint, notice, notice_head, notice_due, account, account_mute, session, connection, conversation, chat_group,
--   outbox, audit, audit_head
-- Tells: who complained, and a target that is warned or muted, SYSTEM_MESSAGE NOTICE; one that is banned SYSTEM_MESSAGE
--   BANNED, or the members GROUP_MESSAGE BAN; the members of a group that is muted GROUP_MESSAGE MUTED
create function api.admin_complaint_resolve(me bigint, complaint im.id, act im.complaint_act, summary im.complaint_summary,
                                            duration im.ban_days, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.complaint;
begin
  perform im.permit(me, 'complaint.resolve');
  c := im.complaint_take(complaint);
  if c.resolved_at is not null then
    raise sqlstate 'I9001' using hint = 'the complaint is decided';
  end if;
  perform im.admin_stranger(me, c.complainer_id);
  perform im.admin_stranger(me, case c.target_type when 1 then c.target_id end);
  perform im.complaint_act(me, c, act, now() + make_interval(days => duration), reason);
  update im.complaint x
     set resolved_at = now(), resolved_by = me, resolved_type = act, summary = admin_complaint_resolve.summary
   where x.id = c.id;
  perform im.notice_tell(me, array[c.complainer_id], 'COMPLAINT', '投诉处理结果',
    format('您对“%s”的投诉已处理：%s', c.target_name, (array['已警告', '已禁言', '已封禁', '未发现违规'])[act]));
  perform im.audit_write(me, 'complaint.resolve', 'complaint ' || c.id, null, jsonb_strip_nulls(jsonb_build_object(
    'resolvedType', act, 'targetType', c.target_type, 'targetId', c.target_id, 'duration', duration, 'summary', summary)), reason);
end $$;
