-- Backstage: reviewing recharges and withdrawals, and looking at the ledger.

-- GET /im/recharge/list  PAGE  admin_recharge_list(:me, status?, page?, size?, userId?)
-- Recharge orders, newest first.  status: 1 pending, 2 credited, 3 rejected
-- Refuses: 403 without recharge.read
-- Writes: nothing
-- Tells: nobody
create function api.admin_recharge_list(me bigint, of_status integer, page integer, size integer,
                                        of_user im.id default null)
returns table (total bigint, id bigint, "userId" bigint, username text, amount numeric, "payType" text,
               "chainType" text, "fromAddress" text, status integer, "txHash" text, "adminId" bigint, reason text,
               "createTime" timestamptz, "decideTime" timestamptz)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'recharge.read');
  return query
    select t.total, r.*
      from (select count(*) from im.recharge o
             where (of_status is null or o.status = of_status) and (of_user is null or o.account_id = of_user)) t (total)
      left join lateral (
        select o.id, o.account_id, a.username::text, o.amount::numeric, o.pay_type::text, o.chain_type::text,
               o.from_address::text, o.status::integer, o.tx_hash::text, o.admin_id, o.reason::text, o.created_at,
               o.decided_at
          from im.recharge o
          join im.account a on a.id = o.account_id
         where (of_status is null or o.status = of_status) and (of_user is null or o.account_id = of_user)
         order by o.id desc limit im.page_limit(size) offset im.page_offset(page, size)) r on true;
end $$;

-- POST /im/recharge/approve  NOTHING  admin_recharge_approve(:me, id, reason?, txHash?)
-- Credits a pending order; a payment named here cannot be credited to another order.
-- Refuses: 403 without recharge.approve; 404 no such order; 4005 not pending, payment already used
-- Writes: recharge, journal, posting, purse, audit
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_recharge_approve(me bigint, order_id im.id, reason im.reason,
                                           tx_hash im.tx_hash default null) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pending im.recharge;
begin
  perform im.permit(me, 'recharge.approve');
  pending := im.recharge_lock(order_id);
  perform im.recharge_credit(pending, me, coalesce(pending.chain_type, pending.pay_type), tx_hash, reason);
  perform im.audit_write(me, 'recharge.approve', 'recharge ' || order_id, '{"status": 1}',
    jsonb_build_object('status', 2, 'userId', pending.account_id, 'amount', pending.amount, 'txHash', tx_hash), reason);
end $$;

-- POST /im/recharge/reject  NOTHING  admin_recharge_reject(:me, id, reason?)
-- Closes a pending order that no money came for.
-- Refuses: 403 without recharge.approve; 404 no such order; 4005 not pending
-- Writes: recharge, audit
-- Tells: nobody
create function api.admin_recharge_reject(me bigint, order_id im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pending im.recharge;
begin
  perform im.permit(me, 'recharge.approve');
  pending := im.recharge_lock(order_id);
  if pending.status <> 1 then
    raise sqlstate 'I4005';
  end if;
  update im.recharge r
     set status = 3, admin_id = me, reason = admin_recharge_reject.reason, decided_at = now()
   where r.id = order_id;
  perform im.audit_write(me, 'recharge.approve', 'recharge ' || order_id, '{"status": 1}',
    jsonb_build_object('status', 3, 'userId', pending.account_id, 'amount', pending.amount), reason);
end $$;
