-- Internal functions about accounts of which it is known that nothing is pending, so that a heartbeat asks no conversation.
--
-- A socket's row says how far that is (im.connection.calm).  0: nothing is known.  1: whoever stores a message for the account
-- sees this, and sets it back.  2: as 1; who may not have seen it has an older transaction than calm_xid.  3: those were over,
-- and nothing was pending: so nothing is, until it is set back.  A heartbeat that finds nothing pending goes a step on; in
-- between a message of a transaction that has not seen the row yet may commit, and is counted by the next.

-- Whether nothing is pending for the account, as far as is known without asking.
create or replace function im.calm(me bigint) returns boolean
language plpgsql stable as $$
begin
  return coalesce((select bool_and(c.calm = 3) from im.connection c where c.account_id = me), false);
end $$;

-- A step of all its sockets; nothing was pending, seen being a snapshot of before.
create or replace function im.calm_step(me bigint, seen pg_snapshot) returns void
language plpgsql as $$
begin
  update im.connection c
     set calm = c.calm + 1,
         calm_xid = case c.calm when 0 then pg_current_xact_id() when 1 then pg_snapshot_xmax(seen) end
   where c.account_id = me
     and case c.calm when 0 then true
                     when 1 then pg_visible_in_snapshot(c.calm_xid, seen)     -- of the step before: its commit is known to be over
                     when 2 then pg_snapshot_xmin(seen) >= c.calm_xid
                     else false end;
end $$;

-- A message has been stored: api.leave() ends the calm of whoever is told.
create or replace function im.stored() returns boolean
language plpgsql as $$
begin
  return set_config('im.stored', 'yes', true) is not null;
end $$;

-- A message has been stored for whoever has these sockets.  Its transaction had its number before it looked for them.
create or replace function im.calm_end(sockets bigint[]) returns void
language plpgsql as $$
begin
  update im.connection c set calm = 0, calm_xid = null
   where c.id in (select x.id from im.connection x where x.id = any (sockets) and x.calm > 0 order by x.id for no key update);
end $$;
