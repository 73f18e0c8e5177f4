-- Orders and their states.  Each function locks the order first, then the purses.

-- The one spelling of a payment's number: lower case, a hash without 0x.  Refuses 400 what is no hash, on a chain that has
-- them.
create or replace function im.tx_fold(chain text, tx_hash text) returns text
language plpgsql immutable strict as $$
declare
  folded text := lower(tx_hash);
begin
  if folded ~ '^(0x)?[0-9a-f]{64}$' then
    return right(folded, 64);
  elsif lower(chain) in ('bsc', 'bep20', 'eth', 'erc20', 'polygon', 'tron', 'trx', 'trc20') then
    raise sqlstate 'I0400' using message = 'txHash', hint = 'a transaction of that chain has another form';
  end if;
  return folded;
end $$;

create or replace function im.recharge_order(me bigint, amount numeric, pay_type text, chain_type text,
                                             from_address text) returns jsonb
language plpgsql as $$
declare
  made im.recharge;
begin
  if amount > im.setting_money('wallet.recharge_max') then
    raise sqlstate 'I0400' using message = 'amount', hint = 'more than a recharge may be';
  end if;
  perform from im.account a where a.id = me for no key update;    -- orders of one account are counted one by one
  if (select count(*) from im.recharge r where r.account_id = me and r.status = 1)
     >= im.setting_int('wallet.recharge_pending') then
    raise sqlstate 'I0429' using hint = 'too many recharges of the account are pending';
  end if;
  insert into im.recharge (account_id, amount, pay_type, chain_type, from_address)
  values (me, amount, pay_type, lower(chain_type), from_address)
  returning * into made;
  return jsonb_build_object('id', made.id, 'amount', made.amount, 'payType', made.pay_type,
    'chainType', made.chain_type, 'fromAddress', made.from_address, 'status', made.status,
    'createTime', made.created_at);
end $$;

-- Locks a recharge order.  Refuses 404 no such order.
create or replace function im.recharge_lock(order_id bigint) returns im.recharge
language plpgsql as $$
declare
  pending im.recharge;
begin
  select * into pending from im.recharge r where r.id = order_id for update;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such recharge';
  end if;
  return pending;
end $$;

-- Whether this approval of a locked, pending order is the one that credits it: the only one, or when four eyes are asked
-- for the second, by another administrator.  The first is noted.  Refuses 403 the first again.
create or replace function im.recharge_second(pending im.recharge, admin bigint) returns boolean
language plpgsql as $$
begin
  if im.setting_text('wallet.four_eyes') <> 'on' then
    return true;
  elsif pending.approved_by = admin then
    raise sqlstate 'I0403' using hint = 'the second approval of a recharge is by another administrator';
  elsif pending.approved_by is null then
    update im.recharge r set approved_by = admin where r.id = pending.id;
    return false;
  end if;
  return true;
end $$;

-- Credits a locked, pending order: by an administrator, by a payment, or by both.  Refuses 4005 not pending, 400 no hash,
-- payment already credited to another order.
create or replace function im.recharge_credit(pending im.recharge, admin bigint, chain text, hash text, note text)
returns void
language plpgsql as $$
declare
  entry bigint;
begin
  if pending.status <> 1 then
    raise sqlstate 'I4005' using hint = 'the recharge is not pending, to be credited';
  end if;
  entry := im.ledger_post('recharge', pending.id::text, '充值',
                          array[im.purse_of(pending.account_id, 'available'), im.purse_house('cash_in')],
                          array[pending.amount, -pending.amount]);
  update im.recharge r
     set status = 2, journal_id = entry, admin_id = admin, tx_chain = case when hash is not null then lower(chain) end,
         tx_hash = im.tx_fold(chain, hash), reason = note, decided_at = now()
   where r.id = pending.id;
  perform im.tell_wallet(pending.account_id, 'recharge', 'RECHARGE_CREDITED', pending.amount, pending.id, note);
end $$;

-- Credits the order that a signed callback names, once, whatever is repeated.  An order that an administrator has
-- credited already takes the payment's number, so that no other order can.  Refuses 404 no such order, 400 no hash, another
-- amount, 4005 order rejected or credited by another payment, payment already credited to another order.
create or replace function im.recharge_paid(order_id bigint, paid numeric, chain text, hash text) returns void
language plpgsql as $$
declare
  folded text := im.tx_fold(chain, hash);
  pending im.recharge := im.recharge_lock(order_id);
begin
  if pending.amount <> paid then
    raise sqlstate 'I0400' using message = 'amount', hint = 'another amount was paid';
  elsif pending.status = 2 and pending.tx_chain = lower(chain) and pending.tx_hash = folded then
    return;
  elsif pending.status = 2 and pending.tx_hash is null then
    update im.recharge r set tx_chain = lower(chain), tx_hash = folded where r.id = order_id;
    return;
  end if;
  perform im.recharge_credit(pending, null, chain, folded, null);
end $$;

-- The chain of a withdrawal: the one named, or the usual one of such an address.  Refuses 400 when an address cannot
-- be of that chain.
create or replace function im.withdraw_chain(chain_type text, to_address text) returns text
language plpgsql immutable as $$
declare
  chain text := lower(coalesce(chain_type, case when to_address like 'T%' then 'tron' else 'bsc' end));
begin
  if (chain in ('tron', 'trx', 'trc20')) <> (to_address like 'T%') then
    raise sqlstate 'I0400' using message = 'toAddress', hint = 'the address is not of the chain';
  end if;
  return chain;
end $$;

create or replace function im.withdraw_request(me bigint, amount numeric, to_address text, chain_type text,
                                               trade text, key text) returns jsonb
