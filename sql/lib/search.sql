-- Finding messages by what is said in them.

-- Letters and digits alone, whatever their case and width: what stands between them hides nothing.
create or replace function im.search_text(content text) returns text
language plpgsql immutable parallel safe as $$
begin
  return regexp_replace(im.fold(content), '[^[:alnum:]]+', '', 'g');
end $$;

-- How many of the next messages are put where they are found at a time: 2000, and not more than 600,000 bytes of text, but always
-- one; a message of 4,096 letters takes milliseconds, and statements have an end.
create or replace function im.search_batch() returns integer
language plpgsql stable as $$
begin
  return greatest(1, (
    select count(*) from (
      select sum(octet_length(m.content)) over (order by m.id) as so_far
        from im.message m
       where m.id > (select f.id from im.follower f where f.name = 'search')
       order by m.id limit 2000) x
     where x.so_far <= 600000));
end $$;

-- Job of imclerk: the messages that have come are put where administrators find them.
create or replace function im.search_follow() returns bigint
language plpgsql as $$
declare
  ids bigint[];
begin
  if not im.follow_waits('search', 'im.message') or not im.stat_turn() then
    return 0;
  end if;
  ids := coalesce(im.follow('search', 'im.message', im.search_batch()), '{}');
  if ids = '{}' then
    return 0;
  end if;
  perform im.stat_messages(ids);           -- first: whoever waits for a row of message_text then waits for nothing else
  -- The order is that of all who do this.  One that is recalled meanwhile has its row (im.message_erase).
  insert into im.message_text (id, conversation_id, sender_id, sent_at, private, words)
  select m.id, m.conversation_id, m.sender_id, m.sent_at, c.group_id is null,
         case when m.message_type = 1 then im.search_text(m.content) else '' end
    from im.message m
    join im.conversation c on c.id = m.conversation_id
   where m.id = any (ids)
   order by m.id
  on conflict do nothing;
  return cardinality(ids);
end $$;

-- A recalled message is found by its words no more.
create or replace function im.search_forget(m im.message) returns void
language plpgsql as $$
begin
  insert into im.message_text (id, conversation_id, sender_id, sent_at, private, words)
  select m.id, m.conversation_id, m.sender_id, m.sent_at, c.group_id is null, ''
    from im.conversation c where c.id = m.conversation_id
  on conflict (id) do update set words = '';
end $$;

-- Pairs of neighbouring letters of what is asked for.
create or replace function im.search_pairs(words text) returns text[]
language plpgsql immutable as $$
begin
  return array(select distinct substr(words, i, 2) from generate_series(1, length(words) - 1) i);
end $$;

-- Messages in whose text this stands.  Refuses 400 with the field's name for less than two letters or digits.
create or replace function im.search_said(asked text, field text) returns im.list_words
language plpgsql immutable as $$
declare
  words text := im.search_text(asked);
begin
  if length(words) < 2 then
    raise sqlstate 'I0400' using message = field, hint = 'less than two letters or digits are looked for';
  end if;
  return (im.list_where('im.neighbours(words) @> %L::text[]', case when asked is not null then im.search_pairs(words) end),
          im.list_where('strpos(words, %L) > 0', words), null, null, null)::im.list_words;
end $$;

-- How many messages of an hour, a day or 32 days (im.message_times) have these words.  Of two letters their one pair is all there
-- is to it, and no row is read, the index alone.
create or replace function im.search_count(words text, period integer) returns bigint
language plpgsql stable as $$
declare
  pairs text[] := im.search_pairs(words);
begin
  if length(words) = 2 then
    return (select count(*) from im.message_text t
             where im.neighbours(t.words) @> pairs and im.message_times(t.private, t.sent_at) @> array[period]);
  end if;
  return (select count(*) from im.message_text t
           where im.neighbours(t.words) @> pairs and im.message_times(t.private, t.sent_at) @> array[period]
             and strpos(t.words, search_count.words) > 0);
end $$;

