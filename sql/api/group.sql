-- Groups.

-- POST /group/create  group_create(:me, groupName|name[30]!, groupAvatar|headImage?, groupNotice|notice!?, memberIds|friendIds|userIds?)
-- Makes a group of the caller, who owns it, and friends of his.
-- Refuses: 400 too many groups owned (groupName); 404 groupAvatar is a file of ours, but not a picture of the caller's;
--   2001 not a friend; 2003 blocked either way; 3007 too many members
-- Writes: chat_group, conversation, member, file, outbox
-- Tells: members, GROUP_MESSAGE JOIN
create function api.group_create(me bigint, groupName im.group_name, groupAvatar im.image,
                                 groupNotice im.group_notice, memberIds im.ids)
returns table (id bigint, "groupName" text, "groupAvatar" text, "ownerId" bigint, "memberCount" integer)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  invited bigint[] := array(select distinct u.id from unnest(memberIds) u(id) where u.id <> me order by 1);
  place bigint;
  made im.chat_group;
begin
  if cardinality(invited) + 1 > im.setting_int('group.member_limit') then
    raise sqlstate 'I3007' using hint = 'more members than a group may have are invited to a new one';
  end if;
  perform im.friends_check(me, invited);
  perform im.group_owned_check(me);
  perform im.file_show(me, null, groupAvatar, 'groupAvatar');
  made.id := nextval(pg_get_serial_sequence('im.chat_group', 'id'));
  insert into im.conversation (group_id) values (made.id) returning conversation.id into place;
  insert into im.chat_group (id, conversation_id, owner_id, group_name, group_avatar, group_notice, member_count)
  overriding system value
  values (made.id, place, me, groupName, coalesce(groupAvatar, ''), coalesce(groupNotice, ''), cardinality(invited) + 1)
  returning * into made;
  insert into im.member (conversation_id, account_id, role)
  select place, u.account, u.role
    from (select me, 'OWNER' union all select i, 'MEMBER' from unnest(invited) i) u(account, role);
  perform im.group_tell(place, json_build_object(
    'event', 'JOIN', 'groupId', made.id, 'operatorId', me, 'memberIds', array_to_json(me || invited),
    'memberCount', made.member_count));
  return query select made.id, made.group_name::text, made.group_avatar::text, made.owner_id, made.member_count;
end $$;

-- GET /group/members/{groupId}  group_members(:me, :groupId)
-- The members: owner, managers, then the others as they came.
-- Refuses: 3001 no such group; 3002 not a member
-- Writes: nothing
-- Tells: nobody
create function api.group_members(me bigint, groupId im.id)
returns table ("userId" bigint, "nickName" text, "headImage" text, role text, "joinTime" timestamptz,
               "isMuted" boolean)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  place bigint := (im.group_member(me, groupId)).conversation_id;
begin
  return query
    select b.account_id, a.nick_name::text, a.head_image::text, b.role, b.joined_at,
           coalesce(b.muted_until > now(), false)
      from im.member b
      join im.account a on a.id = b.account_id
     where b.conversation_id = place and b.left_at is null
     order by b.role = 'MEMBER', b.role = 'MANAGER', b.joined_at, b.account_id;
end $$;

-- PUT /group/modify  group_modify(:me, groupId, groupName|name[30]!?, groupAvatar|headImage?, groupNotice|notice!?)
-- Changes what is given; an empty picture or notice removes it.
-- Refuses: 3001 no such group; 3002 not a member; 3003 neither owner nor manager; 3004 group banned; 404 groupAvatar is a
--   file of ours, but not a picture of the caller's
-- Writes: chat_group, file, conversation, outbox
-- Tells: members, GROUP_MESSAGE MODIFY
create function api.group_modify(me bigint, groupId im.id, groupName im.group_name, groupAvatar im.image,
                                 groupNotice im.group_notice) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 2, false);
  changed im.chat_group;