language plpgsql as $$
declare
  chain text := im.withdraw_chain(chain_type, to_address);
  made im.withdraw;
begin
  if amount not between im.setting_money('wallet.withdraw_min') and im.setting_money('wallet.withdraw_max') then
    raise sqlstate 'I0400' using message = 'amount', hint = 'less or more than a withdrawal may be';
  end if;
  if not im.trade_ok(me, trade, key) then
    return null;
  end if;
  insert into im.withdraw (account_id, amount, chain_type, to_address) values (me, amount, chain, to_address)
  returning * into made;
  perform im.ledger_post('withdraw', made.id::text, '提现',
                         array[im.purse_of(me, 'available'), im.purse_of(me, 'frozen')], array[-amount, amount]);
  perform im.tell_wallet(me, 'withdraw', 'WITHDRAW_REQUESTED', amount, made.id, null);
  return jsonb_build_object('id', made.id, 'amount', made.amount, 'toAddress', made.to_address,
    'chainType', made.chain_type, 'status', made.status, 'balance', im.balance(me), 'createTime', made.created_at);
end $$;

-- Takes a withdrawal along one edge of  1 requested → 2 approved | 3 rejected;  2 approved → 4 paid | 5 failed
-- and moves the frozen money where that state has it.  Refuses 404 no such order, 4005 no such edge from its state,
-- 403 when four eyes are asked for and the payer is the approver.  Answers the order as it was.
create or replace function im.withdraw_move(order_id bigint, next smallint, admin bigint, hash text, note text)
returns im.withdraw
language plpgsql as $$
declare
  was im.withdraw;
begin
  select * into was from im.withdraw w where w.id = order_id for update;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such withdrawal';
  elsif (was.status, next) not in ((1, 2), (1, 3), (2, 4), (2, 5)) then
    raise sqlstate 'I4005' using hint = 'the withdrawal is not in that state';
  elsif next = 4 and was.approved_by = admin and im.setting_text('wallet.four_eyes') = 'on' then
    raise sqlstate 'I0403' using hint = 'the second approval of a withdrawal is by another administrator';
  end if;
  perform im.withdraw_settle(was, next);
  update im.withdraw w
     set status = next, tx_hash = im.tx_fold(was.chain_type, hash), reason = coalesce(note, w.reason), decided_at = now(),
         approved_by = case when next = 2 then admin else w.approved_by end,
         decided_by = case when next <> 2 then admin end
   where w.id = order_id;
  perform im.tell_wallet(was.account_id, case when next in (2, 4) then 'withdraw' else 'withdraw_returned' end,
                         'WITHDRAW_' || (array['APPROVED', 'REJECTED', 'PAID', 'FAILED'])[next - 1],
                         was.amount, was.id, note);
  return was;
end $$;

-- The ledger's side of a withdrawal's new state: paid money leaves the house, refused money goes back to its owner.
create or replace function im.withdraw_settle(was im.withdraw, next smallint) returns void
language plpgsql as $$
declare
  frozen bigint := im.purse_of(was.account_id, 'frozen');
begin
  if next = 4 then
    perform im.ledger_post('withdraw_paid', was.id::text, '提现',
                           array[frozen, im.purse_house('cash_out')], array[-was.amount, was.amount]);
  elsif next in (3, 5) then
    perform im.ledger_post('withdraw_returned', was.id::text, '提现退回',
                           array[frozen, im.purse_of(was.account_id, 'available')], array[-was.amount, was.amount]);
  end if;
end $$;

-- Days of VIP, from now or from the end of those already bought.
create or replace function im.vip_buy(me bigint, days integer, trade text, key text) returns jsonb
language plpgsql as $$
declare
  price numeric(18,2) := days * im.setting_money('vip.price_per_day');
  made im.vip_purchase;
begin
  if days > im.setting_int('vip.days_max') then
    raise sqlstate 'I0400' using message = 'duration', hint = 'more days than may be bought';
  end if;
  if not im.trade_ok(me, trade, key) then
    return null;
  end if;
  select greatest(now(), coalesce(a.vip_until, now())) into made.vip_from
    from im.account a where a.id = me for no key update;
  insert into im.vip_purchase (account_id, days, amount, vip_from, vip_until)
  values (me, days, price, made.vip_from, made.vip_from + make_interval(days => days))
  returning * into made;
  update im.vip_purchase v
     set journal_id = im.ledger_post('vip', made.id::text, '购买VIP',
                                     array[im.purse_of(me, 'available'), im.purse_house('vip')], array[-price, price])
   where v.id = made.id;
  update im.account a set vip_until = made.vip_until where a.id = me;
  perform im.sync_touch(array[me], 'SELF');
  perform im.tell_wallet(me, 'vip', 'VIP_BOUGHT', price, null, null);
  return jsonb_build_object('vipExpireTime', made.vip_until, 'amount', price, 'balance', im.balance(me));
end $$;

-- One act of review: the permission, the edge, the record.
create or replace function im.withdraw_review(admin bigint, permission text, order_id bigint, next integer, hash text,
                                              note text) returns void
language plpgsql as $$
declare
  was im.withdraw;
begin
  perform im.permit(admin, permission);
  was := im.withdraw_move(order_id, next::smallint, admin, hash, note);
  perform im.admin_stranger(admin, was.account_id);
  perform im.audit_write(admin, permission, 'withdraw ' || order_id, jsonb_build_object('status', was.status),
    jsonb_build_object('status', next, 'userId', was.account_id, 'amount', was.amount, 'txHash', hash), note);
end $$;
