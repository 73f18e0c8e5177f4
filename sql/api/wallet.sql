-- The wallet: /user/recharge /user/withdraw /user/queryUserFundDetail /user/buyVip and the payment callback.

-- POST /user/recharge  wallet_recharge(:me, amount, payType, chainType?, fromAddress?, :key, :digest)
-- Notes that the caller says money is coming; credited by an administrator or a signed payment callback.
-- Refuses: 400 amount above the limit; 429 too many pending orders
-- Writes: recharge, idempotency
-- Tells: nobody
create function api.wallet_recharge(me bigint, money im.money, pay_type im.pay_type, chain_type im.chain_type,
  from_address im.from_address, key im.idempotency_key default null, digest im.request_digest default null)
returns table (id bigint, amount numeric, "payType" text, "chainType" text, "fromAddress" text, status integer,
               "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  stored jsonb := im.idempotent(me, key, digest);
begin
  if stored is null then
    stored := im.idempotent_keep(me, key,
      im.recharge_order(me, money, pay_type, chain_type, from_address));
  end if;
  return query
    select * from jsonb_to_recordset(stored) as r (id bigint, amount numeric(18,2), "payType" text, "chainType" text,
                                                   "fromAddress" text, status integer, "createTime" timestamptz);
end $$;

-- POST /payment/callback, when its signature is good  wallet_payment(orderId, amount, chainType, txHash)
-- Credits the recharge order that a payment was made for.  The program has checked the signature and its time;
-- a repeated callback is answered as the first.
-- Refuses: 404 no such order; 400 amount is not the order's, txHash is no hash of that chain; 4005 rejected, or another payment's, or already used
-- Writes: recharge, journal, posting, purse, outbox
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.wallet_payment(order_id im.id, money im.money, chain_type im.chain_type, tx_hash im.tx_hash)
returns table ("orderId" bigint, status integer)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.recharge_paid(order_id, money, chain_type, tx_hash);
  return query select order_id::bigint, 2;
end $$;

-- POST /user/withdraw  wallet_withdraw(:me, amount, toAddress, chainType?, tradePassword#, :key, :digest)
-- Asks for money to be paid out; it is frozen from now on.
-- Refuses: 400 amount outside the limits, toAddress not of that chain; 4003, 4004, 4002 trade password;
--   4001 balance too small
-- Writes: withdraw, journal, posting, purse, trade_password, idempotency, outbox
-- Tells: the caller's devices (SYSTEM_MESSAGE, event WALLET)
create function api.wallet_withdraw(me bigint, money im.money, to_address im.to_address, chain_type im.chain_type,
  trade text, key im.idempotency_key default null, digest im.request_digest default null)
returns table (id bigint, amount numeric, "toAddress" text, "chainType" text, status integer, balance numeric,
               "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  stored jsonb := im.idempotent(me, key, digest);
begin
  if stored is null then
    stored := im.idempotent_keep(me, key, im.withdraw_request(me, money, to_address, chain_type, trade, key));
  end if;
  return query
    select * from jsonb_to_recordset(stored) as r (id bigint, amount numeric(18,2), "toAddress" text, "chainType" text,
                                                   status integer, balance numeric(18,2), "createTime" timestamptz);
end $$;

-- GET /user/queryUserFundDetail  wallet_fund_list(:me, page?, size?, type?, startTime?, endTime?)
-- Every change of what the caller can spend, newest first, with the balance after it.
-- Refuses: 400 a time that is none
-- Writes: nothing
-- Tells: nobody
create function api.wallet_fund_list(me bigint, page integer, size integer, of_type integer default null,
                                     first im.moment_from default null, last im.moment_to default null)
returns table (total bigint, id bigint, "userId" bigint, type integer, amount numeric, balance numeric, remark text,
               "createTime" timestamptz)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  since timestamptz := im.moment_begin(first);
  until timestamptz := im.moment_end(last);
begin
  return query
    with fund as (
      select j.id, im.fund_type(j.kind), x.amount, x.balance, j.remark, j.created_at, x.serial
        from im.purse p
        join im.posting x on x.purse_id = p.id
        join im.journal j on j.id = x.journal_id
       where p.account_id = me and p.kind = 'available'
         and (of_type is null or im.fund_type(j.kind) = of_type)
         and (since is null or j.created_at >= since)
         and (until is null or j.created_at < until)
    )
    select t.total, r.id, case when r.id is not null then me end, r.type, r.amount, r.balance, r.remark, r.created_at
      from (select count(*) from fund) t (total)
      left join lateral (
        select * from fund f order by f.serial desc
         limit im.page_limit(size) offset im.page_offset(page, size)) r (id, type, amount, balance, remark, created_at)
        on true;
end $$;

-- POST /user/buyVip  wallet_vip_buy(:me, duration, tradePassword#, :key, :digest)
-- Buys days of VIP; they begin now, or where the days already bought end.
-- Refuses: 400 duration; 4003, 4004, 4002 trade password; 4001 balance too small
-- Writes: vip_purchase, account, journal, posting, purse, trade_password, idempotency, sync_list, outbox
-- Tells: the caller's devices (SYSTEM_MESSAGE, event WALLET; never SELF)
create function api.wallet_vip_buy(me bigint, duration im.vip_days, trade text,
                                   key im.idempotency_key default null, digest im.request_digest default null)
returns table ("vipExpireTime" timestamptz, amount numeric, balance numeric)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  stored jsonb := im.idempotent(me, key, digest);
begin
  if stored is null then
    stored := im.idempotent_keep(me, key, im.vip_buy(me, duration, trade, key));
  end if;
  return query
    select * from jsonb_to_recordset(stored) as r ("vipExpireTime" timestamptz, amount numeric(18,2),
                                                   balance numeric(18,2));
end $$;