begin
  perform im.file_show(me, (select g.group_avatar from im.chat_group g where g.id = groupId), groupAvatar, 'groupAvatar');
  update im.chat_group g
     set group_name = coalesce(groupName, g.group_name), group_avatar = coalesce(groupAvatar, g.group_avatar),
         group_notice = coalesce(groupNotice, g.group_notice)
   where g.id = groupId
     and (coalesce(groupName, g.group_name), coalesce(groupAvatar, g.group_avatar), coalesce(groupNotice, g.group_notice))
         is distinct from (g.group_name, g.group_avatar, g.group_notice)
  returning * into changed;
  if found then
    perform im.group_tell(mine.conversation_id, json_build_object(
      'event', 'MODIFY', 'groupId', groupId, 'operatorId', me, 'groupName', changed.group_name,
      'groupAvatar', changed.group_avatar, 'groupNotice', changed.group_notice));
  end if;
end $$;

-- DELETE /group/delete/{groupId}  group_delete(:me, :groupId)
-- Dissolves the group: from now on it does not exist for anybody.
-- Refuses: 3001 no such group; 3002 not a member; 3003 not the owner; 3004 group banned
-- Writes: conversation, chat_group, outbox
-- Tells: members, GROUP_MESSAGE DISSOLVE
create function api.group_delete(me bigint, groupId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 3, false);
begin
  update im.conversation c set closed = 'dissolved' where c.id = mine.conversation_id;
  perform im.group_tell(mine.conversation_id, json_build_object(
    'event', 'DISSOLVE', 'groupId', groupId, 'operatorId', me));
end $$;

-- GET /group/find/{groupId}  group_find(:me, :groupId)
-- A group; its notice, top message and call are for members.
-- Refuses: 3001 no such group
-- Writes: nothing
-- Tells: nobody
create function api.group_find(me bigint, groupId im.id)
returns table (id bigint, "groupName" text, "groupAvatar" text, "groupNotice" text, "ownerId" bigint,
               "memberCount" integer, "createTime" timestamptz, "isMuted" boolean, "isJoined" boolean,
               "isDnd" boolean, "topMessage" text, call json)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    select g.id, g.group_name::text, g.group_avatar::text,
           case when b.role is null then '' else g.group_notice::text end,
           g.owner_id, g.member_count, g.created_at, c.muted, b.role is not null, coalesce(b.dnd, false),
           case when b.role is not null then g.top_message::text end,
           case when b.role is not null then im.call_of_group(c.id) end
      from im.conversation c
      join im.chat_group g on g.id = c.group_id
      left join im.member b on b.conversation_id = c.id and b.account_id = me and b.left_at is null
     where c.group_id = groupId and c.closed is distinct from 'dissolved';
  if not found then
    raise sqlstate 'I3001' using hint = 'no such group to find';
  end if;
end $$;

-- GET /group/list  group_list(:me, page?, size?)
-- The groups the caller is in, the one with the latest message first, all of them or a page.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.group_list(me bigint, page integer default null, size integer default null)
returns table (id bigint, "groupName" text, "groupAvatar" text, "memberCount" integer, "unreadCount" bigint,
               "ownerId" bigint, "isDnd" boolean)
language plpgsql stable rows 50 security definer set search_path = im, pg_temp as $$
begin
  return query
    select l.id, l.group_name::text, l.group_avatar::text, l.member_count,
           im.member_unread(l.place, me, l.read_seq, l.last_seq), l.owner_id, l.dnd
      from (select g.*, c.id as place, c.last_seq, b.read_seq, b.dnd, coalesce(m.sent_at, g.created_at) as latest
              from im.member b
              join im.conversation c on c.id = b.conversation_id and c.closed is distinct from 'dissolved'
              join im.chat_group g on g.id = c.group_id
              left join im.message m on m.conversation_id = c.id and m.seq = c.last_seq
             where b.account_id = me and b.left_at is null and b.role is not null
             order by latest desc, g.id desc
             limit im.list_limit(page, size) offset im.page_offset(page, size)) l
     order by l.latest desc, l.id desc;
end $$;

-- POST /group/invite  group_invite(:me, groupId, memberIds|friendIds|userIds)
-- Brings friends of the caller in; those who are members already are passed over.
-- Refuses: 400 memberIds (none, or more than fifty); 2001 not a friend; 2003 blocked either way; 3001 no such group;
--   3002 not a member; 3004 group banned; 3005 all are members already; 3007 group full
-- Writes: member, chat_group, conversation, message, tally, outbox
-- Tells: members, GROUP_MESSAGE JOIN and MESSAGE
create function api.group_invite(me bigint, groupId im.id, memberIds im.some_ids) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 1, false);
  invited bigint[] := array(select distinct u.id from unnest(memberIds) u(id) where u.id <> me order by 1);
