-- The WebSocket's handshake and heartbeat; messages over it are those of api/message.sql.

-- POST /socket/handshake (internal)  socket_open(:me, :session, :expires, :node, :worker)
-- Notes the socket that is about to open, in that worker of that push instance, and answers its number.  It counts from
-- here on, before it is open: no event falls between the two.  The newest wins: when the account has as many sockets as
-- it may, the oldest is closed.
-- Refuses: 401 the session has just ended
-- Writes: connection, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE (never OFFLINE)
create function api.socket_open(me bigint, my_session bigint, expires bigint, node text, worker integer) returns bigint
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  socket bigint;
begin
  perform from im.account a where a.id = me for no key update;     -- one handshake after the other
  perform from im.session s where s.id = my_session and s.revoked_at is null for share;     -- who ends it finds this socket
  if not found then
    raise sqlstate 'I0401' using hint = 'the session of the handshake is over';
  end if;
  perform im.connection_close(array(select im.connection_living(me) offset im.setting_int('socket.limit') - 1));
  insert into im.connection (node, worker, account_id, session_id, expires_at)
  values (socket_open.node, socket_open.worker, me, my_session, to_timestamp(expires)) returning id into socket;
  perform im.presence_online(me, null);
  return socket;
end $$;

-- frame HEARTBEAT  socket_heartbeat(:me, received?, status?, since?)
-- Notes what was received ([[conversationId, seq], …]) and the chosen status; answers how many messages of others
-- are not acknowledged, up to a thousand, and notices; and whether message_sync has something for who was told since.
-- Refuses: 400 received is out of form
-- Writes: member, presence, connection, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE (never OFFLINE), when the status changed
create function api.socket_heartbeat(me bigint, received json, status im.online_status, since im.sync_since default null)
returns table (event text, "serverTime" timestamptz, pending bigint, news boolean)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  seen pg_snapshot := pg_current_snapshot();
  waiting bigint := 0;
begin
  if received is not null then
    perform im.member_receive(me, received);
  end if;
  perform im.presence_online(me, socket_heartbeat.status);
  if not im.calm(me) then
    waiting := im.member_pending(me);
    if waiting = 0 then
      perform im.member_advance(me);
    end if;
    if waiting = 0 and (received is null or json_array_length(received) = 0) then
      perform im.calm_step(me, seen);
    end if;
  end if;
  return query select 'HEARTBEAT', now(), waiting + im.notice_pending(me),
    case when since is not null then im.sync_news(me, since) end;
end $$;

-- (several of socket_heartbeat at once)  socket_heartbeat_many
-- Answers those of whom it is known that nothing is pending, and that say nothing new, which is nearly all; the others are left
-- to socket_heartbeat.  Accounts are let in as by enter(), but for its lock: nothing is written.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.socket_heartbeat_many(accounts bigint[], vers integer[], sessions bigint[], receiveds text[], statuses im.online_status[],
                                          sinces text[])
returns table (refusal integer, txid text, channels text, body text, nth integer,
               event text, "serverTime" timestamptz, pending bigint, news boolean)
language plpgsql stable rows 10 security definer set search_path = im, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return query
    select null::integer, null::text, null::text, null::text, u.nth::integer, 'HEARTBEAT', now(), 0::bigint, null::boolean
      from unnest(accounts, vers, sessions, receiveds, statuses::text[], sinces) with ordinality
           u(account, ver, session, received, status, since, nth)
      join im.account a on a.id = u.account and a.version = u.ver and a.status = 'normal'
       and a.notice_seen >= (select h.everybody from im.notice_head h)
      join im.session s on s.id = u.session and s.account_id = u.account and s.revoked_at is null
      join im.presence p on p.account_id = u.account and p.online and (u.status is null or p.status = u.status)
     where coalesce(u.received, '[]') = '[]' and u.since is null
       and not exists (select from im.notice_due d where d.account_id = u.account)
       and (select bool_and(c.calm = 3) from im.connection c where c.account_id = u.account);
end $$;
