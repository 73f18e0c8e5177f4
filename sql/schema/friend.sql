-- Friendships, applications for them, and blacklists.

-- Two rows per friendship, made and deleted together.
create table im.friendship (
  account_id bigint not null references im.account,
  friend_id bigint not null references im.account,
  conversation_id bigint not null references im.conversation,
  remark im.remark not null default '',
  created_at timestamptz not null default now(),
  constraint friendship_pkey primary key (account_id, friend_id),
  constraint friendship_of_two check (account_id <> friend_id)
);

-- status: 1 pending, 2 approved, 3 rejected, 4 recalled, 5 expired; only pending ever changes.
create table im.friend_request (
  id bigint generated always as identity constraint friend_request_pkey primary key,
  from_id bigint not null references im.account,
  to_id bigint not null references im.account,
  apply_info im.apply_info not null default '',
  status smallint not null default 1 constraint friend_request_status_values check (status between 1 and 5),
  reason im.reason,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  constraint "friend_request_friendId_i0400" check (from_id <> to_id),
  constraint friend_request_decided check ((status = 1) = (decided_at is null))
);
-- One pending request between two people, whoever sent it.
create unique index friend_request_pair_i2004
  on im.friend_request (least(from_id, to_id), greatest(from_id, to_id)) where status = 1;
create index friend_request_from on im.friend_request (from_id, id desc);
create index friend_request_to on im.friend_request (to_id, id desc);
create index friend_request_asked on im.friend_request (from_id, created_at);      -- how many of late
create index friend_request_pending on im.friend_request (created_at) where status = 1;
create index friend_request_pending_from on im.friend_request (from_id) where status = 1;
create index friend_request_pending_to on im.friend_request (to_id) where status = 1;
create index friend_request_decided on im.friend_request (decided_at) where status <> 1;

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('friend.pending_limit', 'number', '20',      '1',        '1000000',   'requests', 'friend(8)', 'pending friend requests one may have sent'),
  ('friend.hour_limit',    'number', '20',      '1',        '1000000',   'requests', 'friend(8)', 'friend requests one may send within an hour'),
  ('friend.pair_limit',    'number', '3',       '1',        '1000000',   'requests', 'friend(8)', 'friend requests one may send to the same person within a day'),
  ('friend.reject_limit',  'number', '3',       '1',        '1000000',   'requests', 'friend(8)', 'friend requests of one that the same person may have declined before he asks no more'),
  ('friend.request_ttl',   'time',   '30 days', '1 second', '3650 days', '',         'friend(8)', 'a friend request not answered for this long is expired'),
  ('friend.request_keep',  'time',   '30 days', '1 second', '3650 days', '',         'friend(8)', 'a friend request that is decided is kept for this long');

create function im.friend_request_once() returns trigger
language plpgsql as $$
begin
  if old.status <> 1 then
    raise sqlstate 'I2004' using hint = 'the application has been decided meanwhile';
  end if;
  return new;
end $$;
create trigger friend_request_once before update on im.friend_request
  for each row execute function im.friend_request_once();

create table im.blacklist (
  account_id bigint not null references im.account,
  target_id bigint not null references im.account,
  created_at timestamptz not null default now(),
  constraint blacklist_pkey primary key (account_id, target_id),
  constraint "blacklist_targetId_i0400" check (account_id <> target_id)
);
create index blacklist_target on im.blacklist (target_id);
