-- Internal functions about who is still there in a call, and what becomes of it when nobody is.

-- The party is there; false when the call is over, or the account not in it.  Refuses 404 none of this account.
create or replace function im.call_seen(me bigint, call uuid, of_group boolean) returns boolean
language plpgsql as $$
begin
  if of_group then
    update im.call_seen s set seen_at = now()
     where s.call_id = call and s.account_id = me
       and exists (select from im.member m where m.conversation_id = s.conversation_id and m.account_id = me and m.left_at is null);
  else
    update im.call_seen s set seen_at = now() where s.call_id = call and s.account_id = me and s.conversation_id is null;
  end if;
  if found then
    return true;
  end if;
  perform im.call_find(me, call, of_group);
  perform im.call_parties_lock(call, array[me]);
  return im.call_seen_restore(call, me) > 0;
end $$;

-- Parties of living calls of whom a crash of PostgreSQL has left no row are seen now: this one, or all (null).  A party that
-- is just leaving is locked, and passed over.
create or replace function im.call_seen_restore(call uuid, account bigint) returns bigint
language plpgsql as $$
declare
  restored bigint;
begin
  insert into im.call_seen (call_id, account_id, conversation_id)
  select p.call_id, p.account_id, case when c.group_id is not null then c.conversation_id end
    from im.call_party p
    join im.call c on c.id = p.call_id
   where p.state in ('ringing', 'in')
     and (call_seen_restore.call is null or (p.call_id = call_seen_restore.call and p.account_id = call_seen_restore.account))
     and not exists (select from im.call_seen s where s.call_id = p.call_id and s.account_id = p.account_id)
     for share of p skip locked
  on conflict on constraint call_seen_pkey do nothing;
  get diagnostics restored = row_count;
  return restored;
end $$;

-- Who has to leave a living call (null: any), and which: not seen for too long, banned, no member any more.
create or replace function im.call_gone(of uuid) returns table (call uuid, account bigint)
language plpgsql stable rows 10 as $$
declare
  oldest timestamptz := now() - im.setting_interval('call.vanish');
begin
  return query
    select p.call_id, p.account_id
      from im.call_party p
      join im.call c on c.id = p.call_id
      join im.account a on a.id = p.account_id
      left join im.call_seen s on s.call_id = p.call_id and s.account_id = p.account_id
     where p.state in ('ringing', 'in')
       and (of is null or p.call_id = of)
       and ((p.state = 'in' and s.seen_at < oldest)
            or im.account_banned(a.status, a.banned_until) or a.status = 'closed'
            or (c.group_id is not null
                and not exists (select from im.member m where m.conversation_id = c.conversation_id
                                   and m.account_id = p.account_id and m.left_at is null)))
     order by p.account_id;
end $$;

-- What has become of a living call by itself.  The call is locked, with its conversation.
create or replace function im.call_check(c im.call, closed text) returns boolean
language plpgsql as $$
declare
  account bigint;
  moved boolean := false;
begin
  if c.state = 'ringing' and c.created_at < now() - im.setting_interval('call.ring') then
    perform im.call_end(c, 'timeout', 'TIMEOUT', c.caller_id);
    return true;
  elsif closed is not null then
    perform im.call_end(c, case c.state when 'ringing' then 'cancelled' else 'ended' end,
                        case c.state when 'ringing' then 'CANCEL' else 'HANDUP' end, c.caller_id);
    return true;
  end if;
  perform im.call_parties_lock(c.id);
  perform from im.call_seen s where s.call_id = c.id for no key update;     -- or one is gone who has just been seen
  for account in select g.account from im.call_gone(c.id) g loop
    perform im.call_leave(c, account);
    moved := true;
    exit when c.group_id is null;
  end loop;
  return moved;
end $$;

-- Job of imclerk: calls that nobody has accepted, parties that have vanished, that are banned, that were removed; and
-- calls that are long over go.  What is locked now is looked at the next time.
create or replace function im.due_webrtc() returns bigint
language plpgsql as $$
declare
  c im.call;
  v im.conversation;
  oldest timestamptz := now() - im.setting_interval('call.ring');
  done bigint := 0;
begin
  perform im.call_seen_restore(null, null);
  for c in select x.* from im.call x join im.conversation y on y.id = x.conversation_id
            where x.ended_at is null
              and (y.closed is not null or (x.state = 'ringing' and x.created_at < oldest)
                   or x.id in (select g.call from im.call_gone(null) g))
            limit 200 loop
    select * into v from im.conversation y where y.id = c.conversation_id for no key update skip locked;
    continue when not found;
    select * into c from im.call x where x.id = c.id and x.ended_at is null for no key update skip locked;
    continue when not found;
    done := done + im.call_check(c, v.closed)::integer;
  end loop;
  delete from im.call x where x.id in (select o.id from im.call o
    where o.ended_at < now() - im.setting_interval('call.keep') order by o.ended_at limit 200 for update skip locked);
  return done;
end $$;
