-- Making, robbing and returning red packets.  Locks, in this order everywhere: packet (the clerk only), shares,
-- purses in order of id, conversation.

-- Refuses 400, in the caller's own names for the two fields, a packet that cannot be split.
create or replace function im.redpacket_check(total numeric, count integer, type integer,
                                              total_name text, count_name text) returns void
language plpgsql stable as $$
begin
  if count > im.setting_int('redpacket.count_max') then
    raise sqlstate 'I0400' using message = count_name, hint = 'too many shares';
  elsif total < count * 0.01 or total > count * im.setting_money('redpacket.share_max')
        or (type = 2 and (total * 100) % count <> 0) then
    raise sqlstate 'I0400' using message = total_name, hint = case when total < count * 0.01 then 'a share would be less than a cent'
      else 'a share would be too large, or the total cannot be shared alike' end;
  end if;
end $$;

-- Debits the sender, and makes the packet with all its shares.  The caller has checked what may be sent, and to
-- whom; it fills in receiver_type, receiver_id, conversation_id and the like after.  Refuses 4001.
create or replace function im.redpacket_make(sender bigint, total numeric, count integer, type integer, remark text)
returns im.redpacket
language plpgsql as $$
declare
  p im.redpacket;
begin
  p.seed := encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');    -- 244 random bits
  insert into im.redpacket (sender_id, total, count, type, share_max, remark, seed, commitment, expires_at)
  values (sender, total, count, type, im.setting_money('redpacket.share_max'),
          coalesce(nullif(remark, ''), '恭喜发财'), p.seed, encode(sha256(convert_to(p.seed, 'UTF8')), 'hex'),
          now() + im.setting_interval('redpacket.ttl'))
  returning * into p;
  insert into im.redpacket_share (packet_id, number, amount)
  select p.id, s.number, s.amount
    from unnest(im.redpacket_split(p.seed, total, count, type, p.share_max)) with ordinality as s (amount, number);
  perform im.ledger_post('redpacket_sent', p.id::text, '发红包',
                         array[im.purse_of(sender, 'available'), im.purse_house('escrow')], array[-total, total]);
  perform im.tell_wallet(sender, 'redpacket_sent', 'REDPACKET_SENT', total, null, p.id::text);
  return p;
end $$;

-- What the chat message of type 7 says.
create or replace function im.redpacket_content(p im.redpacket) returns text
language plpgsql immutable as $$
begin
  return json_build_object('redPacketId', p.id, 'redPacketType', p.type, 'totalCount', p.count, 'remark', p.remark,
                           'commitment', p.commitment)::text;
end $$;

-- Refuses, before any money is looked at, who may not write to that chat: 2001, 2003, 3001, 3002, 3004, 3006.
-- Appending the message decides again, under the conversation's lock.
create or replace function im.redpacket_address(me bigint, to_type integer, to_id bigint) returns void
language plpgsql stable as $$
declare
  chat im.conversation;
  mine im.member;
begin
  if to_type = 2 then
    if not exists (select from im.conversation c
                    where c.low_id = least(me, to_id) and c.high_id = greatest(me, to_id)
                      and c.group_id is null and c.closed is null) then
      perform im.private_closed(me, to_id, null);
    end if;
    return;
  end if;
  select * into chat from im.conversation c where c.group_id = to_id;
  if not found or chat.closed is not null then
    perform im.group_closed(me, to_id, null);
  end if;
  select * into mine from im.member m where m.conversation_id = chat.id and m.account_id = me and m.left_at is null;
  perform im.group_speaks(mine.role, mine.muted_until, chat.muted);
end $$;

-- Makes the packet and the message that shows it.  Refuses what appending to that chat refuses, besides.
create or replace function im.redpacket_send(me bigint, to_type integer, to_id bigint, total numeric, count integer,
                                             type integer, remark text, trade text, key text) returns jsonb
language plpgsql as $$
declare
  p im.redpacket;
  private im.private_message;
  grouped im.group_message;
begin
  perform im.redpacket_check(total, count, type, 'totalAmount', 'totalCount');
  if to_type = 2 and to_id = me then
    raise sqlstate 'I0400' using message = 'receiverId', hint = 'a packet is not for its sender';
  elsif to_type = 2 and count <> 1 then
    raise sqlstate 'I0400' using message = 'totalCount', hint = 'a private packet has one share';
  end if;
  perform im.redpacket_address(me, to_type, to_id);
  if not im.trade_ok(me, trade, key) then
    return null;
  end if;
  p := im.redpacket_make(me, total, count, type, remark);
  if to_type = 2 then
    private := im.private_append(me, to_id, im.redpacket_content(p), 7, null, null);
  else
    grouped := im.group_append(me, to_id, im.redpacket_content(p), 7, null, null);
  end if;
  update im.redpacket r
     set receiver_type = to_type, receiver_id = to_id, message_id = coalesce(private.id, grouped.id),
         conversation_id = coalesce(private."conversationId", grouped."conversationId")
   where r.id = p.id;
  return jsonb_build_object('redPacketId', p.id, 'commitment', p.commitment, 'expireTime', p.expires_at,
    'messageId', coalesce(private.id, grouped.id), 'seq', coalesce(private.seq, grouped.seq),
    'conversationId', coalesce(private."conversationId", grouped."conversationId"));
