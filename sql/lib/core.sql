-- Internal functions every group uses.

-- Puts an event into the outbox, and says so to api.leave(): for who has told nobody it does not look there.  What is
-- called for every message answers true, so that it may be an expression: a perform is a query of its own.
create or replace function im.outbox_add(recipients bigint[], conversation bigint, seq bigint, sockets bigint[], body text,
                                         everybody boolean default false) returns boolean
language plpgsql as $$
begin
  insert into im.outbox (recipients, conversation_id, seq, sockets, body, everybody)
  values (outbox_add.recipients, conversation, outbox_add.seq, outbox_add.sockets, outbox_add.body, outbox_add.everybody);
  return set_config('im.told', 'yes', true) is not null;
end $$;

-- JSON without a blank between its parts, as row_to_json() writes it and json_build_object() does not: what is pushed is
-- written in one way.
create or replace function im.compact(data json) returns text
language plpgsql immutable as $$
begin
  if strpos(data::text, ' ') = 0 or data::text like '{"event":%' then
    return data::text;
  elsif json_typeof(data) = 'object' then
    return (select '{' || string_agg(to_json(e.key)::text || ':' || im.compact(e.value), ',' order by e.n) || '}'
              from json_each(data) with ordinality e(key, value, n));
  elsif json_typeof(data) = 'array' then
    return (select '[' || string_agg(im.compact(e.value), ',' order by e.n) || ']'
              from json_array_elements(data) with ordinality e(value, n));
  end if;
  return data::text;
end $$;

-- A whole frame.  data is the client's object and has a member "event".  SQL that PostgreSQL puts in its place.
create or replace function im.frame(type text, data json) returns text
language sql immutable as $$
  select '{"type":"' || type || '","data":' || im.compact(data) || '}'
$$;

-- An event for these accounts.
create or replace function im.tell(recipients bigint[], type text, data json) returns boolean
language plpgsql as $$
begin
  if cardinality(recipients) > 0 then
    return im.outbox_add(recipients, null, null, null, im.frame(type, data));
  end if;
  return false;
end $$;

-- An event for the members of a conversation: those who joined before message seq, or all when seq is null.
create or replace function im.tell_conversation(conversation bigint, seq bigint, type text, data json) returns boolean
language plpgsql as $$
begin
  return im.outbox_add(null, conversation, seq, null, im.frame(type, data));
end $$;

-- An event for everybody who is online.
create or replace function im.tell_everybody(type text, data json) returns void
language plpgsql as $$
begin
  perform im.outbox_add(null, null, null, null, im.frame(type, data), true);
end $$;

-- An event for just these sockets.
create or replace function im.tell_sockets(sockets bigint[], type text, data json) returns void
language plpgsql as $$
begin
  if cardinality(sockets) > 0 then
    perform im.outbox_add(null, null, null, sockets, im.frame(type, data));
  end if;
end $$;

-- Refuse with this code, but keep what the transaction has written (counters of wrong passwords).  The cause, and who said
-- so, are for the log.
create or replace function im.refuse_later(code integer, cause text) returns void
language plpgsql as $$
declare
  context text;
  place text[];
begin
  get diagnostics context = pg_context;
  place := regexp_match(context, 'GET DIAGNOSTICS.*?function ([a-z_.]+)\(.*?\) line ([0-9]+)');
  perform set_config('im.refusal', code::text, true),
          set_config('im.cause', format('%s (%s:%s)', cause, place[1], place[2]), true);
end $$;

create or replace function im.setting_text(setting_name text) returns text
language plpgsql stable as $$
begin
  return (select s.value from im.setting s where s.name = setting_name);
end $$;

create or replace function im.setting_int(setting_name text) returns integer
language plpgsql stable as $$
begin
  return (select s.value::integer from im.setting s where s.name = setting_name);
end $$;

create or replace function im.setting_interval(setting_name text) returns interval
language plpgsql stable as $$
begin
  return (select s.value::interval from im.setting s where s.name = setting_name);
end $$;

-- Paging: page counts from 1, size is 20 when absent and at most 100.
create or replace function im.page_limit(size integer) returns integer
language sql immutable as $$
  select case when size is null or size < 1 then 20 else least(size, 100) end
$$;

create or replace function im.page_offset(page integer, size integer) returns bigint
language sql immutable as $$
  select (greatest(coalesce(page, 1), 1) - 1)::bigint * im.page_limit(size)
$$;

