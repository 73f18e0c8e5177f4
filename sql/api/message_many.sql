-- Messages that are sent at the same time, stored together: the twins of calls in message.sql (src/base/bulk.h).

-- (several of message_private_send at once)  message_private_send_many
-- Stores texts to friends, and answers those that it has stored; what is not as usual it leaves to message_private_send:
-- who may not write, a retry, a file, somebody mentioned.  Accounts are let in as by enter().  Conversations are locked in
-- the order of their ids, and it does not wait long for any: then nothing is done, and each is sent by itself.
-- Refuses: nothing
-- Writes: conversation, message, tally, outbox, connection
-- Tells: as message_private_send
create function api.message_private_send_many(accounts bigint[], vers integer[], sessions bigint[], receivers im.id[],
  contents im.content[], types im.message_type[], mentions text[], clientIds im.client_msg_id[])
returns table (refusal integer, txid text, channels text, body text, nth integer,
               id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "receiverId" bigint, content text,
               "messageType" smallint, "atUserIds" json, "sendTime" timestamptz, status integer, "isRecalled" boolean, "clientMsgId" text)
language plpgsql security definer set search_path = im, pg_temp set plan_cache_mode = force_generic_plan set lock_timeout = '50ms' as $$
#variable_conflict use_column
begin
  perform pg_current_xact_id(), pg_advisory_xact_lock_shared(u.account) from (select distinct unnest(accounts) as account order by 1) u;
  return query     -- calm ends for whoever has its mark; this transaction has its number before (lib/calm.sql)
    with asked as materialized (
      select u.nth::integer, u.account, u.receiver, u.content, u.type, u.client_id, c.id as pair,
             greatest(c.last_seq, upper(c.skipped) - 1) as last_seq
        from unnest(accounts, vers, sessions, receivers::bigint[], contents::text[], types::smallint[], mentions, clientIds::text[])
             with ordinality u(account, ver, session, receiver, content, type, mention, client_id, nth)
        join im.account a on a.id = u.account and a.version = u.ver and a.status = 'normal'
        join im.session s on s.id = u.session and s.account_id = u.account and s.revoked_at is null
        join im.conversation c on c.low_id = least(u.account, u.receiver) and c.high_id = greatest(u.account, u.receiver)
         and c.group_id is null and c.closed is null
       where u.type not between 2 and 5 and coalesce(u.mention, '{}') = '{}'
         and not exists (select from im.account_mute m where m.account_id = u.account and m.until > clock_timestamp())
         and not exists (select from im.message x where x.sender_id = u.account and x.client_msg_id = u.client_id)
       order by c.id
         for no key update of c
    ), placed as materialized (
      select a.*, a.last_seq + row_number() over (partition by a.pair order by a.nth) as seq from asked a
    ), moved as (
      update im.conversation c set last_seq = p.seq, changed = pg_current_xact_id()
        from (select p.pair, max(p.seq) as seq from placed p group by p.pair) p where c.id = p.pair
    ), stored as (
      insert into im.message (conversation_id, seq, sender_id, message_type, content, client_msg_id)
      select p.pair, p.seq, p.account, p.type, p.content, p.client_id from placed p order by p.nth
      returning id, conversation_id, seq, sent_at
    ), framed as materialized (
      select p.*, s.id, s.sent_at, im.frame('PRIVATE_MESSAGE', im.private_json(row(s.id, p.pair, p.seq, p.account, p.receiver,
        p.content, p.type, '[]'::json, s.sent_at, 1, false, p.client_id)::im.private_message, 'MESSAGE')) as body
        from placed p
        join stored s on s.conversation_id = p.pair and s.seq = p.seq
    ), told as (
      insert into im.outbox (recipients, body) select array[f.account, f.receiver], f.body from framed f order by f.nth
    ), heard as materialized (
      select f.nth, x.id, x.calm from framed f join im.connection x on x.account_id in (f.account, f.receiver)
    ), woken as (
      update im.connection c set calm = 0, calm_xid = null
       where c.id in (select x.id from im.connection x
                       where x.id in (select h.id from heard h where h.calm > 0) and x.calm > 0 order by x.id for no key update)
    )
    select null::integer, pg_current_xact_id()::text, coalesce((select string_agg('c' || h.id, ',' order by h.id) from heard h where h.nth = f.nth), ''), f.body, f.nth, f.id, f.pair, f.seq, f.account, f.receiver, f.content, f.type, '[]'::json, f.sent_at, 1, false, f.client_id
      from framed f order by f.nth;
end $$;
