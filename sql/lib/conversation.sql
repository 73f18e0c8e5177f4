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

-- The conversation of two people, made when they first become friends, or of one with himself, made by his first note.  Needs
-- pair_lock().
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
    insert into im.member (conversation_id, account_id) select distinct pair, u.id from unnest(array[one, other]) u(id);
  end if;
  return pair;
end $$;

-- The greatest seq of a conversation whose message id is at most that one; 0 when there is none.  id rises with seq, so this
-- halves.
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
    if message >= (select m.id from im.message m
                    where m.conversation_id = conversation and m.seq <= middle order by m.seq desc limit 1) then
      low := middle;
    else
      high := middle - 1;
    end if;
  end loop;
  return coalesce((select m.seq from im.message m where m.conversation_id = conversation and m.seq <= low order by m.seq desc limit 1), low, 0);
end $$;

-- Moves the account's pointers of what it has received, one conversation after the other in the order of their ids.
create or replace function im.member_receive(me bigint, received json) returns void
language plpgsql as $$
declare
  place record;
begin
  for place in
    select p.* from im.seq_pairs(received, 'received') p order by p.id
  loop
    update im.member b set delivered_seq = least(place.seq, c.last_seq)
      from im.conversation c
     where c.id = place.id and b.conversation_id = place.id and b.account_id = me and b.left_at is null
       and b.delivered_seq < least(place.seq, c.last_seq);
  end loop;
end $$;

-- What others sent, in private chats or in groups, and the account has not acknowledged, as much of it as one answer takes,
-- the oldest first: all of it if that fits; else what comes after that message (0: from the first), and when nothing does,
-- from the first again.  Ids of two conversations may commit in another order than they were drawn, and what a client got by
-- push says nothing of what it did not: so an id never tells that a client has what comes before it.
create or replace function im.member_lacks(me bigint, grouped boolean, after bigint)
returns table (conversation_id bigint, seq bigint)
language plpgsql stable rows 100 as $$
declare
  most integer := im.setting_int('message.pull_limit');
begin
  return query
    with waiting as materialized (
      select c.id, b.delivered_seq, case when after > 0 then greatest(im.seq_at(c.id, after), b.delivered_seq)
             else b.delivered_seq end as passed
        from im.member b
        join im.conversation c on c.id = b.conversation_id and c.last_seq > b.delivered_seq
         and c.closed is distinct from 'dissolved'
       where b.account_id = me and b.left_at is null and (b.role is not null) = grouped),
    found as (
      select n.*, true as later from waiting w cross join lateral (
        select m.conversation_id, m.seq, m.id, m.content from im.message m
         where m.conversation_id = w.id and m.seq > w.passed and m.sender_id <> me
         order by m.seq limit most + 1) n
      union all
      select o.*, false from waiting w cross join lateral (
        select m.conversation_id, m.seq, m.id, m.content from im.message m
         where m.conversation_id = w.id and m.seq > w.delivered_seq and m.seq <= w.passed and m.sender_id <> me
         order by m.seq limit most + 1) o),
    summed as (
      select f.*, bool_or(f.later) over () as later_ones, row_number() over part as n,
             sum(octet_length(to_json(f.content)::text) + 400) over part as bytes,     -- 400: its other fields
             count(*) over () <= most and sum(octet_length(to_json(f.content)::text) + 400) over () <= im.answer_bytes() as fits
        from found f
      window part as (partition by f.later order by f.id rows unbounded preceding))
    select s.conversation_id, s.seq from summed s
     where s.fits or (s.later = s.later_ones and s.n <= most and s.bytes <= im.answer_bytes())
     order by s.id;
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

-- How many messages of others, not recalled, came after the read pointer.  Whatever there are, it looks at less than three
-- blocks of them (im.tally): up to the next block that is full, and of the last one.  What is not kept any more was before.
create or replace function im.member_unread(conversation bigint, me bigint, read_seq bigint, last_seq bigint)
returns bigint
language plpgsql stable as $$
declare
  after bigint := read_seq;
  full_seq bigint;
begin
  if last_seq - read_seq > im.tally_block() then
    after := greatest(read_seq, im.message_floor(conversation));
    select t.block * im.tally_block() into full_seq from im.tally t
     where t.conversation_id = conversation and t.account_id = 0 and t.block >= (after + im.tally_block() - 1) / im.tally_block() order by t.block limit 1;
    if full_seq <= last_seq then
      return im.message_count(conversation, me, after, full_seq)
           + im.message_count(conversation, me, 0, last_seq) - im.message_count(conversation, me, 0, full_seq);
    end if;
    return im.message_count(conversation, me, after, last_seq);
  elsif last_seq > read_seq then
    return im.message_count(conversation, me, read_seq, last_seq);
  end if;
  return 0;