end $$;

-- Refuses whoever the packet is not for: 5004 another person's; 3002, 3001, 3004 by the group.
create or replace function im.redpacket_admit(p im.redpacket, account bigint) returns void
language plpgsql stable as $$
declare
  closed text;
  present boolean;
begin
  if p.receiver_type = 2 and p.receiver_id <> account then
    raise sqlstate 'I5004' using hint = 'the packet is for another person';
  elsif p.receiver_type = 1 then
    select c.closed, m.account_id is not null into closed, present
      from im.conversation c
      left join im.member m on m.conversation_id = c.id and m.account_id = account and m.left_at is null
     where c.id = p.conversation_id;
    if closed = 'dissolved' then
      raise sqlstate 'I3001' using hint = 'the group of the packet is dissolved';
    elsif not present then
      raise sqlstate 'I3002' using hint = 'who robs is not in the group';
    elsif closed = 'banned' then
      raise sqlstate 'I3004' using hint = 'the group of the packet is banned';
    elsif p.sender_id = account and im.setting_text('redpacket.sender_may_rob') = 'off' then
      raise sqlstate 'I5004' using hint = 'the sender robs none of his own';
    end if;
  end if;
end $$;

-- Locks a free share for the caller, and counts what will remain after it.  When all that are left are being claimed
-- it looks again until one is given up or all are claimed: nobody is told that it is empty because of a claim that
-- then rolls back.  It looks instead of waiting for the rows' locks: skip locked keeps the lock of a row that was
-- claimed under its eyes, and of those that wait for one another's some wait in a circle.
--
-- Shares are claimed in the order of their numbers, so what remains are the higher ones, as they are when this one is
-- locked: the claims that run at the same time come after it, whichever commits first, so each sees its own place and
-- only the last one sees nothing left.  A higher one that has been claimed by then was claimed while a claim of this
-- one, which was given up, ran: it came before.
create or replace function im.redpacket_take_share(p im.redpacket)
returns table (number smallint, amount numeric, remain_count integer, remain_amount numeric)
language plpgsql as $$
declare
  patience timestamptz := clock_timestamp() + im.setting_interval('redpacket.wait');
  pause double precision := 0.001;
  remain numeric[];
begin
  loop
    select s.number, s.amount, (select array[count(*), coalesce(sum(h.amount), 0.00)] from im.redpacket_share h
                                 where h.packet_id = p.id and h.number > s.number and h.state = 'free')
      into redpacket_take_share.number, redpacket_take_share.amount, remain
      from im.redpacket_share s
     where s.packet_id = p.id and s.state = 'free' order by s.number limit 1 for update skip locked;
    exit when found or clock_timestamp() >= p.expires_at
           or not exists (select from im.redpacket_share s where s.packet_id = p.id and s.state = 'free');
    if clock_timestamp() > patience then
      raise lock_not_available using message = 'shares of a red packet stay locked';
    end if;
    perform pg_sleep(pause);
    pause := least(2 * pause, 0.050);
  end loop;
  remain_count := remain[1];
  remain_amount := remain[2];
  return next;
end $$;

-- Why there is nothing: 5002 already robbed; 5001 all gone; 5003 it expired with something in it.
create or replace function im.redpacket_refuse(packet uuid, account bigint) returns void
language plpgsql as $$
begin
  if exists (select from im.redpacket_share s where s.packet_id = packet and s.account_id = account) then
    raise sqlstate 'I5002' using hint = 'the account has robbed one share already';
  elsif exists (select from im.redpacket_share s where s.packet_id = packet and s.state <> 'claimed') then
    raise sqlstate 'I5003' using hint = 'the packet has expired';
  end if;
  raise sqlstate 'I5001' using hint = 'all shares are robbed';
end $$;

-- Claims one share.  Claims of one account in one packet come one after the other: the second of two at once would
-- take a share and give it up again, and those who took the next ones would have been told of one too few.
create or replace function im.redpacket_rob(robber bigint, packet uuid) returns jsonb
language plpgsql as $$
declare
  p im.redpacket;
  share record;
  entry bigint;
  moment timestamptz;
