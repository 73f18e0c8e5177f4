-- The only functions that move money.  Locks: whatever a caller locks of its own (order, packet, share) comes first,
-- then all purses of the transaction in the order of their ids, then a conversation; so nothing waits in a circle.

create or replace function im.setting_money(setting_name text) returns numeric
language plpgsql stable as $$
begin
  return (select s.value::numeric(18,2) from im.setting s where s.name = setting_name);
end $$;

-- The purse of an account, made at its first use: available or frozen.
create or replace function im.purse_of(account bigint, purse_kind text) returns bigint
language plpgsql as $$
declare
  found_id bigint;
begin
  select p.id into found_id from im.purse p where p.account_id = account and p.kind = purse_kind;
  if not found then
    insert into im.purse (kind, account_id) values (purse_kind, account) on conflict do nothing;
    select p.id into found_id from im.purse p where p.account_id = account and p.kind = purse_kind;
  end if;
  return found_id;
end $$;

-- A purse of the house: the stripe that belongs to this connection.
create or replace function im.purse_house(purse_kind text) returns bigint
language plpgsql as $$
begin
  return (select p.id from im.purse p where p.kind = purse_kind and p.stripe = pg_backend_pid() % 16);
end $$;

-- For a transaction that makes several entries: lock every purse of all of them before the first.
create or replace function im.purse_lock(purses bigint[]) returns void
language plpgsql as $$
begin
  perform from im.purse p where p.id = any (purses) order by p.id for no key update;
end $$;

-- Makes one entry: amounts[i] is added to purses[i]; the sum is zero, no purse is named twice.
-- Refuses 4001 when a person's purse would fall below zero.  Answers the entry's id.
create or replace function im.ledger_post(entry_kind text, entry_subject text, entry_remark text,
                                          purses bigint[], amounts numeric[]) returns bigint
language plpgsql
set plan_cache_mode = force_generic_plan   -- arrays look cheaper planned anew each time: that doubled the cost of a rob
as $$
declare
  entry bigint;
  overdrawn boolean;
  posted integer;
begin
  select bool_or(l.account_id is not null and l.balance + m.amount < 0) into overdrawn
    from (select p.id, p.account_id, p.balance
            from im.purse p where p.id = any (purses) order by p.id for no key update) l
    join unnest(purses, amounts) m (id, amount) on m.id = l.id;
  if overdrawn then
    raise sqlstate 'I4001' using hint = 'a purse would be overdrawn';
  end if;
  insert into im.journal (kind, subject, remark) values (entry_kind, entry_subject, entry_remark)
  returning id into entry;
  with moved as (
    update im.purse p
       set balance = p.balance + m.amount, serial = p.serial + 1
      from unnest(purses, amounts) m (id, amount)
     where p.id = m.id
    returning p.id, p.serial, m.amount, p.balance, p.account_id, p.kind
  )
  insert into im.posting (purse_id, serial, journal_id, amount, balance, account_id, purse, type, created_at)
  select v.id, v.serial, entry, v.amount, v.balance, v.account_id, f.purse, f.type, f.created_at
    from moved v
    left join lateral (select v.kind as purse, im.fund_type(entry_kind)::smallint as type, now() as created_at) f
      on v.account_id is not null;
  get diagnostics posted = row_count;
  if posted <> cardinality(purses) or posted < 2 then
    raise exception 'entry % names a purse twice, or one that does not exist', entry;
  end if;
  return entry;
end $$;

-- What an account can spend.
create or replace function im.balance(account bigint) returns numeric(18,2)
language plpgsql stable as $$
begin
  return coalesce((select p.balance from im.purse p where p.account_id = account and p.kind = 'available'), 0.00);
end $$;

-- What is frozen for withdrawals under way.
create or replace function im.balance_frozen(account bigint) returns numeric(18,2)
language plpgsql stable as $$
begin
  return coalesce((select p.balance from im.purse p where p.account_id = account and p.kind = 'frozen'), 0.00);
end $$;

-- The number that the document's fund detail shows for a kind of entry.
create or replace function im.fund_type(entry_kind text) returns integer
language sql immutable as $$
  select case entry_kind
           when 'recharge' then 1 when 'withdraw' then 2 when 'withdraw_paid' then 2
           when 'redpacket_sent' then 3 when 'redpacket_robbed' then 4 when 'redpacket_refunded' then 5
           when 'vip' then 6 when 'withdraw_returned' then 7 when 'adjustment' then 8 end
$$;

-- Tells the owner what has happened to an order of theirs, or to their money without their asking.
create or replace function im.tell_wallet(account bigint, entry_kind text, act text, amount numeric, order_id bigint,
                                          note text) returns void
language plpgsql as $$
begin
  perform im.tell(array[account], 'SYSTEM_MESSAGE', json_build_object(
    'event', 'WALLET', 'action', act, 'type', im.fund_type(entry_kind), 'orderId', order_id, 'amount', amount,
    'balance', im.balance(account), 'reason', note, 'createTime', im.time_text(now())));
end $$;

-- What all purses of a kind hold together.
create or replace function im.purse_total(purse_kind text) returns numeric
language plpgsql stable as $$
begin
  return (select coalesce(sum(p.balance), 0.00) from im.purse p where p.kind = purse_kind);
end $$;
