-- Messages: sending, pulling, reading.

-- POST /message/private/send, frame PRIVATE_MESSAGE
--   message_private_send(:me, receiverId, content, messageType, atUserIds?, clientMsgId?)
-- Stores a message to a friend and answers it; the same clientMsgId again answers the first one.
-- Refuses: 2001 not friends; 2003 blocked either way; 400 atUserIds names others, clientMsgId used elsewhere
-- Writes: conversation, message, outbox
-- Tells: both, PRIVATE_MESSAGE MESSAGE
create function api.message_private_send(me bigint, receiverId im.id, content im.content,
                                         messageType im.message_type, atUserIds im.at_ids, clientMsgId im.client_msg_id)
returns im.private_message
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return im.private_append(me, receiverId, content, messageType, atUserIds, clientMsgId);
end $$;

-- POST /message/group/send, frame GROUP_MESSAGE
--   message_group_send(:me, groupId, content, messageType, atUserIds?, clientMsgId?)
-- Stores a message to a group and answers it; the same clientMsgId again answers the first one.
-- Refuses: 3001 no such group; 3002 not a member; 3003 @all by an ordinary member; 3004 group banned; 3006 muted;
--   400 atUserIds names others than members, clientMsgId used elsewhere
-- Writes: conversation, message, outbox
-- Tells: members who joined before, GROUP_MESSAGE MESSAGE
create function api.message_group_send(me bigint, groupId im.id, content im.content,
                                       messageType im.message_type, atUserIds im.at_ids, clientMsgId im.client_msg_id)
returns im.group_message
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return im.group_append(me, groupId, content, messageType, atUserIds, clientMsgId);
end $$;

-- GET /message/private/pullOfflineMessage  message_private_pull(:me, minId?)
-- What others sent and this account has not acknowledged, oldest first, at most a thousand; minId goes on after
-- the last of the answer before.  Reading it acknowledges nothing.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.message_private_pull(me bigint, minId im.min_id) returns setof im.private_message
language plpgsql stable rows 100 security definer set search_path = im, pg_temp as $$
declare
  most integer := im.setting_int('message.pull_limit');
begin
  return query
    select p.*
      from im.member b
      join im.conversation c on c.id = b.conversation_id and c.last_seq > b.delivered_seq
     cross join lateral (
       select v.* from im.private_message v
        where v."conversationId" = b.conversation_id and v."senderId" <> me
          and v.seq > greatest(b.delivered_seq, case when minId > 0 then im.seq_at(b.conversation_id, minId) end)
        order by v.seq limit most) p
     where b.account_id = me and b.left_at is null and b.role is null
     order by p.id
     limit most;
end $$;

-- PUT /message/private/readed  message_private_readed(:me, friendId, maxMessageId?)
-- The friend's messages up to that one are read; never goes back, never past the newest.
-- Refuses: 2001 never been friends
-- Writes: member, outbox
-- Tells: both, PRIVATE_MESSAGE READ, when it advanced
create function api.message_private_readed(me bigint, friendId im.id, maxMessageId im.message_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pair bigint;
  newest bigint;
  now_read bigint;
begin
  select c.id, c.last_seq into pair, newest from im.conversation c
   where c.low_id = least(me, friendId) and c.high_id = greatest(me, friendId) and c.group_id is null;
  if not found then
    raise sqlstate 'I2001';
  end if;
  now_read := case when maxMessageId is null then newest else im.seq_at(pair, maxMessageId) end;
  update im.member b set read_seq = now_read, delivered_seq = greatest(b.delivered_seq, now_read)
   where b.conversation_id = pair and b.account_id = me and b.read_seq < now_read;
  if found then
    perform im.tell(array[me, friendId], 'PRIVATE_MESSAGE', json_build_object(
      'event', 'READ', 'conversationId', pair, 'readerId', me, 'friendId', friendId,
      'maxMessageId', (select m.id from im.message m where m.conversation_id = pair and m.seq = now_read)));
  end if;
end $$;
