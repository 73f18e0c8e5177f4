-- The wallet: /user/recharge /user/withdraw /user/queryUserFundDetail /user/buyVip and the payment callback.

-- POST /user/recharge  ONE  wallet_recharge(:me, amount, payType, chainType?, fromAddress?, :key, :digest)
-- Notes that the caller says money is coming; credited by an administrator or a signed payment callback.
-- Refuses: 400 amount above the limit; 2005 too many pending orders
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
