-- The door itself: how a request enters and leaves a transaction.

set local client_min_messages = warning;
drop schema if exists api cascade;
reset client_min_messages;
create schema api;

-- (every request with a user's token)  enter(:me, :ver, :session)
-- Lets the account in, and keeps a ban or a password change waiting until this transaction is over.  Answers the account:
-- as the first argument of a call it comes before it.
-- Refuses: 1003 banned; 401 no such account, token version or session over
-- Writes: nothing
-- Tells: nobody
create function api.enter(account bigint, ver integer, session bigint) returns bigint
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  status text;
  banned_until timestamptz;
  version integer;
  live boolean;
  locked boolean;
begin
  locked := pg_advisory_xact_lock_shared(account) is not null;     -- an expression, which costs less than a perform
  select a.status, a.banned_until, a.version, s.id is not null
    into status, banned_until, version, live
    from im.account a
    left join im.session s on s.id = enter.session and s.account_id = a.id and s.revoked_at is null
   where a.id = enter.account;
  if status = 'banned' and coalesce(banned_until > now(), true) then
    raise sqlstate 'I1003' using hint = 'the caller is banned';
  elsif version is distinct from ver or not live then
    raise sqlstate 'I0401' using hint = case when version is distinct from ver then 'the version of the token is over, or there is no such account'
      else 'the session of the token is over' end;
  end if;
  return account;
end $$;

-- (a user's request with Idempotency-Key, before its call)  once(:me, :ver, :session, :key, :digest, :claims)
-- Lets the account in, as enter(), and claims the key; or only looks for it, when the handler has something to do first.  What
-- was done before ends the transaction, with the answer that was kept (I0200) or the refusal.
-- Refuses: 1003, 401 as enter(); 400 the key is out of form, or was used with another request
-- Writes: idempotency
-- Tells: nobody
create function api.once(account bigint, ver integer, session bigint, key text, digest text, claims boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  kept jsonb;
begin
  perform api.enter(account, ver, session);
  if key !~ '^[!-~]{1,128}$' then
    raise sqlstate 'I0400' using message = 'Idempotency-Key', hint = 'the key has another form';
  elsif claims or exists (select from im.idempotency i where i.account_id = account and i.key = once.key) then
    kept := im.idempotent(account, key, digest);
  end if;
  if current_setting('im.refusal', true) <> '' then
    raise exception using errcode = 'I' || lpad(current_setting('im.refusal', true), 4, '0'), hint = current_setting('im.cause', true);
  elsif kept is not null then
    raise exception using errcode = 'I0200', message = kept::text;
  elsif claims then
    perform set_config('im.once', account || ' ' || key, true);
  end if;
end $$;

-- (in the statement of a call whose key was claimed)  keep($1, $n, rows)
-- Keeps what the call has answered for who comes with the key again.
-- Refuses: nothing
-- Writes: idempotency
-- Tells: nobody
create function api.keep(account bigint, key text, kept json) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.idempotency i set answer = kept::jsonb where i.account_id = account and i.key = keep.key;
end $$;

-- (after every call but GET)  leave()
-- The events of this transaction, to be published after its commit; or one row with the code to refuse with,
-- and in body why, for the log, and whoever comes with the key again is refused alike.  A call that answers nothing may be
-- its argument, so that it comes before it.
-- Refuses: nothing
-- Writes: idempotency, connection
-- Tells: nobody
create function api.leave(call text default null) returns table (refusal integer, txid text, channels text, body text)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  code text := nullif(current_setting('im.refusal', true), '');
  event im.outbox;
  calm bigint[];
begin
  if code is not null then
    if current_setting('im.once', true) <> '' then
      update im.idempotency i set refusal = code::integer
       where i.account_id = split_part(current_setting('im.once', true), ' ', 1)::bigint and i.key = split_part(current_setting('im.once', true), ' ', 2);
    end if;
    return query select code::integer, null::text, null::text, current_setting('im.cause', true);
  end if;
  if current_setting('im.stored', true) = 'yes' then
    for event in select o.* from im.outbox o where o.xid = pg_current_xact_id() order by o.id loop
      select s.channels, s.calm into channels, calm from im.outbox_sockets(event) s;
      if calm is not null then
        perform im.calm_end(calm);
      end if;
      txid := event.xid;
      body := event.body;
      return next;
    end loop;
  elsif current_setting('im.told', true) = 'yes' then
    return query
      select null::integer, o.xid::text, coalesce(im.outbox_channels(o), ''), o.body
        from im.outbox o
       where o.xid = pg_current_xact_id()
       order by o.id;
  end if;
end $$;

-- (after publishing)  told(:txids)
-- Forgets the events of these transactions, a program's own only; the clerk's are all.  They have been published, to the
-- sockets that leave() found.  Answers them for sockets whose handshakes it could not see yet: whoever has connected and
-- pulled before the transaction committed would know nothing of it.
-- Refuses: nothing
-- Writes: outbox
-- Tells: nobody
create function api.told(txids xid8[]) returns table (refusal integer, txid text, channels text, body text)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  event im.outbox;
  newest xid8 := (select c.xid from im.connection c order by c.xid desc limit 1);
begin
  for event in
    delete from im.outbox o
     where o.xid = any (txids)
       and (o.writer = session_user or session_user = 'im_clerk')
    returning o.*
  loop
    continue when newest is null or newest < pg_snapshot_xmin(event.seen) or event.sockets is not null;
    return query
      select null::integer, null::text, late, event.body from im.outbox_channels(event, event.seen) late
       where late is not null;
  end loop;
end $$;
