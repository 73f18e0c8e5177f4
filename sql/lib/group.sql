-- Internal functions about groups.

-- An event about a group, for its present members; and for the devices of theirs that are not there, its stamp.  Needs
-- the group's lock, as does whatever is told.
create or replace function im.group_tell(conversation bigint, data json) returns void
language plpgsql as $$
begin
  update im.conversation c set changed = pg_current_xact_id() where c.id = conversation;
  update im.chat_group g set changed = pg_current_xact_id() where g.conversation_id = conversation;
  perform im.tell_conversation(conversation, null, 'GROUP_MESSAGE', data);
end $$;

-- All of these are friends of the account, and no block is between them.  Refuses 2001, 2003.
create or replace function im.friends_check(me bigint, others bigint[]) returns void
language plpgsql stable as $$
declare
  friends bigint;
  blocked bigint;
begin
  select count(*), count(c.closed) into friends, blocked
    from im.friendship f
    join im.conversation c on c.id = f.conversation_id
   where f.account_id = me and f.friend_id = any (others);
  if friends < cardinality(others) then
    raise sqlstate 'I2001' using hint = 'one of those is no friend of the caller';
  elsif blocked > 0 then
    raise sqlstate 'I2003' using hint = 'one of those and the caller have blocked each other';
  end if;
end $$;

-- The account may own one more group; its row is locked, so that two made at once are counted one after the other.
-- Refuses 400 groupName.
create or replace function im.group_owned_check(me bigint) returns void
language plpgsql as $$
begin
  perform from im.account a where a.id = me for no key update;
  if (select count(*) from im.chat_group g
        join im.conversation c on c.id = g.conversation_id and c.closed is distinct from 'dissolved'
       where g.owner_id = me) >= im.setting_int('group.owned_limit') then
    raise sqlstate 'I0400' using message = 'groupName', hint = 'the caller owns as many groups as he may';
  end if;
end $$;

-- The account's own row in a group.  Refuses 3001 no such group, 3002 not a member.
create or replace function im.group_member(me bigint, chat_group bigint) returns im.member
language plpgsql stable as $$
declare
  place bigint;
  mine im.member;
begin
  select c.id into place from im.conversation c
   where c.group_id = chat_group and c.closed is distinct from 'dissolved';
  if not found then
    raise sqlstate 'I3001' using hint = 'no such group of the caller';
  end if;
  select * into mine from im.member b
   where b.conversation_id = place and b.account_id = me and b.left_at is null;
  if not found then
    raise sqlstate 'I3002' using hint = 'the caller is not in the group';
  end if;
  return mine;
end $$;

create or replace function im.role_rank(role text) returns integer
language sql immutable as $$
  select case role when 'OWNER' then 3 when 'MANAGER' then 2 else 1 end
$$;

-- Takes the group's lock for a change and answers the caller's own row as it is under it.  least_rank as of
-- im.role_rank(); even_banned: the change is allowed in a banned group too.
-- Refuses 3001 no such group, 3002 not a member, 3003 role too low, 3004 banned.
create or replace function im.group_take(me bigint, chat_group bigint, least_rank integer, even_banned boolean)
returns im.member
language plpgsql as $$
declare
  place im.conversation;
  mine im.member;
begin
  select * into place from im.conversation c where c.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to change';
  end if;
  select * into mine from im.member b
   where b.conversation_id = place.id and b.account_id = me and b.left_at is null;
  if not found then
    raise sqlstate 'I3002' using hint = 'who changes the group is not in it';
  elsif place.closed = 'banned' and not even_banned then
    raise sqlstate 'I3004' using hint = 'a banned group is not changed';
  elsif im.role_rank(mine.role) < least_rank then
    raise sqlstate 'I3003' using hint = 'the role in the group is too low';
  end if;
  return mine;
end $$;

-- The row of the member a change is about.  Refuses 3002 not a member, 3003 not of lower rank than the caller.
create or replace function im.group_below(mine im.member, target bigint) returns im.member
language plpgsql stable as $$
declare
  theirs im.member;
