-- Red packets: /redPackage/* on 8080, /red/packet/* on 8082.

-- POST /redPackage/send
--   redpacket_send(:me, receiverType, receiverId, totalAmount, totalCount, redPacketType, remark*?, tradePassword#, :key, :digest)
-- Splits an amount, puts it in escrow, and shows it in the chat as a message of type 7, in one transaction.
-- Refuses: 400 totalCount, totalAmount (limits, indivisible), receiverId (oneself); 2001, 2003 the friend;
--   3001, 3002, 3004, 3006 the group; 4003, 4004, 4002 trade password; 4001 balance too small
-- Writes: redpacket, redpacket_share, journal, posting, purse, conversation, message, tally, outbox, trade_password,
--   idempotency; never file_message
-- Tells: the chat (PRIVATE_MESSAGE or GROUP_MESSAGE, event MESSAGE); the sender's devices (SYSTEM_MESSAGE, event WALLET)
create function api.redpacket_send(me bigint, receiver_type im.receiver_type, receiver im.id, total im.money,
  count im.share_count, type im.redpacket_type, remark im.redpacket_remark, trade text,
  key im.idempotency_key default null, digest im.request_digest default null)
returns table ("redPacketId" uuid, commitment text, "expireTime" timestamptz, "messageId" bigint, seq bigint,
               "conversationId" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  stored jsonb := im.idempotent(me, key, digest);
begin
  if stored is null then
    stored := im.idempotent_keep(me, key,
      im.redpacket_send(me, receiver_type, receiver, total, count, type, remark, trade, key));
  end if;
  return query
    select * from jsonb_to_recordset(stored) as r ("redPacketId" uuid, commitment text, "expireTime" timestamptz,
                                                   "messageId" bigint, seq bigint, "conversationId" bigint);
end $$;

-- POST /redPackage/rob  redpacket_rob(:me, redPacketId|redPackageId|redId, :key, :digest)
-- Claims one share of a packet.
-- Refuses: 404 no such packet; 5004 for somebody else; 3001, 3002, 3004 the group; 5002 already robbed;
--   5001 empty; 5003 expired
-- Writes: redpacket_share, journal, posting, purse, outbox, idempotency
-- Tells: the sender and the robber, or the chat (SYSTEM_MESSAGE, event RED_PACKET, action ROBBED or FINISHED)
create function api.redpacket_rob(me bigint, packet uuid, key im.idempotency_key default null,
                                  digest im.request_digest default null)
returns table (amount numeric, "remainCount" integer, "remainAmount" numeric)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  stored jsonb := im.idempotent(me, key, digest);
begin
  if stored is null then
    stored := im.idempotent_keep(me, key, im.redpacket_rob(me, packet));
  end if;
  return query
    select * from jsonb_to_recordset(stored) as r (amount numeric(18,2), "remainCount" integer,
                                                   "remainAmount" numeric(18,2));
end $$;
