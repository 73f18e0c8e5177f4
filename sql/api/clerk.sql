-- What imclerk does.  Every job may run twice, or on two machines at once.

-- (imclerk)  clerk_outbox(age, max)
-- Events that were not told in time, in their order; publishing one twice is harmless, losing one is not.  About so many, and
-- no further transaction once there are 4 MiB of channels and bodies.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.clerk_outbox(age interval, max integer)
returns table (refusal integer, txid text, channels text, body text)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  event im.outbox;
  bytes bigint := 0;
begin
  for event in
    select (o.event).*
      from (select b as event from im.outbox b
             where b.created_at < now() - age
             order by b.xid
             fetch first (clerk_outbox.max) rows with ties) o    -- whole transactions: told() deletes whole ones
     order by (o.event).xid, (o.event).id
  loop
    exit when bytes > 4194304 and event.xid::text <> txid;
    txid := event.xid;
    channels := coalesce(im.outbox_channels(event), '');
    body := event.body;
    bytes := bytes + octet_length(channels) + octet_length(body);
    return next;
  end loop;
end $$;

-- (imclerk)  clerk_sockets(node, lines)
-- What that push instance says of its sockets, in its order: "subscriber_enqueue 17" when socket 17 is open,
-- "subscriber_dequeue 17" when it is not any more, "missing 17" when it was asked and does not know it, which is no
-- news while the handshake may still be under way.  What is open and should not be is closed.
-- Refuses: nothing
-- Writes: connection, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE or OFFLINE
create function api.clerk_sockets(node text, lines text[]) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  line text;
  socket bigint;
  account bigint;
begin
  foreach line in array lines loop
    socket := split_part(line, ' ', 2)::bigint;
    if line like 'subscriber_enqueue %' then
      update im.connection c set opened = true
       where c.id = socket and c.node = clerk_sockets.node and c.ended_at is null
      returning c.account_id into account;
      if found then
        perform im.presence_online(account, null);
      else
        perform im.connection_close(array[socket]);
      end if;
    elsif line like 'subscriber_dequeue %'
       or exists (select from im.connection c where c.id = socket and c.since < now() - interval '5 seconds') then
      perform im.connection_gone(socket);
    end if;
  end loop;
end $$;

-- (imclerk)  clerk_begin(node, worker)
-- That push instance's clerk listens to this worker from now on, and may have missed who came and went.  Another worker's
-- sockets are gone with it; of this one's nobody knows.
-- Refuses: nothing
-- Writes: connection, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST OFFLINE (never ONLINE)
create function api.clerk_begin(node text, worker integer) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  socket bigint;
begin
  for socket in
    select c.id from im.connection c where c.node = clerk_begin.node and c.worker <> clerk_begin.worker order by c.id
  loop
    perform im.connection_gone(socket);
  end loop;
  update im.connection c set opened = false where c.node = clerk_begin.node and c.opened;
end $$;

-- (imclerk)  clerk_doubtful(node, max)
-- Sockets of which that push instance has to be asked: those that it should have opened or closed by now, when even an
-- event that only clerk_outbox() publishes has come before.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.clerk_doubtful(node text, max integer) returns table (socket bigint, ended boolean)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  return query
    select c.id, c.ended_at is not null
      from im.connection c
     where c.node = clerk_doubtful.node
       and (not c.opened and c.since < now() - interval '5 seconds' or c.ended_at < now() - interval '3 seconds')
     order by c.ended_at is not null desc, c.id
     limit clerk_doubtful.max;
end $$;

-- (imclerk)  clerk_due()
-- Runs every job im.due_<job>() there is, and answers what each has done.  One that fails, or takes until the statement's
-- time is over, does not stop the others or undo what they have done:
-- it is a warning, which the clerk logs as an error, and is counted.
-- Refuses: nothing
-- Writes: whatever the jobs write; due_failure
-- Tells: whom the jobs tell
create function api.clerk_due() returns table (job text, done bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  for job in
    select p.proname from pg_proc p
     where p.pronamespace = 'im'::regnamespace and p.proname like 'due\_%' and p.pronargs = 0 order by 1
  loop
    begin
      execute format('select im.%I()', job) into done;
      return next;
    exception when others or query_canceled then
      raise warning 'job % failed: %', job, sqlerrm;
      insert into im.due_failure as f (job, error) values (clerk_due.job, sqlerrm)
      on conflict on constraint due_failure_pkey
      do update set failures = f.failures + 1, error = excluded.error, failed_at = now();
    end;
  end loop;
end $$;

-- (imclerk)  clerk_search()
-- Puts the messages that have come where administrators find them, and counts them.
-- Refuses: nothing
-- Writes: follower, follower_gap, message_text, stat_active, stat_day
-- Tells: nobody
create function api.clerk_search() returns bigint
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return im.search_follow();
end $$;

-- (imclerk)  clerk_file_gone()
-- Bytes that nothing points to any more, by their names in the store.  An id is part of each and is never used again, so
-- they can be removed at any time; but not while a backup copies them, which are still named in its copy of the rows.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.clerk_file_gone() returns table (name text)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  return query select g.name from im.blob_gone g
    where not exists (select from pg_replication_slots s where s.slot_name = 'imctl_backup') limit 200;
end $$;

-- (imclerk)  clerk_file_forget(names)
-- These have been removed.
-- Refuses: nothing
-- Writes: blob_gone
-- Tells: nobody
create function api.clerk_file_forget(names text[]) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  delete from im.blob_gone g where g.name = any (names);
end $$;