begin
  if cardinality(invited) > im.setting_int('group.invite_limit') then
    raise sqlstate 'I0400' using message = 'memberIds', hint = 'more are invited than may be at once';
  end if;
  perform im.friends_check(me, invited);
  invited := array(select u.id from unnest(invited) u(id)
                    where not exists (select from im.member b where b.conversation_id = mine.conversation_id
                                         and b.account_id = u.id and b.left_at is null));
  if cardinality(invited) = 0 then
    raise sqlstate 'I3005' using hint = 'all who are invited are members';
  end if;
  perform im.group_admit(mine.conversation_id, me, invited);
end $$;

-- POST /group/join/{groupId}  group_join(:me, :groupId)
-- Joins a group of one's own accord; who was removed needs an invitation.
-- Refuses: 403 was removed; 3001 no such group; 3004 group banned; 3005 a member already; 3007 group full
-- Writes: member, chat_group, conversation, message, tally, outbox
-- Tells: members, GROUP_MESSAGE JOIN and MESSAGE
create function api.group_join(me bigint, groupId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  place im.conversation;
  mine im.member;
begin
  select * into place from im.conversation c where c.group_id = groupId for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to join';
  end if;
  select * into mine from im.member b where b.conversation_id = place.id and b.account_id = me;
  if found and mine.left_at is null then
    raise sqlstate 'I3005' using hint = 'who joins is a member';
  elsif place.closed = 'banned' then
    raise sqlstate 'I3004' using hint = 'a banned group is not joined';
  elsif mine.removed then
    raise sqlstate 'I0403' using hint = 'who was removed does not join by himself';
  end if;
  perform im.group_admit(place.id, me, array[me]);
end $$;

-- DELETE /group/members/remove  group_members_remove(:me, groupId, memberIds|friendIds|userIds)
-- Removes members: the owner anybody else, a manager ordinary members.
-- Refuses: 400 memberIds (none); 3001 no such group; 3002 caller or one of them is not a member; 3003 role too low,
--   or oneself; 3004 group banned
-- Writes: member, chat_group, conversation, message, tally, outbox
-- Tells: members and those removed, GROUP_MESSAGE REMOVE; members MESSAGE
create function api.group_members_remove(me bigint, groupId im.id, memberIds im.some_ids) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 2, false);
  removed bigint[] := array(select distinct u.id from unnest(memberIds) u(id) order by 1);
  target bigint;
begin
  foreach target in array removed loop
    perform im.group_below(mine, target);
  end loop;
  perform im.group_part(mine.conversation_id, me, removed, 'REMOVE');
end $$;

-- DELETE /group/quit/{groupId}  group_quit(:me, :groupId)
-- Leaves a group; the owner dissolves it instead.
-- Refuses: 3001 no such group; 3002 not a member; 3003 the owner
-- Writes: member, chat_group, conversation, message, tally, outbox
-- Tells: members and the one who left, GROUP_MESSAGE QUIT; members MESSAGE
create function api.group_quit(me bigint, groupId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 1, true);
begin
  if mine.role = 'OWNER' then
    raise sqlstate 'I3003' using hint = 'the owner dissolves, and does not quit';
  end if;
  perform im.group_part(mine.conversation_id, me, array[me], 'QUIT');
end $$;

-- PUT /group/muted  group_muted(:me, groupId, isMuted)
-- Mutes all ordinary members, or ends that.
-- Refuses: 3001 no such group; 3002 not a member; 3003 neither owner nor manager; 3004 group banned
-- Writes: conversation, chat_group, outbox
-- Tells: members, GROUP_MESSAGE MUTED
create function api.group_muted(me bigint, groupId im.id, isMuted boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 2, false);
begin
  update im.conversation c set muted = isMuted where c.id = mine.conversation_id and c.muted <> isMuted;
  if found then
    perform im.group_tell(mine.conversation_id, json_build_object(
      'event', 'MUTED', 'groupId', groupId, 'operatorId', me, 'isMuted', isMuted));
  end if;
end $$;