begin
  select * into theirs from im.member b
   where b.conversation_id = mine.conversation_id and b.account_id = target and b.left_at is null;
  if not found then
    raise sqlstate 'I3002' using hint = 'whom it concerns is not in the group';
  elsif im.role_rank(theirs.role) >= im.role_rank(mine.role) then
    raise sqlstate 'I3003' using hint = 'whom it concerns has no lower role';
  end if;
  return theirs;
end $$;

-- Keeps in the history who came or left, as a message of type 9 by whoever did it, under the group's lock: nobody's unread
-- count has it, and no text.  Of one account there are at most four among the last fifty messages, so that nobody fills a chat
-- by coming and going; the event is told all the same.
create or replace function im.group_note(place bigint, operator bigint, event text, whom bigint[]) returns void
language plpgsql as $$
declare
  m im.group_message;
  next_seq bigint;
begin
  if (select count(*) from im.conversation c
        join im.message x on x.conversation_id = c.id and x.seq > c.last_seq - 50 and x.message_type = 9 and x.sender_id = operator
       where c.id = place) >= 4 then
    return;
  end if;
  update im.conversation c set last_seq = greatest(c.last_seq + 1, upper(c.skipped)), changed = pg_current_xact_id()
   where c.id = place returning c.last_seq into next_seq;
  insert into im.message (conversation_id, seq, sender_id, message_type, content)
  values (place, next_seq, operator, 9, im.compact(json_build_object('event', event, 'operatorId', operator, 'memberIds', array_to_json(whom))));
  select * into m from im.group_message g where g."conversationId" = place and g.seq = next_seq;
  perform im.tell_conversation(place, next_seq, 'GROUP_MESSAGE', im.group_json(m, 'MESSAGE'));
  perform im.stored();
end $$;

-- Adds accounts who are not members, under the group's lock, and tells everybody.  Who comes back sees what is
-- said from now on, and stays muted if he was.  Refuses 3007 too many members.
create or replace function im.group_admit(place bigint, operator bigint, newcomers bigint[]) returns void
language plpgsql as $$
declare
  grown im.chat_group;
begin
  insert into im.member as b (conversation_id, account_id, role, joined_seq, read_seq, delivered_seq)
  select c.id, n.id, 'MEMBER', c.last_seq, c.last_seq, c.last_seq
    from im.conversation c, unnest(newcomers) n(id)
   where c.id = place
  on conflict on constraint member_pkey do update
    set role = 'MEMBER', joined_seq = excluded.joined_seq, joined_at = now(), left_at = null, removed = false,
        read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq, dnd = false, topped = false;
  update im.chat_group g set member_count = g.member_count + cardinality(newcomers)
   where g.conversation_id = place returning * into grown;
  if grown.member_count > im.setting_int('group.member_limit') then
    raise sqlstate 'I3007' using hint = 'the group would have too many members';
  end if;
  perform im.group_tell(place, json_build_object(
    'event', 'JOIN', 'groupId', grown.id, 'operatorId', operator, 'memberIds', array_to_json(newcomers),
    'memberCount', grown.member_count));
  perform im.group_note(place, operator, 'JOIN', newcomers);
end $$;

-- Takes members out, under the group's lock, and tells them and those who stay.  event: QUIT or REMOVE.
create or replace function im.group_part(place bigint, operator bigint, leavers bigint[], event text) returns void
language plpgsql as $$
declare
  shrunk im.chat_group;
  data json;
begin
  update im.member b set left_at = now(), removed = (event = 'REMOVE')
   where b.conversation_id = place and b.account_id = any (leavers) and b.left_at is null;
  update im.chat_group g set member_count = g.member_count - cardinality(leavers)
   where g.conversation_id = place returning * into shrunk;
  data := json_build_object('event', event, 'groupId', shrunk.id, 'operatorId', operator,
                            'memberIds', array_to_json(leavers), 'memberCount', shrunk.member_count);
  perform im.tell(leavers, 'GROUP_MESSAGE', data);
  perform im.group_tell(place, data);
  perform im.group_note(place, operator, event, leavers);
