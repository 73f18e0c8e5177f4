-- What is made of messages and money afterwards, by imclerk: so that neither costs its sender anything.

-- Where somebody who reads a table in the order of its ids has got to (lib/follow.sql).
create table im.follower (
  name text constraint follower_pkey primary key,
  id bigint not null default 0             -- this one and all before it are read, but for the gaps
);

-- Ids that were not there when those behind them were read: of a transaction that had not committed, or never will.
create table im.follower_gap (
  name text not null references im.follower,
  id bigint not null,
  xid xid8,                                -- of a transaction that began after it was seen; null: none has yet
  constraint follower_gap_pkey primary key (name, id)
);

-- Neighbouring letters, of which the last stands alone too.  Written so that PostgreSQL puts it in its place: a function
-- that it has to call costs five times as much, for each message; not strict, since string_to_array() is not, which alone would forbid it.
create function im.neighbours(words text) returns text[]
language sql immutable parallel safe as $$
  select string_to_array(regexp_replace(words, '(..)', '\1 ', 'g') || ' ' || regexp_replace(substr(words, 2), '(..)', '\1 ', 'g'), ' ')
$$;

-- The hour, the day and the 32 days that a message was sent in, counted from 1970, below zero of those to groups: beside its
-- words in their index it lets a deep page of a frequent word be found without reading the rows before it (im.search_walk).
create function im.message_times(private boolean, sent_at timestamptz) returns integer[]
language plpgsql immutable parallel safe as $$
declare
  hour integer := floor(extract(epoch from sent_at) / 3600);
begin
  return case when private then array[hour, hour / 24, hour / 768] else array[-hour, -(hour / 24), -(hour / 768)] end;
end $$;

-- What administrators find messages by.  A row of each message, written within seconds of it; not in its transaction.
create table im.message_text (
  id bigint constraint message_text_pkey primary key,
  conversation_id bigint not null,
  sender_id bigint not null,
  sent_at timestamptz not null,
  private boolean not null,
  words text collate "C" not null          -- im.search_text() of its text; '' of what is no text, or recalled
);
-- Compared by their bytes, and sorted in by the megabyte: a third of what it costs by the rules of a language and half a
-- megabyte at a time.  A search reads what waits to be sorted in; two megabytes take it some milliseconds.
create index message_text_words on im.message_text using gin (im.neighbours(words), im.message_times(private, sent_at))
  with (gin_pending_list_limit = 2048);
create index message_text_time on im.message_text (sent_at, id);
create index message_text_private on im.message_text (sent_at, id) where private;
create index message_text_group on im.message_text (sent_at, id) where not private;
create index message_text_place on im.message_text (conversation_id, sent_at, id);
create index message_text_sender on im.message_text (sender_id, private, sent_at, id);
-- What a list expects of a word depends on how well the planner knows the words.
alter table im.message_text set (autovacuum_analyze_scale_factor = 0.02);

insert into im.follower (name) values ('search'), ('reading');