-- PUT /group/members/muted  group_members_muted(:me, groupId, userId, isMuted, duration?)
-- Mutes one member for so many seconds, or until lifted; or lifts it.
-- Refuses: 3001 no such group; 3002 caller or target is not a member; 3003 target is not of lower rank;
--   3004 group banned
-- Writes: member, chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE MEMBER_MUTED
create function api.group_members_muted(me bigint, groupId im.id, userId im.user_id, isMuted boolean,
                                        duration im.mute_seconds) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 2, false);
  theirs im.member := im.group_below(mine, userId);
begin
  update im.member b
     set muted_until = case when isMuted then coalesce(clock_timestamp() + make_interval(secs => duration), 'infinity') end
   where b.conversation_id = theirs.conversation_id and b.account_id = theirs.account_id;
  perform im.group_tell(mine.conversation_id, json_build_object(
    'event', 'MEMBER_MUTED', 'groupId', groupId, 'operatorId', me, 'userId', userId, 'isMuted', isMuted,
    'duration', case when isMuted then duration end));
end $$;

-- POST /group/setTopMessage/{groupId}  group_top_message_set(:me, :groupId, content!)
-- Pins a text to the group.
-- Refuses: 3001 no such group; 3002 not a member; 3003 neither owner nor manager; 3004 group banned
-- Writes: chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE TOP_MESSAGE
create function api.group_top_message_set(me bigint, groupId im.id, content im.top_message) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.group_top_message(me, groupId, content);
end $$;

-- DELETE /group/removeTopMessage/{groupId}  group_top_message_remove(:me, :groupId)
-- Takes the pinned text away; again changes nothing.
-- Refuses: 3001 no such group; 3002 not a member; 3003 neither owner nor manager; 3004 group banned
-- Writes: chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE TOP_MESSAGE with content null
create function api.group_top_message_remove(me bigint, groupId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.group_top_message(me, groupId, null);
end $$;

-- POST /group/manager/add  group_manager_add(:me, groupId, userId)
-- Makes a member a manager, which ends a mute of his; again changes nothing.
-- Refuses: 3001 no such group; 3002 caller or target is not a member; 3003 not the owner, or oneself; 3004 group banned
-- Writes: member, chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE MANAGER
create function api.group_manager_add(me bigint, groupId im.id, userId im.user_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.group_manager(me, groupId, userId, 'MANAGER');
end $$;

-- DELETE /group/manager/remove  group_manager_remove(:me, groupId, userId)
-- Makes a manager an ordinary member; again changes nothing.
-- Refuses: 3001 no such group; 3002 caller or target is not a member; 3003 not the owner, or oneself; 3004 group banned
-- Writes: member, chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE MANAGER
create function api.group_manager_remove(me bigint, groupId im.id, userId im.user_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.group_manager(me, groupId, userId, 'MEMBER');
end $$;

-- POST /group/transfer  group_transfer(:me, groupId, userId|targetId)
-- Hands the group over to a member: he owns it, whatever muted him has ended, and the caller is an ordinary member.
-- Refuses: 400 the heir owns as many groups as he may (groupName); 3001 no such group; 3002 caller or heir is not a member;
--   3003 not the owner; 3004 group banned; 3005 to oneself
-- Writes: member, chat_group, conversation, outbox
-- Tells: members, GROUP_MESSAGE MANAGER of both
create function api.group_transfer(me bigint, groupId im.id, userId im.user_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 3, false);
begin
  if userId <> me then
    perform im.group_owned_check(userId);
  end if;
  perform im.group_transfer(mine.conversation_id, groupId, userId, me);
end $$;

-- PUT /group/dnd  group_dnd(:me, groupId, isDnd)
-- Whether the caller wants no disturbance by this group.
-- Refuses: 3001 no such group; 3002 not a member
-- Writes: member, outbox
-- Tells: the caller's devices, GROUP_MESSAGE DND
create function api.group_dnd(me bigint, groupId im.id, isDnd boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_member(me, groupId);
begin
  update im.member b set dnd = isDnd where b.conversation_id = mine.conversation_id and b.account_id = me;
  perform im.tell(array[me], 'GROUP_MESSAGE', json_build_object('event', 'DND', 'groupId', groupId, 'isDnd', isDnd));
end $$;
