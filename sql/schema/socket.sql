-- The register of WebSockets, and who is online.

-- One row per socket.  Its handshake notes it before it is open, so that whatever is told from then on reaches it; it stays
-- until nchan says that the socket is gone, whatever is missed on the way (lib/connection.sql).
create table im.connection (
  id bigint generated always as identity constraint connection_pkey primary key,   -- its channel is c<id>; never used again
  node text not null,                      -- the push instance that holds it
  worker integer not null,                 -- and the process id of its worker
  account_id bigint not null references im.account,
  session_id bigint not null,              -- of the token that opened it
  expires_at timestamptz not null,         -- as that token does
  since timestamptz not null default now(),
  opened boolean not null default false,   -- nchan has said so to the clerk that runs now
  ended_at timestamptz,                    -- when it was told to close
  xid xid8 not null default pg_current_xact_id(),  -- of the handshake, for api.told()
  calm smallint not null default 0,        -- how far it is known that nothing is pending (lib/calm.sql)
  calm_xid xid8
) with (fillfactor = 70);
create index connection_account on im.connection (account_id);
create index connection_expiry on im.connection (expires_at);
create index connection_doubtful on im.connection (node) where not opened or ended_at is not null;
create index connection_xid on im.connection (xid);

-- What friends see.  A heartbeat makes online true as well, so that events lost by a crash heal themselves.
create table im.presence (
  account_id bigint constraint presence_pkey primary key references im.account,
  online boolean not null default false,
  status im.online_status not null default 'ONLINE',   -- chosen by the user; seen only while online
  seen_at timestamptz not null default now()
) with (fillfactor = 70);
create index presence_online on im.presence (seen_at) where online;
