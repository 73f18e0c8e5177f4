-- Red packets for other services, port 8082; and what anyone concerned may read about one.
-- A caller is a service's token (:service set, :me null) or a user's own (:me set, :service null).

-- (every request with a service's token)  service_enter(:service, :ver)
-- Lets a service in.
-- Refuses: 401 no such service, revoked
-- Writes: nothing
-- Tells: nobody
create function api.service_enter(service bigint, ver integer) returns void
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  if not exists (select from im.service s where s.id = service and s.version = ver and s.disabled_at is null) then
    raise sqlstate 'I0401' using hint = 'the service is disabled, or its token of an older version';
  end if;
end $$;

-- POST /red/packet/hand/out
--   redpacket_hand_out(:me, :service, userId, total, count, type, tradePassword#?, :key, :digest)
-- Makes a packet that has no receiver: whoever holds its id may rob it.  Answers the id.
-- Refuses: 403 userId is not the caller; 1001, 1003 the user; 400 count, total; 4003, 4004, 4002 trade password
--   (not asked of services); 4001 balance too small
-- Writes: redpacket, redpacket_share, journal, posting, purse, trade_password, idempotency, outbox
-- Tells: the payer's devices (SYSTEM_MESSAGE, event WALLET)
create function api.redpacket_hand_out(me bigint, service bigint, user_id im.id, total im.money, count im.share_count,
  type im.redpacket_type, trade text, key im.idempotency_key default null, digest im.request_digest default null)
returns table (id uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  kept_key text := im.service_key(service, key);
  stored jsonb;
begin
  perform im.service_account(me, service, user_id);
  stored := im.idempotent(user_id, kept_key, digest);
  if stored is null then
    stored := im.idempotent_keep(user_id, kept_key,
      im.redpacket_hand_out(me, user_id, total, count, type, trade, kept_key));
  end if;
  return query select * from jsonb_to_recordset(stored) as r (id uuid);
end $$;

-- POST /red/packet/rob
--   redpacket_service_rob(:me, :service, userId, redId|redPacketId|redPackageId, :key, :digest)
-- Claims one share for the user; answers its amount.
-- Refuses: 403 userId is not the caller; 1001, 1003 the user; 404, 5004, 3001, 3002, 3004, 5002, 5001, 5003 as
--   redpacket_rob
-- Writes: redpacket_share, journal, posting, purse, outbox, idempotency
-- Tells: as redpacket_rob
create function api.redpacket_service_rob(me bigint, service bigint, user_id im.id, packet uuid,
  key im.idempotency_key default null, digest im.request_digest default null)
returns table (amount numeric)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  kept_key text := im.service_key(service, key);
  stored jsonb;
begin
  perform im.service_account(me, service, user_id);
  stored := im.idempotent(user_id, kept_key, digest);
  if stored is null then
    stored := im.idempotent_keep(user_id, kept_key, im.redpacket_rob(user_id, packet));
  end if;
  return query select * from jsonb_to_recordset(stored) as r (amount numeric(18,2));
end $$;

-- POST /red/packet/isRob  redpacket_is_rob(:me, :service, userId, redId|redPacketId|redPackageId)
-- Whether the user has claimed a share of the packet.
-- Refuses: 403 userId is not the caller; 1001, 1003 the user; 404 no such packet
-- Writes: nothing
-- Tells: nobody
create function api.redpacket_is_rob(me bigint, service bigint, user_id im.id, packet uuid)
returns table (robbed boolean)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.service_account(me, service, user_id);
  if not exists (select from im.redpacket r where r.id = packet) then
    raise sqlstate 'I0404' using hint = 'no such packet to ask about';
  end if;
  return query
    select exists (select from im.redpacket_share s where s.packet_id = packet and s.account_id = user_id);
end $$;

-- GET /redPackage/detail/{redPacketId}  redpacket_detail(:me, :redPacketId)
-- A packet and its claims.  The seed is shown when nothing can be claimed any more: then everybody can draw again.
-- Refuses: 404 no such packet; 5004 for somebody else; 3001, 3002, 3004 the group (not the sender, nor who has robbed)
-- Writes: nothing
-- Tells: nobody
create function api.redpacket_detail(me bigint, packet uuid)
returns table ("redPacketId" uuid, "senderId" bigint, "nickName" text, "headImage" text, "receiverType" integer,
  "receiverId" bigint, "totalAmount" numeric, "totalCount" integer, "redPacketType" integer, "maxAmount" numeric,
  remark text, status integer, "remainCount" integer, "remainAmount" numeric, "refundAmount" numeric,
  "myAmount" numeric, claims json, commitment text, seed text, "createTime" timestamptz, "expireTime" timestamptz)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  p im.redpacket;
begin
  select * into p from im.redpacket r where r.id = packet;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such packet to show';
  elsif p.sender_id <> me
        and not exists (select from im.redpacket_share s where s.packet_id = packet and s.account_id = me) then
    perform im.redpacket_admit(p, me);
  end if;
  return query
    select p.id, p.sender_id, a.nick_name::text, a.head_image::text, p.receiver_type::integer, p.receiver_id,
           p.total::numeric, p.count::integer, p.type::integer, p.share_max::numeric, p.remark::text, s.status,
           s.remain_count, s.remain_amount, p.refunded,
           (select x.amount::numeric from im.redpacket_share x where x.packet_id = p.id and x.account_id = me),
           im.redpacket_claims(p, s.status), p.commitment, case when s.status <> 1 then p.seed end,
           p.created_at, p.expires_at
      from im.redpacket_state(p) s
      join im.account a on a.id = p.sender_id;
end $$;
