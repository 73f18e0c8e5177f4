-- The WebSocket's handshake and heartbeat; messages over it are those of api/message.sql.

-- POST /socket/handshake (internal)  socket_open(:me)
-- Whether this account may open one more socket.  It counts as online from here on, before the socket is open: no
-- event falls between the two.
-- Refuses: 429 too many sockets
-- Writes: presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE (never OFFLINE)
create function api.socket_open(me bigint) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  if (select count(*) from im.connection c where c.account_id = me and c.watched) >= im.setting_int('socket.limit') then
    raise sqlstate 'I0429';
  end if;
  perform im.presence_online(me, null);
end $$;

-- frame HEARTBEAT  socket_heartbeat(:me, received?, status?)
-- Notes what was received ([[conversationId, seq], …]) and the chosen status; answers how many messages of others
-- are not acknowledged, up to a thousand.
-- Refuses: 400 received is out of form
-- Writes: member, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE (never OFFLINE), when the status changed
create function api.socket_heartbeat(me bigint, received json, status im.online_status)
returns table (event text, "serverTime" timestamptz, pending bigint)
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
  return query select 'HEARTBEAT', now(), waiting;
end $$;
