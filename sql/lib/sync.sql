-- Internal functions about what a device has missed.

-- The number of this installation's data files, in which transactions are counted; another one after each restore, for those
-- of the time between are counted twice.
create or replace function im.sync_era() returns text
language plpgsql stable as $$
begin
  return (select to_hex(c.system_identifier # (select count(*) from im.restored)) from pg_control_system() c);
end $$;

-- Where the device is; from the beginning, when that is nowhere here.
create or replace function im.sync_from(since text) returns im.sync_place
language plpgsql stable as $$
declare
  part text[] := string_to_array(since, '.');
  running xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
  if since is null or part[1] <> im.sync_era() or part[2]::xid8 > running or part[3]::xid8 > running then
    return ('0', running, 0, -1, false)::im.sync_place;
  elsif cardinality(part) = 2 then
    return (part[2], running, 0, -1, false)::im.sync_place;
  end if;
  return (part[2], part[3], part[4], part[5], true)::im.sync_place;
end $$;

-- The caller's conversations that have changed; those that are his no more, or are no more, are gone.
create or replace function im.sync_changed(me bigint, since xid8)
returns table (id bigint, joined_seq bigint, gone boolean, group_id bigint)
language plpgsql stable rows 50 as $$
begin
  return query
    select c.id, b.joined_seq, c.closed is not distinct from 'dissolved', c.group_id
      from im.member b
      join im.conversation c on c.id = b.conversation_id and (b.changed >= since or c.changed >= since)
     where b.account_id = me and b.left_at is null and (since > '0' or c.closed is distinct from 'dissolved')
    union all
    select b.conversation_id, b.joined_seq, true, null
      from im.member b
     where b.account_id = me and b.left_at is not null and b.changed >= since and since > '0';
end $$;

-- Whether the device would be told anything.
create or replace function im.sync_news(me bigint, told text) returns boolean
language plpgsql stable as $$
declare
  place im.sync_place := im.sync_from(told);
begin
  return place.since = '0' or place.started
      or exists (select from im.sync_list l where l.account_id = me and l.changed >= place.since)
      or exists (select from im.sync_changed(me, place.since));
end $$;

-- Pairs [conversation, seq] of a client.  Refuses 400 with the field's name.
create or replace function im.seq_pairs(given json, field text) returns table (id bigint, seq bigint)
language plpgsql stable rows 50 as $$
begin
  if json_typeof(given) <> 'array' or json_array_length(given) > 1000
     or exists (select from json_array_elements(given) e
                 where e::text !~ '^\s*\[\s*("?)[1-9][0-9]{0,15}\1\s*,\s*("?)[0-9]{1,16}\2\s*\]\s*$') then
    raise sqlstate 'I0400' using message = field, hint = 'the pairs of what was received have another form';
  end if;
  return query
    select (e ->> 0)::bigint, max((e ->> 1)::bigint) from json_array_elements(given) e group by 1 order by 1;
end $$;

-- Of what has changed the next page, in the order of conversations: itself (seq 0; part null: it is gone), then its messages that
-- were recalled.  group_id, when the group or a member has changed.  What is cut begins the next page.
create or replace function im.sync_page(me bigint, place im.sync_place)
returns table (id bigint, seq bigint, group_id bigint, part json, cut boolean)
language plpgsql stable rows 50 as $$
declare
  most integer := im.setting_int('sync.page');
begin
  return query
    with changed as materialized (select c.* from im.sync_changed(me, place.since) c),
    due as materialized (
      select d.id, d.seq
        from (select c.id, 0::bigint as seq from changed c
               union all
              select c.id, m.seq
                from changed c
                join im.message m on m.conversation_id = c.id and m.recalled_in >= place.since and m.seq > c.joined_seq
               where not c.gone and place.since > '0') d
       where (d.id, d.seq) > (place.conversation, place.seq)
       order by d.id, d.seq
       limit most + 1),
    parts as (
      select d.id, d.seq, g.id as group_id,
             case when d.seq > 0 then row_to_json(v) when s."conversationId" is not null then row_to_json(s) end as part
        from due d
        join changed c on c.id = d.id
        left join im.conversation_state(me, array(select e.id from due e where e.seq = 0)) s
          on s."conversationId" = d.id and d.seq = 0
        left join im.chat_group g on g.id = c.group_id and d.seq = 0 and not c.gone and g.changed >= place.since
        left join im.synced_message v on v."conversationId" = d.id and v.seq = d.seq)
    select p.id, p.seq, p.group_id, p.part,
           row_number() over w > most or (sum(octet_length(p.part::text)) over w > im.answer_bytes() / 2 and row_number() over w > 1)
      from parts p
    window w as (order by p.id, p.seq rows unbounded preceding);
end $$;

-- What the device lacks in the conversations that it names: after the seq that it has, the oldest first in each, as many
-- as fit.
create or replace function im.sync_messages(me bigint, have json)
returns table (id bigint, seq bigint, part json, cut boolean)
language plpgsql stable rows 100 as $$
declare
  most integer := im.setting_int('message.pull_limit');
begin
  return query
    select x.id, x.seq, x.part,
           row_number() over w > most or (sum(octet_length(x.part::text)) over w > im.answer_bytes() / 2 and row_number() over w > 1)
      from (select h.id, v.seq, row_to_json(v) as part
              from im.seq_pairs(have, 'have') h
              join im.member b on b.conversation_id = h.id and b.account_id = me and b.left_at is null
              join im.conversation c on c.id = h.id and c.closed is distinct from 'dissolved'
               and c.last_seq > greatest(h.seq, b.joined_seq)
             cross join lateral (
               select s.* from im.synced_message s
                where s."conversationId" = h.id and s.seq > greatest(h.seq, b.joined_seq)
                order by s.seq limit most + 1) v
             order by h.id, v.seq
             limit most + 1) x
    window w as (order by x.id, x.seq rows unbounded preceding);
end $$;
