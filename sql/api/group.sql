-- Groups.

-- POST /group/create  group_create(:me, groupName, groupAvatar?, groupNotice?, memberIds?)
-- Makes a group of the caller, who owns it, and friends of his.
-- Refuses: 400 too many groups owned (groupName); 2001 not a friend; 2003 blocked either way; 3007 too many members
-- Writes: chat_group, conversation, member, outbox
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
    raise sqlstate 'I3007';
  end if;
  perform im.friends_check(me, invited);
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