-- The longest of 1, 24 and 768 hours, not above widest, that can be gone at once from one hour towards another.
create or replace function im.search_step(here integer, stop integer, widest integer) returns integer
language plpgsql immutable as $$
begin
  return case when widest = 768 and here % 768 = 0 and abs(stop - here) >= 768 then 768
              when widest > 1 and here % 24 = 0 and abs(stop - here) >= 24 then 24
              else 1 end;
end $$;

-- Where a page lies in the list of the messages that have these words, which goes by time from one hour to another: first whole
-- periods are passed over, of no more than leave rows together; then come those that have the page, until its wanted rows are in them.
-- Both are counted by the index, so that neither the rows before a deep page are read, nor the many that have a frequent word,
-- nor those between two rare hits.  An hour that alone has more than is well sorted ends it: its page is met soon by going along
-- the list from there, without periods.  total: when it is not above most.
create or replace function im.search_walk(words text, personal boolean, inout here integer, stop integer, widest integer, leave bigint,
                                          wanted bigint, most bigint, out passed bigint, out periods integer[], out total bigint) returns record
language plpgsql stable as $$
declare
  way integer := sign(stop - here);
  at integer := here;
  taken bigint := 0;
  width integer;
  period integer;
  n bigint;
begin
  passed := 0;
  total := 0;
  while at <> stop and (passed + taken < leave + wanted or total <= most) loop
    width := im.search_step(at, stop, widest);
    period := (case when personal then 1 else -1 end) * (least(at, at + way * width) / width);
    n := im.search_count(words, period);
    if passed + taken >= leave + wanted then
      null;                                -- the page is found; what follows is counted for the total
    elsif periods is null and passed + n <= leave then
      passed := passed + n;
    elsif n > 500 and width > 1 then
      widest := case width when 768 then 24 else 1 end;
      continue;
    elsif n > 5000 then
      periods := null;
      exit;
    elsif n > 0 then
      periods := periods || period;
      taken := taken + n;
    end if;
    total := total + n;
    at := at + way * width;
    here := case when periods is null then at else here end;
    widest := case when n > 300 then widest when width = 1 then greatest(widest, 24) else 768 end;
  end loop;
  total := case when at = stop then total end;
end $$;

-- Between which hours that walk goes, from the one to the other, and its first step: as much as has some thousand rows with these
-- words, as the planner knows them.  Null when a time that was asked for is no whole hour, or there is no message.
create or replace function im.search_hours(first timestamptz, last timestamptz, expected bigint, out low integer, out high integer, out widest integer)
returns record
language plpgsql stable as $$
declare
  oldest integer := (select floor(extract(epoch from min(t.sent_at)) / 3600) from im.message_text t);
  newest integer := (select floor(extract(epoch from max(t.sent_at)) / 3600) from im.message_text t);
begin
  if oldest is null or extract(epoch from first) % 3600 <> 0 or extract(epoch from last) % 3600 <> 0 then
    return;
  end if;
  low := extract(epoch from first)::bigint / 3600;
  high := extract(epoch from last)::bigint / 3600;
  widest := (select coalesce(max(w), 1) from unnest('{24,768}'::integer[]) w
              where w * expected / (1 + newest - oldest) <= 10000);
  low := case when low > oldest then low else oldest / widest * widest end;
  high := case when high <= newest then high else (newest / widest + 1) * widest end;
end $$;

-- Messages in whose text this stands, among those between two people or those to groups alone, for one page of their list:
-- where that page lies.  An export goes on behind its last row anyway.  Refuses as im.search_said() does.
create or replace function im.search_page(asked text, ask im.list_ask, personal boolean, first im.moment_from, last im.moment_to) returns im.list_words
language plpgsql as $$
declare
  hit im.list_words := im.search_said(asked, 'text');
  words text := im.search_text(asked);
  up boolean := ask.direction is not distinct from 'asc';
  leave bigint := im.page_offset(ask.page, ask.size);
  hours record;
  walk record;
