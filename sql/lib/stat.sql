-- Counting, by imclerk: what has come since is added to the row of its day.

-- Days are written by one transaction at a time, until its end; the numbers of accounts are locks as well, none below zero.
create or replace function im.stat_lock() returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(-1);
end $$;

-- The same for whoever comes back soon: false when somebody else is at it.
create or replace function im.stat_turn() returns boolean
language plpgsql as $$
begin
  return pg_try_advisory_xact_lock(-1);
end $$;

-- The accounts of these days that were not among the active of them yet.
create or replace function im.stat_active(days date[], accounts bigint[]) returns void
language plpgsql as $$
begin
  with fresh as (
    insert into im.stat_active (day, account_id)
    select distinct u.day, u.account from unnest(days, accounts) u(day, account)
     where u.day between current_date - 1 and current_date
     order by 1, 2
    on conflict do nothing
    returning day)
  insert into im.stat_day as d (day, active)
  select f.day, count(*) from fresh f group by f.day order by f.day
  on conflict (day) do update set active = d.active + excluded.active;
end $$;

create or replace function im.stat_messages(ids bigint[]) returns void
language plpgsql as $$
begin
  insert into im.stat_day as d (day, messages)
  select m.sent_at::date, count(*) from im.message m where m.id = any (ids) and m.message_type <> 9 group by 1 order by 1
  on conflict (day) do update set messages = d.messages + excluded.messages;
  perform im.stat_active(array_agg(m.sent_at::date), array_agg(m.sender_id)) from im.message m where m.id = any (ids);
end $$;

-- What came in, what left, and red packets, by entries of the ledger.
create or replace function im.stat_money(entries bigint[]) returns void
language plpgsql as $$
begin
  perform im.stat_lock();
  insert into im.stat_day as d (day, money_in, money_out, packets, packet_amount)
  select j.created_at::date, coalesce(sum(x.amount) filter (where j.kind = 'recharge'), 0),
         coalesce(sum(-x.amount) filter (where j.kind = 'withdraw_paid'), 0), count(*) filter (where j.kind = 'redpacket_sent'),
         coalesce(sum(-x.amount) filter (where j.kind = 'redpacket_sent'), 0)
    from im.journal j
    join im.posting x on x.journal_id = j.id
    join im.purse p on p.id = x.purse_id and p.kind = case j.kind when 'withdraw_paid' then 'frozen' else 'available' end
   where j.id = any (entries) and j.kind in ('recharge', 'withdraw_paid', 'redpacket_sent')
   group by 1 order by 1
  on conflict (day) do update
    set money_in = d.money_in + excluded.money_in, money_out = d.money_out + excluded.money_out,
        packets = d.packets + excluded.packets, packet_amount = d.packet_amount + excluded.packet_amount;
end $$;

-- Whoever has logged in, or was online, since about that time.
create or replace function im.stat_seen(since timestamptz) returns void
language plpgsql as $$
begin
  perform im.stat_active(array_agg(s.day), array_agg(s.account_id))
     from (select n.refreshed_at::date as day, n.account_id from im.session n where n.refreshed_at > since
           union
           select p.seen_at::date, p.account_id from im.presence p where p.online and p.seen_at > since
           union
           select current_date, c.account_id from im.connection c) s;
end $$;

-- Users: counted one by one every hour, in between those who have come are added.
create or replace function im.stat_users() returns void
language plpgsql as $$
begin
  update im.stat_now set counted = (select count(*) from im.account a where a.created_at <= now()), counted_at = now()
   where counted_at < now() - interval '1 hour';
  update im.stat_now n set users = n.counted + (select count(*) from im.account a where a.created_at > n.counted_at);
  insert into im.stat_day as d (day, registered)
  select t.day, (select count(*) from im.account a
                  where a.created_at >= t.day::timestamptz and a.created_at < (t.day + 1)::timestamptz)
    from (values (current_date - 1), (current_date)) t(day)
  on conflict (day) do update set registered = excluded.registered where d.registered <> excluded.registered;
end $$;

-- Job of imclerk: how things stand, every setting stat.interval; and the ledger is proven on.
create or replace function im.due_stat() returns bigint
language plpgsql as $$
declare
  was timestamptz;
begin
  if not im.stat_turn() then
    return 0;
  end if;
  select n.at into was from im.stat_now n where n.at <= now() - im.setting_interval('stat.interval') for update skip locked;
  if not found then
    return 0;
  end if;
  if (select p.problem is null from im.ledger_proof p) and im.follow_waits('ledger', 'im.journal') then
    perform im.ledger_go_on(2000);
  end if;
  perform im.stat_users();
  perform im.stat_seen(was - interval '1 minute');
  delete from im.stat_active a where a.day < current_date - 1;
  update im.stat_now
     set at = now(), online = (select count(*) from im.presence p where p.online),
         complaints = (select count(*) from im.complaint c where c.resolved_at is null),
         reviews = (select count(*) from im.recharge r where r.status = 1)
                   + (select count(*) from im.withdraw w where w.status in (1, 2));
  insert into im.stat_day as d (day, online_peak)
  select current_date, n.online from im.stat_now n
  on conflict (day) do update set online_peak = excluded.online_peak where d.online_peak < excluded.online_peak;
  return 1;
end $$;