end $$;

-- The conversation of two people who are, or were, friends; of one with himself, null before his first note.  Refuses 2001.
create or replace function im.pair_find(me bigint, friend bigint) returns im.conversation
language plpgsql stable as $$
declare
  pair im.conversation;
begin
  select * into pair from im.conversation c
   where c.low_id = least(me, friend) and c.high_id = greatest(me, friend) and c.group_id is null;
  if not found and me <> friend then
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
  -- A friend's devices show how far one has read.  The conversation's lock first, as everywhere.
  update im.conversation c set changed = pg_current_xact_id()
   where c.id = conversation and c.group_id is null
     and exists (select from im.member b where b.conversation_id = c.id and b.account_id = me and b.read_seq < now_read);
  update im.member b set read_seq = now_read, delivered_seq = greatest(b.delivered_seq, now_read)
   where b.conversation_id = conversation and b.account_id = me and b.read_seq < now_read;
  return case when found then now_read end;
end $$;

-- The greatest seq of a page of history, newest first: before one message, or after another, or of the newest.
create or replace function im.page_top(newest bigint, skipped int8multirange, before bigint, after bigint, page integer, size integer)
returns bigint
language sql immutable as $$
  select im.seq_ranked(skipped, case
    when after is not null then least(im.seq_rank(skipped, newest), im.seq_rank(skipped, after) + im.page_offset(page, size) + im.page_limit(size))
    else im.seq_rank(skipped, least(newest, before - 1)) - im.page_offset(page, size) end)
$$;

-- And the one before the smallest of that page.
create or replace function im.page_bottom(top bigint, skipped int8multirange, after bigint, page integer, size integer) returns bigint
language sql immutable as $$
  select im.seq_ranked(skipped, coalesce(im.seq_rank(skipped, after) + im.page_offset(page, size), im.seq_rank(skipped, top) - im.page_limit(size)))
$$;

-- Tells the account's devices what it has set a conversation to.
create or replace function im.member_tell_set(mine im.member) returns void
language plpgsql as $$
begin
  perform im.tell(array[mine.account_id], case when mine.role is null then 'PRIVATE_MESSAGE' else 'GROUP_MESSAGE' end,
    json_build_object('event', 'SET', 'conversationId', mine.conversation_id, 'isTop', mine.topped, 'isDnd', mine.dnd,
      'isHidden', mine.hidden_seq is not null));
end $$;

-- These conversations of the account, as lists show them; not one without a word with somebody who is no friend any more.
create or replace function im.conversation_state(me bigint, wanted bigint[]) returns setof im.conversation_shown
language plpgsql stable rows 50 as $$
begin
  return query
    select c.id, case when c.group_id is null then 'PRIVATE' else 'GROUP' end, coalesce(c.group_id, a.id),
           coalesce(g.group_name::text, nullif(f.remark::text, ''), a.nick_name::text),
           coalesce(g.group_avatar::text, a.head_image::text), c.last_seq, b.read_seq, b.joined_seq, r.read_seq,
           case when c.last_seq - b.read_seq > im.tally_block() then im.member_unread(c.id, me, b.read_seq, c.last_seq)
                when c.last_seq > b.read_seq then (     -- as that function counts, which costs three times as much to call
                  select count(*) from im.message x
                   where x.conversation_id = c.id and x.seq > b.read_seq and x.seq <= c.last_seq and x.sender_id <> me
                     and x.recalled_at is null and x.message_type <> 9)
                else 0 end,
           m.id, m.sender_id,
           case m.message_type when 1 then left(m.content, 200) else m.content end, m.message_type,
           im.time_text(m.sent_at), m.recalled_at is not null, b.topped, b.dnd,
           coalesce(b.hidden_seq >= c.last_seq, false),
           c.last_seq > b.read_seq and exists (select from im.message x
                                                where x.conversation_id = c.id and x.seq > b.read_seq and x.at_user_ids is not null
                                                  and x.at_user_ids && array[me, -1] and x.sender_id <> me)
      from unnest(wanted) w(id)
      join im.conversation c on c.id = w.id and c.closed is distinct from 'dissolved'
      join im.member b on b.conversation_id = c.id and b.account_id = me and b.left_at is null
      left join im.chat_group g on g.id = c.group_id
      left join im.account a on a.id = case me when c.low_id then c.high_id else c.low_id end
      left join im.member r on r.conversation_id = c.id and r.account_id = a.id
      left join im.friendship f on f.account_id = me and f.friend_id = a.id
      left join im.message m on m.conversation_id = c.id and m.seq = c.last_seq and m.seq > b.joined_seq
     where c.group_id is not null or f.account_id is not null or c.last_seq > 0;
end $$;