begin
  if hit.said is null or ask.format is not distinct from 'csv' then
    return hit;
  end if;
  select * into hours from im.search_hours(im.moment_begin(first), im.moment_end(last), im.list_expected('im.message_find', hit.pairs));
  if hours.low is null then
    return hit;
  end if;
  hours.high := greatest(hours.low, hours.high);
  select * into walk from im.search_walk(words, personal, case when up then hours.low else hours.high end, case when up then hours.high else hours.low end,
    hours.widest, leave, im.page_limit(ask.size), im.setting_int('list.exact'));
  hit.passed := walk.passed;
  hit.total := walk.total;
  hit.place := case
    when walk.periods is not null then format('times && %L::integer[] and ', walk.periods) || hit.pairs || case when length(words) > 2 then ' and ' || hit.said else '' end
    when walk.total is not null then 'false'
    else format('"sendTime" %s %L and ', case when up then '>=' else '<' end, to_timestamp(walk.here::bigint * 3600)) || hit.said end;
  return hit;
end $$;

-- Messages in which the filter would have found the word: at most three marks between two letters, none of which ends a
-- clause, and a word of ASCII letters and digits alone (words.h).
create or replace function im.search_hit(word text) returns im.list_words
language plpgsql immutable as $$
declare
  hit im.list_words := im.search_said(word, 'word');
  words text := im.search_text(word);
  spelt text := array_to_string(string_to_array(words, null), '[^[:alnum:],;:!?、。[:cntrl:]]{0,3}');
begin
  if words ~ '^[a-z0-9]+$' then
    spelt := '(^|[^a-z0-9])' || spelt || '($|[^a-z0-9])';
  end if;
  hit.said := hit.said || format(' and im.fold(content) ~ %L', spelt);
  return hit;
end $$;

-- The messages of a user in private chats, or the whole chat of two.  Refuses 400 friendId without userId.
create or replace function im.search_between(account bigint, friend bigint) returns text
language plpgsql stable as $$
begin
  if friend is not null and account is null then
    raise sqlstate 'I0400' using message = 'friendId', hint = 'a chat of two is looked for, and only one of them named';
  elsif friend is null then
    return im.list_is('senderId', account);
  end if;
  return format('"conversationId" = %s', coalesce((
    select c.id from im.conversation c
     where c.low_id = least(account, friend) and c.high_id = greatest(account, friend) and c.group_id is null), 0));
end $$;

-- The messages of a group, by its number.
create or replace function im.message_in_group(wanted bigint) returns text
language plpgsql stable as $$
begin
  return case when wanted is not null then format('"conversationId" = %s',
    coalesce((select g.conversation_id from im.chat_group g where g.id = wanted), 0)) end;
end $$;

-- The query of a list of messages, and the record that it was looked at; an export is recorded as all are.
-- Refuses 403 without message.read, 400 sort.
create or replace function im.message_list_query(admin bigint, ask im.list_ask, conditions text[], words im.list_words) returns text
language plpgsql as $$
declare
  listed text := im.list(admin, 'message.read', 'im.message_list', '{id}', '{sendTime}', ask, conditions, 'im.message_find', words);
begin
  if ask.format is distinct from 'csv' then
    perform im.audit_write(admin, 'message.read', 'list message', null,
      jsonb_build_object('filter', concat_ws(' and ', array_to_string(conditions, ' and '), words.said), 'page', coalesce(ask.page, 1)), null);
  end if;
  return listed;
end $$;

-- Tells whom a message was for that an administrator has recalled it.
create or replace function im.message_recall_tell(m im.message, place im.conversation) returns void
language plpgsql as $$
begin
  if place.group_id is null then
    perform im.tell(array[place.low_id, place.high_id], 'PRIVATE_MESSAGE', json_build_object(
      'event', 'RECALL', 'id', m.id, 'conversationId', place.id, 'seq', m.seq, 'senderId', m.sender_id,
      'receiverId', case m.sender_id when place.low_id then place.high_id else place.low_id end, 'operatorId', null));
  else
    perform im.tell_conversation(place.id, m.seq, 'GROUP_MESSAGE', json_build_object(
      'event', 'RECALL', 'id', m.id, 'conversationId', place.id, 'seq', m.seq, 'senderId', m.sender_id,
      'groupId', place.group_id, 'operatorId', null));
  end if;
end $$;
