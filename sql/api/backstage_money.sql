-- Backstage: reviewing recharges and withdrawals, and looking at the ledger.

-- GET /im/recharge/list
--   admin_recharge_list(:me, :after, format?, page?, size?, sort?, order?, status?, userId?, startTime?, endTime?, id?)
-- Recharge orders, newest first.  status: 1 pending, 2 credited, 3 rejected
-- Refuses: 403 without recharge.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_recharge_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_status integer, of_user im.id, first im.moment_from, last im.moment_to,
  of_order im.id default null)
returns table (total text, id bigint, "userId" bigint, username text, amount numeric, "payType" text,
               "chainType" text, "fromAddress" text, status integer, "txHash" text, "approvedBy" bigint,
               "approvedByName" text, "adminId" bigint, "adminName" text, reason text, "createTime" timestamptz, "decideTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'recharge.read', 'im.recharge_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('id', of_order::bigint), im.list_is('status', of_status), im.list_is('userId', of_user::bigint),
          im.list_from('createTime', first), im.list_until('createTime', last)], 'im.recharge_find');
end $$;

-- POST /im/recharge/approve  admin_recharge_approve(:me, id, reason?, txHash?)
-- Credits a pending order; a payment named here cannot be credited to another order.  When four eyes are asked for the first
-- approval is noted, and the second, by somebody else, credits.
-- Refuses: 403 without recharge.approve, or his own order, or the second time by the same; 404 no such order; 400 txHash is no hash of that chain; 4005 not pending, payment
--   already used
-- Writes: recharge, journal, posting, purse, outbox, audit, audit_head
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_recharge_approve(me bigint, order_id im.id, reason im.reason,
                                           tx_hash im.tx_hash default null) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pending im.recharge;
begin
  perform im.permit(me, 'recharge.approve');
  pending := im.recharge_lock(order_id);
  perform im.admin_stranger(me, pending.account_id);
  if pending.status = 1 and not im.recharge_second(pending, me) then
    perform im.audit_write(me, 'recharge.approve', 'recharge ' || order_id, '{"status": 1}', jsonb_build_object('approvedBy', me), reason);
    return;
  end if;
  perform im.recharge_credit(pending, me, coalesce(pending.chain_type, pending.pay_type), tx_hash, reason);
  perform im.audit_write(me, 'recharge.approve', 'recharge ' || order_id, '{"status": 1}',
    jsonb_build_object('status', 2, 'userId', pending.account_id, 'amount', pending.amount, 'txHash', tx_hash), reason);
end $$;

-- POST /im/recharge/reject  admin_recharge_reject(:me, id, reason?)
-- Closes a pending order that no money came for.
-- Refuses: 403 without recharge.approve, or his own order; 404 no such order; 4005 not pending
-- Writes: recharge, outbox, audit, audit_head
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_recharge_reject(me bigint, order_id im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pending im.recharge;
begin
  perform im.permit(me, 'recharge.approve');
  pending := im.recharge_lock(order_id);
  perform im.admin_stranger(me, pending.account_id);
  if pending.status <> 1 then
    raise sqlstate 'I4005' using hint = 'the order is not pending, to be rejected';
  end if;
  update im.recharge r
     set status = 3, admin_id = me, reason = admin_recharge_reject.reason, decided_at = now()
   where r.id = order_id;
  perform im.tell_wallet(pending.account_id, 'recharge', 'RECHARGE_REJECTED', pending.amount, order_id, reason);
  perform im.audit_write(me, 'recharge.approve', 'recharge ' || order_id, '{"status": 1}',
    jsonb_build_object('status', 3, 'userId', pending.account_id, 'amount', pending.amount), reason);
end $$;

-- GET /im/withdraw/list
--   admin_withdraw_list(:me, :after, format?, page?, size?, sort?, order?, status?, userId?, startTime?, endTime?, id?)
-- Withdrawals, newest first.  status: 1 requested, 2 approved, 3 rejected, 4 paid, 5 failed
-- Refuses: 403 without withdraw.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_withdraw_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_status integer, of_user im.id, first im.moment_from, last im.moment_to,
  of_order im.id default null)
returns table (total text, id bigint, "userId" bigint, username text, amount numeric, "chainType" text,
               "toAddress" text, status integer, "txHash" text, "approvedBy" bigint, "approvedByName" text,
               "decidedBy" bigint, "decidedByName" text, reason text,
               "createTime" timestamptz, "decideTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'withdraw.read', 'im.withdraw_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('id', of_order::bigint), im.list_is('status', of_status), im.list_is('userId', of_user::bigint),
          im.list_from('createTime', first), im.list_until('createTime', last)], 'im.withdraw_find');
end $$;

