-- Backstage: the groups.

-- PUT /im/group/ban  admin_group_ban(:me, groupId, reason)
-- Nobody sends, joins or robs in the group until that is lifted; what its packets still hold goes back when they expire.
-- Refuses: 403 without group.ban; 3001 no such group
-- Writes: chat_group, conversation, outbox, audit, audit_head
-- Tells: members, GROUP_MESSAGE BAN
create function api.admin_group_ban(me bigint, chat_group im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'group.ban');
  perform im.group_ban(chat_group, reason);
  perform im.audit_write(me, 'group.ban', 'group ' || chat_group, null, '{"status": "banned"}', reason);
end $$;

-- PUT /im/group/unban  admin_group_unban(:me, groupId)
-- Lifts a ban; one that is not there stays so.
-- Refuses: 403 without group.ban; 3001 no such group
-- Writes: chat_group, conversation, outbox, audit, audit_head
-- Tells: members, GROUP_MESSAGE UNBAN
create function api.admin_group_unban(me bigint, chat_group im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'group.ban');
  perform im.group_unban(chat_group);
  perform im.audit_write(me, 'group.ban', 'group ' || chat_group, null, '{"status": "normal"}', null);
end $$;

-- GET /im/group/list
--   admin_group_list(:me, :after, format?, page?, size?, sort?, order?, groupId?, name?, ownerId?, status?, startTime?, endTime?)
-- The groups, dissolved ones too.
-- Refuses: 403 without group.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_group_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_group im.id, of_name im.search_name, of_owner im.id, state im.group_status,
  first im.moment_from, last im.moment_to)
returns table (total text, id bigint, "groupName" text, "groupAvatar" text, "ownerId" bigint, "ownerName" text,
               "memberCount" integer, status text, "banReason" text, "isMuted" boolean, "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'group.read', 'im.group_list', '{id}', '{id,memberCount,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('id', of_group::bigint), im.list_is('ownerId', of_owner::bigint),
          im.group_in_state(state), im.list_from('createTime', first), im.list_until('createTime', last)], 'im.group_find',
    im.group_named(of_name));
end $$;

-- GET /im/group/detail  admin_group_detail(:me, groupId)
-- One group, with what is shown in it and complained about it.
-- Refuses: 403 without group.read; 3001 no such group
-- Writes: nothing
-- Tells: nobody
create function api.admin_group_detail(me bigint, chat_group im.id)
returns table (id bigint, "groupName" text, "groupAvatar" text, "ownerId" bigint, "ownerName" text, "memberCount" integer,
               status text, "banReason" text, "isMuted" boolean, "createTime" timestamptz, "groupNotice" text,
               "topMessage" text, "messageCount" bigint, "lastMessageTime" timestamptz, complaints json)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'group.read');
  return query
    select l.*, g.group_notice::text, g.top_message::text, c.last_seq,
           (select m.sent_at from im.message m where m.conversation_id = c.id and m.seq = c.last_seq),
           im.complaints_about(2, g.id)
      from im.group_list l
      join im.chat_group g on g.id = l.id
      join im.conversation c on c.id = g.conversation_id
     where l.id = chat_group;
  if not found then
    raise sqlstate 'I3001' using hint = 'no such group to look at';
  end if;
end $$;

-- GET /im/group/member/list
--   admin_group_member_list(:me, :after, format?, page?, size?, sort?, order?, groupId, role?)
-- The present members of a group, in the order in which they came unless asked otherwise.
-- Refuses: 403 without group.read; 3001 no such group; 400 sort
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_group_member_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_group im.id, of_role im.member_role)
returns table (total text, "userId" bigint, "groupId" bigint, username text, "nickName" text, "headImage" text, role text,
               "isMuted" boolean, "joinTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'group.read');
  if not exists (select from im.chat_group g where g.id = of_group) then
    raise sqlstate 'I3001' using hint = 'no such group to list';
  end if;
  return query execute im.list(me, 'group.read', 'im.group_member_list', '{groupId,userId}', '{joinTime,userId}',
    (format, after, page, size, sort, coalesce(direction, 'asc'))::im.list_ask,
    array[im.list_is('groupId', of_group::bigint), im.list_is('role', of_role::text)]);
end $$;

-- POST /im/group/dissolve  admin_group_dissolve(:me, groupId, reason?)
-- The group is no more, for anybody.
-- Refuses: 403 without group.write; 3001 no such group
-- Writes: conversation, outbox, audit, audit_head, chat_group
-- Tells: members, GROUP_MESSAGE DISSOLVE
create function api.admin_group_dissolve(me bigint, chat_group im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  place im.conversation;
begin
  perform im.permit(me, 'group.write');
  select * into place from im.conversation c where c.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to dissolve';
  end if;
  update im.conversation c set closed = 'dissolved' where c.id = place.id;
  perform im.group_tell(place.id, json_build_object('event', 'DISSOLVE', 'groupId', chat_group, 'operatorId', null));
  perform im.audit_write(me, 'group.write', 'group ' || chat_group, jsonb_build_object('status', coalesce(place.closed, 'normal')),
                         '{"status": "dissolved"}', reason);
end $$;

-- POST /im/group/transfer  admin_group_transfer(:me, groupId, userId, reason?)
-- Gives the group to another of its members; who owned it becomes an ordinary one.
-- Refuses: 403 without group.write; 3001 no such group; 3002 not a member; 3005 he owns it already
-- Writes: chat_group, member, outbox, audit, audit_head, conversation
-- Tells: members, GROUP_MESSAGE MANAGER
create function api.admin_group_transfer(me bigint, chat_group im.id, heir im.user_id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  place im.conversation;
  was bigint;
begin
  perform im.permit(me, 'group.write');
  select * into place from im.conversation c where c.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to hand over';
  end if;
  was := im.group_transfer(place.id, chat_group, heir);
  perform im.audit_write(me, 'group.write', 'group ' || chat_group, jsonb_build_object('ownerId', was),
                         jsonb_build_object('ownerId', heir), reason);
end $$;
