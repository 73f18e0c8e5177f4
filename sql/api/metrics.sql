-- What a monitor asks of the database.  Not one label holds what a client has chosen, or anybody's id.

-- GET /ready  metrics_ready()
-- Answers when the database does.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.metrics_ready() returns void
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
end $$;

-- GET /metrics  metrics_database()
-- What is in the database and no program knows: a row a series, those of one name one behind the other.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.metrics_database() returns table (name text, kind text, help text, labels text, value text)
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
begin
  return query
    with outbox as (select count(*) n, coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0) age from im.outbox o),
    proof as (select p.problem is null as holds from im.ledger_proof p),
    backends as (select sum(d.numbackends) n from pg_stat_database d)
    select m.name, 'gauge', m.help, m.labels, m.value::text from (values
      ('im_outbox_rows', 'events in the outbox', '', (select o.n::numeric from outbox o)),
      ('im_outbox_oldest_seconds', 'age of the oldest event in the outbox', '', (select round(o.age, 3) from outbox o)),
      ('im_sockets', 'open WebSockets', '', (select count(*) from im.connection c where c.ended_at is null)),
      ('im_orders_pending', 'money orders that wait for somebody', 'kind="recharge"', (select count(*) from im.recharge x where x.status = 1)),
      ('im_orders_pending', '', 'kind="withdraw"', (select count(*) from im.withdraw x where x.status in (1, 2))),
      ('im_ledger_holds', 'whether the last proof of the ledger found nothing wrong', '', (select p.holds::integer from proof p)),
      ('im_complaints_open', 'complaints that wait for somebody', '', (select s.complaints from im.stat_now s)),
      ('im_accounts', 'accounts', '', (select s.users from im.stat_now s)),
      ('im_accounts_online', 'accounts with a socket', '', (select s.online from im.stat_now s)),
      ('im_job_failures', 'how often jobs of imclerk have failed', '', (select coalesce(sum(f.failures), 0) from im.due_failure f)),
      ('im_database_backends', 'connections that PostgreSQL has', '', (select b.n from backends b)),
      ('im_database_backends_max', 'connections that PostgreSQL may have', '', current_setting('max_connections')::numeric),
      ('im_database_bytes', 'size of the database', '', pg_database_size(current_database()))) m(name, help, labels, value);
end $$;
