-- Internal functions about the register of sockets.

-- Tells these sockets to close, after the events told before.  One that nchan has not opened yet misses that; it is told
-- again by imclerk until nchan says that it is gone.
create or replace function im.connection_close(sockets bigint[]) returns void
language plpgsql as $$
begin
  if cardinality(sockets) > 0 then
    perform from im.connection c where c.id = any (sockets) order by c.id for no key update;
    update im.connection c set ended_at = now() where c.id = any (sockets);
    perform im.outbox_add(null, null, null, sockets, '');
  end if;
end $$;

-- Forgets a socket that is no more.
create or replace function im.connection_gone(socket bigint) returns void
language plpgsql as $$
declare
  account bigint;
begin
  delete from im.connection c where c.id = socket returning c.account_id into account;
  if found then
    perform im.presence_offline(account);
  end if;
end $$;

-- The sockets of an account that nobody has told to close, the newest first.
create or replace function im.connection_living(account bigint) returns setof bigint
language plpgsql stable as $$
begin
  return query select c.id from im.connection c where c.account_id = account and c.ended_at is null order by c.id desc;
end $$;

-- Job of imclerk: closes sockets whose token is over.  Whoever sends a frame is closed by that; what is still open half a
-- minute later only listens.
create or replace function im.due_connection() returns bigint
language plpgsql as $$
declare
  over bigint[];
begin
  over := array(select c.id from im.connection c
                 where c.expires_at < now() - interval '30 seconds' and c.ended_at is null
                 order by c.expires_at limit 1000);
  perform im.connection_close(over);
  return cardinality(over);
end $$;
