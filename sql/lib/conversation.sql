-- Internal functions about conversations: finding them, appending to them, who has read what.

-- Locks two accounts, the smaller id first: everything that changes what is between two people starts here.
create or replace function im.pair_lock(one bigint, other bigint) returns void
language plpgsql as $$
begin
  perform from im.account a where a.id in (one, other) order by a.id for no key update;
end $$;

-- Says in the pair's conversation whether they may write to each other.  Needs pair_lock(); waits for a message
-- being sent, so that none is committed after what closed it.
create or replace function im.pair_refresh(one bigint, other bigint) returns void
language plpgsql as $$
begin
  update im.conversation c
     set closed = case
       when not exists (select from im.friendship f where f.account_id = one and f.friend_id = other)
         then 'unfriended'
       when im.pair_blocked(one, other) then 'blocked'
     end
   where c.low_id = least(one, other) and c.high_id = greatest(one, other) and c.group_id is null;
end $$;

create or replace function im.pair_blocked(one bigint, other bigint) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.blacklist b where b.account_id = one and b.target_id = other)
      or exists (select from im.blacklist b where b.account_id = other and b.target_id = one);
end $$;

-- The conversation of two people, made when they first become friends.  Needs pair_lock().
create or replace function im.pair_conversation(one bigint, other bigint) returns bigint
language plpgsql as $$
declare
  pair bigint;
begin
  select c.id into pair from im.conversation c
   where c.low_id = least(one, other) and c.high_id = greatest(one, other) and c.group_id is null;
  if not found then
    insert into im.conversation (low_id, high_id) values (least(one, other), greatest(one, other))
    returning id into pair;
    insert into im.member (conversation_id, account_id) values (pair, one), (pair, other);
  end if;
  return pair;
end $$;

-- The greatest seq of a conversation whose message id is at most that one; 0 when there is none.  seq is dense and
-- id rises with it, so this halves.
create or replace function im.seq_at(conversation bigint, message bigint) returns bigint
language plpgsql stable as $$
declare
  low bigint := 0;
  high bigint;
  middle bigint;
begin
  select m.seq into low from im.message m where m.id = message and m.conversation_id = conversation;
  if found then
    return low;
  end if;
  select coalesce(min(m.seq), 1) - 1 into low from im.message m where m.conversation_id = conversation;
  select c.last_seq into high from im.conversation c where c.id = conversation;
  while low < high loop
    middle := (low + high + 1) / 2;
    if exists (select from im.message m
                where m.conversation_id = conversation and m.seq = middle and m.id <= message) then
      low := middle;
    else
      high := middle - 1;
    end if;
  end loop;
  return coalesce(low, 0);
end $$;

-- Moves the account's pointers of what it has received, one conversation after the other in the order of their ids.
create or replace function im.member_receive(me bigint, received json) returns void
language plpgsql as $$
declare
  place record;
begin
  if json_typeof(received) <> 'array' or json_array_length(received) > 1000
     or exists (select from json_array_elements(received) e
                 where e::text !~ '^\s*\[\s*("?)[1-9][0-9]{0,15}\1\s*,\s*("?)[0-9]{1,16}\2\s*\]\s*$') then
    raise sqlstate 'I0400' using message = 'received', hint = 'the pairs of what was received have another form';
  end if;
  for place in
    select (e ->> 0)::bigint as id, max((e ->> 1)::bigint) as seq
      from json_array_elements(received) e group by 1 order by 1
  loop
    update im.member b set delivered_seq = least(place.seq, c.last_seq)
      from im.conversation c
     where c.id = place.id and b.conversation_id = place.id and b.account_id = me and b.left_at is null
       and b.delivered_seq < least(place.seq, c.last_seq);
  end loop;
end $$;

-- How many messages of others the account has not acknowledged; counts to a thousand.
create or replace function im.member_pending(me bigint) returns bigint
language plpgsql stable as $$
begin
  return (
    select count(*)
      from (select 1
              from im.member b
              join im.conversation c on c.id = b.conversation_id and c.last_seq > b.delivered_seq
               and c.closed is distinct from 'dissolved'
             cross join lateral (
               select 1 from im.message m
                where m.conversation_id = b.conversation_id and m.seq > b.delivered_seq and m.sender_id <> me
                order by m.seq    -- by the index, whatever the planner expects to find at once
                limit 1000) x
             where b.account_id = me and b.left_at is null
             limit 1000) counted);
end $$;

-- When nothing of others is pending: what is not acknowledged is one's own, and need not be looked at again.
create or replace function im.member_advance(me bigint) returns void
language plpgsql as $$
begin
  update im.member b set delivered_seq = c.last_seq
    from im.conversation c
   where c.id = b.conversation_id and b.account_id = me and b.left_at is null and b.delivered_seq < c.last_seq
     and not exists (select from im.message m
                      where m.conversation_id = c.id and m.seq > b.delivered_seq and m.seq <= c.last_seq and m.sender_id <> me);
end $$;

-- How many messages of others came after the read pointer: exact up to a thousand, beyond that by seq alone.
create or replace function im.member_unread(conversation bigint, me bigint, read_seq bigint, last_seq bigint)
returns bigint
language plpgsql stable as $$
begin
  if last_seq - read_seq not between 1 and 1000 then
    return greatest(last_seq - read_seq, 0);
  end if;
  return (select count(*) from im.message m
           where m.conversation_id = conversation and m.seq > member_unread.read_seq and m.sender_id <> me);
end $$;

-- The conversation of two people who are, or were, friends.  Refuses 2001.
create or replace function im.pair_find(me bigint, friend bigint) returns im.conversation
language plpgsql stable as $$
declare
  pair im.conversation;
begin
  select * into pair from im.conversation c
   where c.low_id = least(me, friend) and c.high_id = greatest(me, friend) and c.group_id is null;
  if not found then
    raise sqlstate 'I2001' using hint = 'they have never been friends';
  end if;
  return pair;
end $$;

-- Moves the account's read pointer up to that message (null: the newest); answers the seq when it moved, else null.
create or replace function im.member_read(conversation bigint, me bigint, max_message bigint) returns bigint
language plpgsql as $$
declare
  now_read bigint := case when max_message is null
    then (select c.last_seq from im.conversation c where c.id = conversation)
    else im.seq_at(conversation, max_message) end;
begin
  update im.member b set read_seq = now_read, delivered_seq = greatest(b.delivered_seq, now_read)
   where b.conversation_id = conversation and b.account_id = me and b.read_seq < now_read;
  return case when found then now_read end;
end $$;
