-- Internal functions about groups.

-- An event about a group, for its present members.
create or replace function im.group_tell(conversation bigint, data json) returns void
language plpgsql as $$
begin
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
    raise sqlstate 'I2001';
  elsif blocked > 0 then
    raise sqlstate 'I2003';
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
    raise sqlstate 'I3001';
  end if;
  select * into mine from im.member b
   where b.conversation_id = place and b.account_id = me and b.left_at is null;
  if not found then
    raise sqlstate 'I3002';
  end if;
  return mine;
end $$;