begin
  select * into p from im.redpacket r where r.id = packet;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such packet to rob';
  end if;
  perform im.redpacket_admit(p, robber);
  perform pg_advisory_xact_lock(hashtext(packet::text), hashtext(robber::text));
  if exists (select from im.redpacket_share s where s.packet_id = packet and s.account_id = robber)
     or clock_timestamp() >= p.expires_at then
    perform im.redpacket_refuse(packet, robber);
  end if;
  select * into share from im.redpacket_take_share(p);
  moment := clock_timestamp();    -- from here on the share is ours, however long the purses take
  if share.number is null or moment >= p.expires_at then
    perform im.redpacket_refuse(packet, robber);
  end if;
  entry := im.ledger_post('redpacket_robbed', packet || ' ' || share.number, '抢红包',
                          array[im.purse_house('escrow'), im.purse_of(robber, 'available')],
                          array[-share.amount, share.amount]);
  if p.receiver_type = 1 then             -- who has left while this waited for purses gets nothing
    perform from im.member m where m.conversation_id = p.conversation_id and m.account_id = robber for share;
    perform im.redpacket_admit(p, robber);
  end if;
  update im.redpacket_share s
     set state = 'claimed', account_id = robber, claimed_at = moment, journal_id = entry
   where s.packet_id = packet and s.number = share.number;
  perform im.redpacket_tell_robbed(p, robber, share.amount, share.remain_count, share.remain_amount);
  return jsonb_build_object('amount', share.amount, 'remainCount', share.remain_count,
                            'remainAmount', share.remain_amount);
end $$;

-- Tells of a claim: the sender and the robber, and a group that is not too large for it.
create or replace function im.redpacket_tell_robbed(p im.redpacket, robber bigint, amount numeric,
                                                    remain_count integer, remain_amount numeric) returns void
language plpgsql as $$
declare
  data json := json_build_object(
    'event', 'RED_PACKET', 'action', case when remain_count > 0 then 'ROBBED' else 'FINISHED' end,
    'redPacketId', p.id, 'conversationId', p.conversation_id, 'senderId', p.sender_id, 'userId', robber,
    'amount', amount, 'remainCount', remain_count, 'remainAmount', remain_amount);
begin
  if p.conversation_id is not null
     and (remain_count = 0 or not im.redpacket_crowd(p)) then
    perform im.tell_conversation(p.conversation_id, null, 'SYSTEM_MESSAGE', data);
  else
    perform im.tell(array[p.sender_id] || array_remove(array[robber], p.sender_id), 'SYSTEM_MESSAGE', data);
  end if;
end $$;

-- True when the packet's group is too large to be told of every claim.
create or replace function im.redpacket_crowd(p im.redpacket) returns boolean
language plpgsql stable as $$
begin
  return p.receiver_type = 1
     and (select g.member_count from im.chat_group g where g.id = p.receiver_id)
         > im.setting_int('redpacket.tell_members');
end $$;

-- For the clerk: gives back what is left of packets that have expired, each once, at most that many in one
-- transaction.  Safe to run twice at a time, and to die in the middle.  Answers how many packets it closed.
create or replace function im.redpacket_refund_due(batch integer default 100) returns integer
language plpgsql as $$
declare
  moment timestamptz := clock_timestamp();    -- a variable, for the index
  due uuid[];
  p im.redpacket;
begin
  due := array(select r.id from im.redpacket r where r.closed_at is null and r.expires_at <= moment
                order by r.expires_at limit batch for update skip locked);
  -- Whoever is still claiming a share came before the end: wait for them, then nobody claims any more.
  perform from im.redpacket_share s where s.packet_id = any (due) and s.state = 'free'
    order by s.packet_id, s.number for update;
  perform im.purse_lock(im.purse_house('escrow') || array(
    select im.purse_of(r.sender_id, 'available') from im.redpacket r where r.id = any (due)));
  for p in select * from im.redpacket r where r.id = any (due) order by r.expires_at loop
    perform im.redpacket_close(p);
  end loop;
  return cardinality(due);
end $$;

create or replace function im.due_redpacket() returns bigint
language plpgsql as $$
begin
  return im.redpacket_refund_due();
end $$;

-- Closes one expired packet, with its free shares and their purses locked.
create or replace function im.redpacket_close(p im.redpacket) returns void
language plpgsql as $$
declare
  rest numeric(18,2);
begin
  with returned as (
    update im.redpacket_share s set state = 'refunded' where s.packet_id = p.id and s.state = 'free' returning s.amount
  )
  select coalesce(sum(r.amount), 0.00) into rest from returned r;
  update im.redpacket r set closed_at = now(), refunded = rest where r.id = p.id;
  if rest = 0 then
    return;
  end if;
  perform im.ledger_post('redpacket_refunded', p.id::text, '红包退回',
                         array[im.purse_house('escrow'), im.purse_of(p.sender_id, 'available')], array[-rest, rest]);
  perform im.tell_wallet(p.sender_id, 'redpacket_refunded', 'REDPACKET_REFUNDED', rest, null, p.id::text);
  if p.conversation_id is not null and not im.redpacket_crowd(p) then
    perform im.tell_conversation(p.conversation_id, null, 'SYSTEM_MESSAGE', json_build_object(
      'event', 'RED_PACKET', 'action', 'REFUNDED', 'redPacketId', p.id, 'conversationId', p.conversation_id,
      'senderId', p.sender_id, 'amount', rest));
  end if;
end $$;
