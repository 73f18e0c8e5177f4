-- What tells a device that something has changed since it last asked.
--
-- Whatever a device shows beside messages has a stamp: the number of the transaction that changed it (changed).  Whoever
-- looks is told the oldest one that was running then, and asks from that on the next time: all below it was seen, or never
-- came to be, and what it did not see yet has that number or a greater one.  So nothing is missed in whatever order they
-- commit, nobody waits, and what ran at that time may be told twice.

-- Lists that are not of a conversation: when they last changed.  A row of an account and list, made by the first change.
create table im.sync_list (
  account_id bigint not null references im.account,
  list text not null constraint sync_list_values check (list in ('FRIENDS', 'REQUESTS', 'BLACKLIST', 'SELF')),
  changed xid8 not null,
  constraint sync_list_pkey primary key (account_id, list)
) with (fillfactor = 70);

-- Always in one order, so that two who change many do not wait for one another.
create function im.sync_touch(accounts bigint[], list text) returns void
language plpgsql as $$
begin
  insert into im.sync_list as l (account_id, list, changed)
  select distinct a.id, sync_touch.list, pg_current_xact_id() from unnest(accounts) a(id) order by 1
  on conflict on constraint sync_list_pkey do update set changed = excluded.changed where l.changed <> excluded.changed;
end $$;

-- Trigger of the lists that have a row of each whom they show: their owners' list of this name has changed.
create function im.sync_owners() returns trigger
language plpgsql as $$
begin
  perform im.sync_touch(array(select t.account_id from touched t), tg_argv[0]);
  return null;
end $$;
create trigger sync_friendship_insert after insert on im.friendship referencing new table as touched
  for each statement execute function im.sync_owners('FRIENDS');
create trigger sync_friendship_update after update on im.friendship referencing new table as touched
  for each statement execute function im.sync_owners('FRIENDS');
create trigger sync_friendship_delete after delete on im.friendship referencing old table as touched
  for each statement execute function im.sync_owners('FRIENDS');
create trigger sync_blacklist_insert after insert on im.blacklist referencing new table as touched
  for each statement execute function im.sync_owners('BLACKLIST');
create trigger sync_blacklist_delete after delete on im.blacklist referencing old table as touched
  for each statement execute function im.sync_owners('BLACKLIST');

create function im.sync_request() returns trigger
language plpgsql as $$
begin
  perform im.sync_touch(array[new.from_id, new.to_id], 'REQUESTS');
  return null;
end $$;
-- Not when it expires: that is a matter of time, which a device can tell.
create trigger sync_request after insert or update on im.friend_request
  for each row when (new.status <> 5) execute function im.sync_request();

-- Restores of this installation from a backup (imctl restore): each begins another era.
create table im.restored (
  at timestamptz constraint restored_pkey primary key default now()
);

-- Where a device is in what has changed, as it is told and sends back.  One that another installation has told, or this
-- one in a time that a restore has undone, is worth nothing: the device is told everything.
create domain im.sync_since text constraint sync_since_form check (value ~ '^[0-9a-f]{1,16}(\.[0-9]{1,18}){1}((\.[0-9]{1,18}){3})?$');

create type im.sync_place as (
  since xid8,                 -- what has this stamp or a greater one; 0: everything there is
  next xid8,                  -- from which the device asks after the last page
  conversation bigint,        -- the last of the page before, and
  seq bigint,                 -- the message in it that has changed; 0: itself
  started boolean             -- a page has been told
);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('sync.page', 'number', '200', '1', '1000', 'rows', 'message(8)', 'conversations and recalled messages in one answer of /message/sync');
