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
          im.list_where('strpos(words, %L) > 0', words))::im.list_words;
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