-- POST /im/withdraw/approve  admin_withdraw_approve(:me, id, reason?)
-- Lets a requested withdrawal be paid.
-- Refuses: 403 without withdraw.approve, or his own order; 404 no such order; 4005 not requested
-- Writes: withdraw, outbox, audit, audit_head; never journal, posting, purse: the money stays frozen
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_withdraw_approve(me bigint, order_id im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.withdraw_review(me, 'withdraw.approve', order_id, 2, null, reason);
end $$;

-- POST /im/withdraw/reject  admin_withdraw_reject(:me, id, reason?)
-- Refuses a requested withdrawal; the money is the owner's again.
-- Refuses: 403 without withdraw.approve, or his own order; 404 no such order; 4005 not requested
-- Writes: withdraw, journal, posting, purse, outbox, audit, audit_head
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_withdraw_reject(me bigint, order_id im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.withdraw_review(me, 'withdraw.approve', order_id, 3, null, reason);
end $$;

-- POST /im/withdraw/paid  admin_withdraw_paid(:me, id, txHash?, reason?)
-- Reports an approved withdrawal as paid; the money leaves the house.
-- Refuses: 403 without withdraw.pay, or his own order, or the approver when four eyes are asked for; 404 no such order;
--   400 txHash is no hash of that chain; 4005 not approved, payment already used
-- Writes: withdraw, journal, posting, purse, outbox, audit, audit_head
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_withdraw_paid(me bigint, order_id im.id, tx_hash im.tx_hash, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.withdraw_review(me, 'withdraw.pay', order_id, 4, tx_hash, reason);
end $$;

-- POST /im/withdraw/failed  admin_withdraw_failed(:me, id, reason?)
-- Reports that an approved withdrawal could not be paid; the money is the owner's again.
-- Refuses: 403 without withdraw.pay, or his own order; 404 no such order; 4005 not approved
-- Writes: withdraw, journal, posting, purse, outbox, audit, audit_head
-- Tells: the owner (SYSTEM_MESSAGE, event WALLET)
create function api.admin_withdraw_failed(me bigint, order_id im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.withdraw_review(me, 'withdraw.pay', order_id, 5, null, reason);
end $$;

-- GET /im/fund/list
--   admin_fund_list(:me, :after, format?, page?, size?, sort?, order?, userId?, type?, startTime?, endTime?)
-- Postings to what people can spend and to what is frozen, newest first.
-- Refuses: 403 without fund.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_fund_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_user im.id, of_type integer, first im.moment_from, last im.moment_to)
returns table (total text, id bigint, "userId" bigint, purse text, type integer, action text, subject text,
               amount numeric, balance numeric, remark text, "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'fund.read', 'im.fund_list', '{id,purse}', '{id}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('userId', of_user::bigint), im.list_is('type', of_type), im.fund_between(first, last)], 'im.fund_find');
end $$;

-- GET /im/redPacket/list
--   admin_redpacket_list(:me, :after, format?, page?, size?, sort?, order?, userId?, status?, startTime?, endTime?)
-- Red packets of a sender or of all, newest first.  status: 1 open, 2 all robbed, 3 expired
-- Refuses: 403 without redpacket.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_redpacket_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_user im.id, of_status integer, first im.moment_from, last im.moment_to)
returns table (total text, "redPacketId" uuid, "senderId" bigint, "receiverType" integer, "receiverId" bigint,
               "totalAmount" numeric, "totalCount" integer, "redPacketType" integer, remark text, status integer,
               "remainCount" integer, "remainAmount" numeric, refunded numeric, "createTime" timestamptz,
               "expireTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'redpacket.read', 'im.redpacket_list', '{redPacketId}', '{createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('senderId', of_user::bigint), im.redpacket_in_state(of_status), im.list_from('createTime', first),
          im.list_until('createTime', last)], 'im.redpacket_find');
end $$;

-- GET /im/redPacket/detail  admin_redpacket_detail(:me, redPacketId)
-- One red packet with its claims.
-- Refuses: 403 without redpacket.read; 404 no such packet
-- Writes: nothing
-- Tells: nobody
create function api.admin_redpacket_detail(me bigint, packet uuid)
returns table ("redPacketId" uuid, "senderId" bigint, "receiverType" integer, "receiverId" bigint,
               "totalAmount" numeric, "totalCount" integer, "redPacketType" integer, remark text, status integer,
               "remainCount" integer, "remainAmount" numeric, refunded numeric, "createTime" timestamptz,
               "expireTime" timestamptz, claims json)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'redpacket.read');
  return query
    select l.*, im.redpacket_claims(r, l.status)
      from im.redpacket_list l
      join im.redpacket r on r.id = l."redPacketId"
     where l."redPacketId" = packet;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such packet to look at';
  end if;
end $$;
