-- What imclerk does.  Every job may run twice, or on two machines at once.

-- (imclerk)  clerk_outbox(age, max)
-- Events that were not told in time, in their order; publishing one twice is harmless, losing one is not.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.clerk_outbox(age interval, max integer)
returns table (refusal integer, txid text, channels text, body text)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  return query
    select null::integer, o.xid::text, coalesce(im.outbox_channels(o.recipients, o.conversation_id, o.seq), ''), o.body
      from (select * from im.outbox b
             where b.created_at < now() - age
             order by b.xid
             fetch first (clerk_outbox.max) rows with ties) o    -- whole transactions: told() deletes whole ones
     order by o.xid, o.id;
end $$;

-- (imclerk)  clerk_presence(node, lines)
-- What that push instance has said, in its order: "subscriber_enqueue account connection session expires" of a socket
-- that has opened, with its token's session and end (seconds since the epoch), subscriber_dequeue of one that has closed.
-- When the session has ended between the handshake and the opening, the socket has missed being closed with it, and
-- is closed now.
-- Refuses: nothing
-- Writes: connection, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST ONLINE or OFFLINE
create function api.clerk_presence(node text, lines text[]) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  line text;
  word text[];
begin
  foreach line in array lines loop
    word := string_to_array(line, ' ');
    if word[1] = 'subscriber_enqueue' then
      perform im.connection_open(node, word[3], word[2]::bigint, word[4]::bigint, to_timestamp(word[5]::bigint));
    else
      delete from im.connection c where c.node = clerk_presence.node and c.connection = word[3];
      perform im.presence_offline(word[2]::bigint);
    end if;
  end loop;
end $$;

-- (imclerk)  clerk_presence_reset(node)
-- That push instance has lost its sockets: nobody is connected there.
-- Refuses: nothing
-- Writes: connection, presence, outbox
-- Tells: friends who are online, FRIEND_REQUEST OFFLINE (never ONLINE)
create function api.clerk_presence_reset(node text) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  accounts bigint[];
  account bigint;
begin
  with gone as (delete from im.connection c where c.node = clerk_presence_reset.node returning c.account_id)
  select array_agg(distinct g.account_id order by g.account_id) into accounts from gone g;
  foreach account in array coalesce(accounts, '{}') loop
    perform im.presence_offline(account);
  end loop;
end $$;

-- (imclerk)  clerk_presence_forget(node)
-- That push instance's clerk has missed who went: none of its connections says that anybody is there.  Whoever is says
-- so by his next heartbeat; who does not is offline by im.due_presence().
-- Refuses: nothing
-- Writes: connection
-- Tells: nobody
create function api.clerk_presence_forget(node text) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.connection c set watched = false where c.node = clerk_presence_forget.node;
end $$;

-- (imclerk)  clerk_due()
-- Runs every job im.due_<job>() there is, and answers what each has done.  One that fails, or takes until the statement's
-- time is over, does not stop the others or undo what they have done.
-- Refuses: nothing
-- Writes: whatever the jobs write
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
    end;
  end loop;
end $$;

-- (imclerk)  clerk_file_gone()
-- Bytes that nothing points to any more, by their names in the store.  An id is part of each and is never used again, so
-- they can be removed at any time.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.clerk_file_gone() returns table (name text)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  return query select g.name from im.blob_gone g limit 200;
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
