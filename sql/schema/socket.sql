-- Who is connected.

-- One row per open WebSocket, written by imclerk from the push instance's channel events.
create table im.connection (
  node text not null,
  connection text not null,
  account_id bigint not null references im.account,
  session_id bigint not null,              -- of the token that opened it
  expires_at timestamptz not null,         -- as that token does
  watched boolean not null default true,   -- false: its clerk was away and may have missed that it closed
  since timestamptz not null default now(),
  constraint connection_pkey primary key (node, connection)
);
create index connection_account on im.connection (account_id);
create index connection_expiry on im.connection (expires_at);

-- What friends see.  A heartbeat makes online true as well, so that events lost by a crash heal themselves.
create table im.presence (
  account_id bigint constraint presence_pkey primary key references im.account,
  online boolean not null default false,
  status im.online_status not null default 'ONLINE',   -- chosen by the user; seen only while online
  seen_at timestamptz not null default now()
) with (fillfactor = 70);
create index presence_online on im.presence (seen_at) where online;
