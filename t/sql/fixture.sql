-- What every t/sql/*.pg begins with, inside its transaction: pgTAP, and ann, bob, cat, dan, who have just registered.

set local client_min_messages = warning;
create extension if not exists pgtap with schema public;
create schema story;
set local search_path = story, public;
-- Fixed ids far from anybody's; the sequences go back with the transaction.
alter table im.account alter column id restart with 900001;
alter table im.chat_group alter column id restart with 90001;

create function ann() returns bigint language sql immutable as 'select 900001::bigint';
create function bob() returns bigint language sql immutable as 'select 900002::bigint';
create function cat() returns bigint language sql immutable as 'select 900003::bigint';
create function dan() returns bigint language sql immutable as 'select 900004::bigint';
create function nobody() returns bigint language sql immutable as 'select 999999::bigint';

-- What a program would answer to this statement: 200, a refusal's code (with the field for 400), 500 and why.
create function code(statement text) returns text language plpgsql as $$
declare
  state text;
  message text;
  name text;
  domain_name text;
begin
  begin
    execute statement;
  exception when others then
    get stacked diagnostics state = returned_sqlstate, message = message_text, name = constraint_name,
      domain_name = pg_datatype_name;
    if state ~ '^I' then
      return ltrim(substr(state, 2), '0') || case when message <> state then ' ' || message else '' end;
    elsif name ~ '_i[0-9]{4}$' then
      return ltrim(right(name, 4), '0')
        || case when name ~ '_i0400$' then ' ' || split_part(name, '_', -2) else '' end;
    elsif state = '23514' and domain_name <> '' then
      return '400 (' || domain_name || ')';
    end if;
    return '500 ' || state || ' ' || message;
  end;
  name := coalesce(nullif(current_setting('im.refusal', true), ''), '200');
  perform set_config('im.refusal', '', true);
  return name;
end $$;

-- The events of this transaction since the last look, one "whom type event" a line, whom in the order of ids, whether
-- they have sockets or not.
create function hash(who bigint) returns text language sql stable as $$ select password_hash from im.account where id = who $$;
create function heard() returns text language plpgsql as $$
declare
  lines text;
begin
  select string_agg(
           (select string_agg(coalesce(n.name, a::text), ',' order by a)
              from unnest(coalesce((select array_agg(distinct c.account_id) from im.connection c where c.id = any (e.sockets)),
                                   im.outbox_accounts(e))) a
              left join (values (900001, 'ann'), (900002, 'bob'), (900003, 'cat'), (900004, 'dan'),
                                (900005, 'eve'), (900006, 'fay')) n(id, name)
                on n.id = a)
           || case when e.body = '' then ' close' else ' ' || (e.body::json ->> 'type') || ' ' || (e.body::json -> 'data' ->> 'event') end,
           e'\n' order by e.id)
    into lines
    from im.outbox e
   where e.xid = pg_current_xact_id();
  delete from im.outbox o where o.xid = pg_current_xact_id();
  return coalesce(lines, 'nothing');
end $$;

-- The data of the last event of this kind since the last look.
create function last_data(wanted text) returns json language sql as $$
  select o.body::json -> 'data' from im.outbox o
   where o.xid = pg_current_xact_id() and o.body <> '' and o.body::json -> 'data' ->> 'event' = wanted
   order by o.id desc limit 1
$$;

create function befriend(one bigint, other bigint) returns void language plpgsql as $$
begin
  perform api.friend_request_apply(one, other, null);
  perform api.friend_request_apply(other, one, null);
  perform heard();
end $$;

-- A message between friends, or to a group; its id.
create function say(me bigint, friend bigint, what text) returns bigint language sql as $$
  select m.id from api.message_private_send(me, friend, what, 1::smallint, null, null) m
$$;
create function say_in(me bigint, chat_group bigint, what text) returns bigint language sql as $$
  select m.id from api.message_group_send(me, chat_group, what, 1::smallint, null, null) m
$$;

create function conversation(one bigint, other bigint) returns bigint language sql as $$
  select c.id from im.conversation c where c.low_id = least(one, other) and c.high_id = greatest(one, other)
$$;

do $$
begin
  perform api.auth_register('story.ann', 'hash of ann', 'Ann', 'ann@story.example', '19900000001');
  perform api.auth_register('story.bob', 'hash of bob', 'Bob', null, null);
  perform api.auth_register('story.cat', 'hash of cat', 'Cat', null, null);
  perform api.auth_register('story.dan', 'hash of dan', 'Dan', null, null);
end $$;