-- The same of a list that is asked for whole, without page and size: as much of it as one answer may have.
create or replace function im.list_limit(page integer, size integer) returns integer
language plpgsql stable as $$
begin
  return case when num_nonnulls(page, size) > 0 then im.page_limit(size) else im.setting_int('list.limit') end;
end $$;

-- How many bytes of contents a program is given for one answer, which it cuts to a MiB of JSON (src/serve/rows.c).
create or replace function im.answer_bytes() returns integer
language sql immutable as $$
  select 1048576
$$;

-- A time as the client reads it, for events; columns of answers are formatted by the program.  SQL that PostgreSQL puts in its place.
create or replace function im.time_text(moment timestamptz) returns text
language sql stable as $$
  select to_char(moment, 'YYYY-MM-DD HH24:MI:SS')
$$;

-- A day or a second that there is.  Refuses 400 with the field's name.
create or replace function im.moment(given text, field text) returns timestamp
language plpgsql stable as $$
begin
  return given::timestamp;
exception when datetime_field_overflow or invalid_datetime_format then
  raise sqlstate 'I0400' using message = field, hint = 'no such time';
end $$;

-- What every filter of time means: from the beginning of the first to the end of the last, of a day all of it, of a second
-- all of it, for times are kept more finely than they are shown.  The end is the first moment after it.
create or replace function im.moment_begin(first im.moment_from) returns timestamptz
language plpgsql stable as $$
begin
  return im.moment(first, 'startTime')::timestamptz;
end $$;

create or replace function im.moment_end(last im.moment_to) returns timestamptz
language plpgsql stable as $$
begin
  return (im.moment(last, 'endTime') + case length(last) when 10 then interval '1 day' else interval '1 second' end)::timestamptz;
end $$;

-- Who is mentioned: each once, and all ([-1]) includes the rest.  Null for nobody.
create or replace function im.at_set(ids bigint[]) returns bigint[]
language plpgsql immutable as $$
begin
  if -1 = any (ids) then
    return '{-1}'::bigint[];
  end if;
  return nullif(array(select u.id from unnest(ids) with ordinality u(id, n) group by u.id order by min(u.n)), '{}');
end $$;

-- Whom an event is for.
create or replace function im.outbox_accounts(event im.outbox) returns bigint[]
language plpgsql stable as $$
begin
  if event.conversation_id is null then
    return event.recipients;
  end if;
  return array(select m.account_id
                 from im.member m
                where m.conversation_id = event.conversation_id
                  and m.left_at is null
                  and (event.seq is null or m.joined_seq < event.seq));
end $$;

-- The channels an event goes to, as the publisher wants them: those of the sockets that there are, with commas between.
-- With a snapshot only those whose handshakes it does not see.
create or replace function im.outbox_channels(event im.outbox, unseen pg_snapshot default null) returns text
language plpgsql stable as $$
begin
  if event.sockets is not null then
    return 'c' || array_to_string(event.sockets, ',c');
  elsif event.everybody then      -- apart, so that no other event looks at every socket that there is
    return (select string_agg('c' || c.id, ',' order by c.id)
              from im.connection c
             where unseen is null or not pg_visible_in_snapshot(c.xid, unseen));
  end if;
  return (select string_agg('c' || c.id, ',' order by c.id)
            from im.connection c
           where c.account_id = any (im.outbox_accounts(event))
             and (unseen is null or not pg_visible_in_snapshot(c.xid, unseen)));
end $$;

-- The same of an event about a message, never null; and which of these sockets took it for granted that there is none.
create or replace function im.outbox_sockets(event im.outbox, out channels text, out calm bigint[])
language plpgsql stable as $$
begin
  if event.sockets is not null or event.everybody then
    channels := coalesce(im.outbox_channels(event), '');
  else
    select coalesce(string_agg('c' || c.id, ',' order by c.id), ''), array_agg(c.id) filter (where c.calm > 0) into channels, calm
      from im.connection c
     where c.account_id = any (im.outbox_accounts(event));
  end if;
end $$;

-- Job of imclerk: a role may lift its own limits of time (set statement_timeout), so that nothing but this ends what a
-- program that has been taken over runs, or holds, for ever.
create or replace function im.due_backend() returns bigint
language plpgsql as $$
declare
  since timestamptz := now() - im.setting_interval('backend.transaction_max');
begin
  return (select count(*) filter (where pg_terminate_backend(a.pid))
            from pg_stat_activity a
           where a.xact_start < since and a.usename ~ '^im_' and a.usename <> 'im_owner');
end $$;
