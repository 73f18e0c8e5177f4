-- Internal functions about deciding complaints (making them: lib/system.sql).

drop view if exists im.complaint_list, im.complaint_find;

create view im.complaint_list as
  select c.id, c.complainer_id as "complainerId", a.nick_name::text as "complainerName", c.target_type::integer as "targetType",
         c.target_id as "targetId", c.target_name as "targetName", c.reason::text, c.description::text,
         c.message_id as "messageId", case when c.resolved_at is null then 1 else 2 end as status,
         c.resolved_type::integer as "resolvedType", c.summary::text, c.resolved_by as "adminId", d.name::text as "adminName",
         c.created_at as "createTime", c.resolved_at as "resolveTime"
    from im.complaint c
    left join im.account a on a.id = c.complainer_id
    left join im.admin d on d.id = c.resolved_by;

create view im.complaint_find as
  select c.id, c.created_at as "createTime", c.complainer_id as "complainerId", c.target_type as "targetType",
         c.target_id as "targetId", c.resolved_at, c.resolved_type as "resolvedType", c.resolved_by as "adminId"
    from im.complaint c;

-- Those that are open (1), or decided (2).
create or replace function im.complaint_in_status(wanted integer) returns text
language plpgsql immutable as $$
begin
  return case wanted when 1 then 'resolved_at is null' when 2 then 'resolved_at is not null'
    else case when wanted is not null then 'false' end end;
end $$;

-- A complaint.  Refuses 404.
create or replace function im.complaint_take(complaint bigint) returns im.complaint
language plpgsql as $$
declare
  c im.complaint;
begin
  select * into c from im.complaint x where x.id = complaint for update;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such complaint to decide';
  end if;
  return c;
end $$;

-- The target as it was: {name, image, words}.
create or replace function im.complaint_target_json(c im.complaint) returns json
language sql stable as $$
  select json_build_object('name', c.target_name, 'image', c.target_image, 'words', c.target_text)
$$;

-- The message as it was; null when the complaint is about none.
create or replace function im.complaint_message_json(c im.complaint) returns json
language sql stable as $$
  select json_build_object('id', c.message_id, 'senderId', c.message_sender_id,
           'senderName', (select a.nick_name from im.account a where a.id = c.message_sender_id),
           'content', c.message_content, 'messageType', c.message_type, 'sendTime', im.time_text(c.message_sent_at))
   where c.message_id is not null
$$;

-- What was said around it, ten before and ten after, as it is now: what has been recalled has no text any more.
create or replace function im.complaint_context(c im.complaint) returns json
language plpgsql stable as $$
begin
  return (
    select coalesce(json_agg(json_build_object('id', m.id, 'seq', m.seq, 'senderId', m.sender_id, 'senderName', a.nick_name,
             'content', m.content, 'messageType', m.message_type, 'sendTime', im.time_text(m.sent_at),
             'isRecalled', m.recalled_at is not null) order by m.seq), '[]')
      from im.message at
      join im.message m on m.conversation_id = at.conversation_id and m.seq between at.seq - 10 and at.seq + 10
      left join im.account a on a.id = m.sender_id
     where at.id = c.message_id);
end $$;

-- The files it keeps: pictures that came with it (image), those of the message, that of the target.
create or replace function im.complaint_files_json(c im.complaint) returns json
language plpgsql stable as $$
begin
  return (
    select coalesce(json_agg(json_build_object('part', k.part, 'fileId', f.id, 'fileName', f.name, 'kind', f.kind, 'mimeType', f.mime,
             'fileSize', f.size, 'url', '/im/complaint/file?id=' || c.id || '&fileId=' || f.id) order by k.part, f.created_at, f.id), '[]')
      from im.complaint_file k
      join im.file f on f.id = k.file_id
     where k.complaint_id = c.id);
end $$;

-- An administrator has looked at what two people, or a group, have written.
create or replace function im.complaint_looked(admin bigint, c im.complaint, what jsonb) returns void
language plpgsql as $$
begin
  if c.message_id is not null then
    perform im.audit_write(admin, 'complaint.read', 'complaint ' || c.id, null,
                           what || jsonb_build_object('messageId', c.message_id, 'senderId', c.message_sender_id), null);
  end if;
end $$;

-- Who hears of a decision about the target: the user, or the group's owner and managers.
create or replace function im.complaint_answerable(c im.complaint) returns bigint[]
language plpgsql stable as $$
begin
  if c.target_type = 1 then
    return array[c.target_id];
  end if;
  return array(select m.account_id
                 from im.conversation v
                 join im.member m on m.conversation_id = v.id and m.left_at is null and m.role <> 'MEMBER'
                where v.group_id = c.target_id
                order by 1);
end $$;

-- A group may be written in by its owner and managers only, who can lift that.  Refuses 3001.
create or replace function im.complaint_mute_group(chat_group bigint) returns void
language plpgsql as $$
declare
  place im.conversation;
begin
  select * into place from im.conversation v where v.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to mute';
  end if;
  update im.conversation v set muted = true where v.id = place.id and not v.muted;
  if found then
    perform im.group_tell(place.id, json_build_object('event', 'MUTED', 'groupId', chat_group, 'operatorId', null, 'isMuted', true));
  end if;
end $$;

-- Does what was decided: 1 a warning, 2 a mute, 3 a ban, 4 nothing; the last two of a user until then (null: until lifted).
-- Refuses 403 without the permission to ban, 1001 and 3001 when the target is no more.
create or replace function im.complaint_act(admin bigint, c im.complaint, act integer, until timestamptz, why text) returns void
language plpgsql as $$
declare
  told text := coalesce(nullif(why, ''), c.reason);
begin
  if act in (2, 3) then
    perform im.permit(admin, case c.target_type when 1 then 'user.ban' else 'group.ban' end);
  end if;
  if act = 1 then
    perform im.complaint_target_now(c.target_type, c.target_id);
    perform im.notice_tell(admin, im.complaint_answerable(c), 'WARN', '警告', told);
  elsif act = 2 and c.target_type = 1 then
    perform im.account_mute(c.target_id, until, told);
    perform im.notice_tell(admin, im.complaint_answerable(c), 'MUTE', '禁言', told);
  elsif act = 2 then
    perform im.complaint_mute_group(c.target_id);
    perform im.notice_tell(admin, im.complaint_answerable(c), 'MUTE', '禁言', told);
  elsif act = 3 and c.target_type = 1 then
    perform im.account_ban(c.target_id, until, told);
  elsif act = 3 then
    perform im.group_ban(c.target_id, told);
  end if;
end $$;
