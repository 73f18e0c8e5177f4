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
-- Writes: member, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE (never OFFLINE), when the status changed
create function api.socket_heartbeat(me bigint, received json, status im.online_status, since im.sync_since default null)
returns table (event text, "serverTime" timestamptz, pending bigint, news boolean)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  waiting bigint;
begin
  if received is not null then
    perform im.member_receive(me, received);
  end if;
  perform im.presence_online(me, socket_heartbeat.status);
  waiting := im.member_pending(me);
  if waiting = 0 then
    perform im.member_advance(me);
  end if;
  return query select 'HEARTBEAT', now(), waiting + im.notice_pending(me),
    case when since is not null then im.sync_news(me, since) end;
end $$;