end $$;

-- For the backstage: nobody sends, joins or changes anything in a banned group.  Refuse 3001; again changes nothing.
create or replace function im.group_ban(chat_group bigint, why text) returns void
language plpgsql as $$
declare
  place im.conversation;
begin
  select * into place from im.conversation c where c.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to ban';
  elsif place.closed is null then
    update im.conversation c set closed = 'banned' where c.id = place.id;
    perform im.group_tell(place.id, json_build_object('event', 'BAN', 'groupId', chat_group, 'reason', why));
  end if;
  update im.chat_group g set ban_reason = why where g.id = chat_group;
end $$;

create or replace function im.group_unban(chat_group bigint) returns void
language plpgsql as $$
declare
  place im.conversation;
begin
  select * into place from im.conversation c where c.group_id = chat_group for no key update;
  if not found or place.closed = 'dissolved' then
    raise sqlstate 'I3001' using hint = 'no such group to unban';
  elsif place.closed = 'banned' then
    update im.conversation c set closed = null where c.id = place.id;
    update im.chat_group g set ban_reason = null where g.id = chat_group;
    perform im.group_tell(place.id, json_build_object('event', 'UNBAN', 'groupId', chat_group));
  end if;
end $$;

create or replace function im.group_top_message(me bigint, chat_group bigint, pinned text) returns void
language plpgsql as $$
declare
  mine im.member := im.group_take(me, chat_group, 2, false);
begin
  update im.chat_group g set top_message = pinned where g.id = chat_group and g.top_message is distinct from pinned;
  if found then
    perform im.group_tell(mine.conversation_id, json_build_object(
      'event', 'TOP_MESSAGE', 'groupId', chat_group, 'operatorId', me, 'content', pinned));
  end if;
end $$;

create or replace function im.group_manager(me bigint, chat_group bigint, target bigint, new_role text) returns void
language plpgsql as $$
declare
  mine im.member := im.group_take(me, chat_group, 3, false);
  theirs im.member := im.group_below(mine, target);
begin
  if theirs.role <> new_role then
    update im.member b set role = new_role, muted_until = case new_role when 'MEMBER' then b.muted_until end
     where b.conversation_id = mine.conversation_id and b.account_id = target;
    perform im.group_tell(mine.conversation_id, json_build_object(
      'event', 'MANAGER', 'groupId', chat_group, 'operatorId', me, 'userId', target, 'role', new_role));
  end if;
end $$;

-- For the backstage: a member becomes the owner, and the owner a member, under the group's lock.  Answers who owned it.
-- Refuses 3002 not a member, 3005 the owner already.
create or replace function im.group_transfer(place bigint, chat_group bigint, heir bigint, operator bigint default null) returns bigint
language plpgsql as $$
declare
  was bigint := (select g.owner_id from im.chat_group g where g.id = chat_group);
begin
  if was = heir then
    raise sqlstate 'I3005' using hint = 'the heir owns the group already';
  elsif not exists (select from im.member b where b.conversation_id = place and b.account_id = heir and b.left_at is null) then
    raise sqlstate 'I3002' using hint = 'the heir is not in the group';
  end if;
  update im.member b set role = 'MEMBER' where b.conversation_id = place and b.account_id = was;
  update im.member b set role = 'OWNER', muted_until = null where b.conversation_id = place and b.account_id = heir;
  update im.chat_group g set owner_id = heir where g.id = chat_group;
  perform im.group_tell(place, json_build_object(
    'event', 'MANAGER', 'groupId', chat_group, 'operatorId', operator, 'userId', was, 'role', 'MEMBER'));
  perform im.group_tell(place, json_build_object(
    'event', 'MANAGER', 'groupId', chat_group, 'operatorId', operator, 'userId', heir, 'role', 'OWNER'));
  return was;
end $$;
