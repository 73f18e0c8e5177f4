-- Messages: sending, pulling, reading.

-- POST /message/private/send, frame PRIVATE_MESSAGE
--   message_private_send(:me, receiverId, content*, messageType, atUserIds?, clientMsgId?)
-- Stores a message to a friend, or a note to oneself, and answers it; the same clientMsgId again answers the first one.
-- Refuses: 2001 not friends; 2003 blocked either way; 400 atUserIds names others, clientMsgId used elsewhere;
--   404 content names a file that the sender may not read
-- Writes: conversation, member (of the first note), message, file_message, tally, outbox
-- Tells: both, PRIVATE_MESSAGE MESSAGE; of a repetition the sender alone
create function api.message_private_send(me bigint, receiverId im.id, content im.content,
                                         messageType im.message_type, atUserIds im.at_ids, clientMsgId im.client_msg_id)
returns im.private_message
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  if receiverId = me and (im.pair_find(me, me)).id is null then
    perform im.pair_lock(me, me), im.pair_conversation(me, me);
  end if;
  return im.private_append(me, receiverId, content, messageType, case when cardinality(atUserIds) > 0 then im.at_set(atUserIds) end, clientMsgId);
end $$;

-- POST /message/group/send, frame GROUP_MESSAGE
--   message_group_send(:me, groupId, content*, messageType, atUserIds?, clientMsgId?)
-- Stores a message to a group and answers it; the same clientMsgId again answers the first one.
-- Refuses: 3001 no such group; 3002 not a member; 3003 @all by an ordinary member; 3004 group banned; 3006 muted;
--   400 atUserIds names others than members, clientMsgId used elsewhere; 404 as of message_private_send
-- Writes: conversation, message, file_message, tally, outbox
-- Tells: members who joined before, GROUP_MESSAGE MESSAGE; of a repetition the sender alone
create function api.message_group_send(me bigint, groupId im.id, content im.content,
                                       messageType im.message_type, atUserIds im.at_ids, clientMsgId im.client_msg_id)
returns im.group_message
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return im.group_append(me, groupId, content, messageType, case when cardinality(atUserIds) > 0 then im.at_set(atUserIds) end, clientMsgId);
end $$;

-- GET /message/private/pullOfflineMessage  message_private_pull(:me, minId?)
-- What others sent and this account has not acknowledged, the oldest first over all conversations, at most a thousand and a
-- MiB.  minId, the last of the answer before, goes on after it where not all of it fits into one; it hides nothing: when
-- nothing greater is left, what comes before is told again.  Reading it acknowledges nothing.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.message_private_pull(me bigint, minId im.min_id) returns setof im.private_message
language plpgsql stable rows 100 security definer set search_path = im, pg_temp as $$
begin
  return query
    select v.*
      from im.member_lacks(me, false, coalesce(minId, 0)) l
      join im.private_message v on v."conversationId" = l.conversation_id and v.seq = l.seq
     order by v.id;
end $$;

-- PUT /message/private/readed  message_private_readed(:me, friendId, maxMessageId?)
-- The friend's messages up to that one are read; never goes back, never past the newest.
-- Refuses: 2001 never been friends
-- Writes: member, conversation, outbox
-- Tells: both, PRIVATE_MESSAGE READ, when it advanced
create function api.message_private_readed(me bigint, friendId im.id, maxMessageId im.message_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  pair bigint := (im.pair_find(me, friendId)).id;
  now_read bigint := im.member_read(pair, me, maxMessageId);
begin
  if now_read is not null then
    perform im.tell(array[me, friendId], 'PRIVATE_MESSAGE', json_build_object(
      'event', 'READ', 'conversationId', pair, 'readerId', me, 'friendId', friendId,
      'maxMessageId', (select m.id from im.message m where m.conversation_id = pair and m.seq = now_read)));
  end if;
end $$;

-- GET /message/private/maxReadedId  message_private_max_readed(:me, friendId)
-- The newest message of the caller that the friend has read, by its id; 0 when there is none.
-- Refuses: 2001 never been friends
-- Writes: nothing
-- Tells: nobody
create function api.message_private_max_readed(me bigint, friendId im.id) returns bigint
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  pair bigint := (im.pair_find(me, friendId)).id;
  their_read bigint;
begin
  select b.read_seq into their_read from im.member b where b.conversation_id = pair and b.account_id = friendId;
  return coalesce((select m.id from im.message m
                    where m.conversation_id = pair and m.seq <= their_read and m.sender_id = me
                    order by m.seq desc limit 1), 0);
end $$;

-- GET /message/private/history  message_private_history(:me, friendId, page?, size?, beforeSeq?, afterSeq?)
-- The chat with a friend, with somebody who was one, or with oneself: the newest first.  Pages count from before one message, or upwards from
-- after another, so that they stay what they are while messages come.
-- Refuses: 2001 never been friends
-- Writes: nothing
-- Tells: nobody
create function api.message_private_history(me bigint, friendId im.id, page integer, size integer,
                                            beforeSeq im.before_seq default null, afterSeq im.after_seq default null)
returns table (total bigint, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "receiverId" bigint,
               content text, "messageType" smallint, "atUserIds" json, "sendTime" timestamptz, status integer,
               "isRecalled" boolean, "clientMsgId" text)
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
declare
  pair im.conversation := im.pair_find(me, friendId);
  there bigint := im.seq_rank(pair.skipped, pair.last_seq) - im.seq_rank(pair.skipped, im.message_floor(pair.id));
  newest bigint := im.page_top(pair.last_seq, pair.skipped, beforeSeq, afterSeq, page, size);
begin
  -- A page is a range of seq, however deep.
  return query
    select coalesce(there, 0), p.*
      from (values (1)) one
      left join im.private_message p
             on p."conversationId" = pair.id and p.seq <= newest and p.seq < coalesce(beforeSeq, newest + 1)
                 and p.seq > im.page_bottom(newest, pair.skipped, afterSeq, page, size)
     order by p.seq desc;
end $$;

-- DELETE /message/private/recall/{id}  message_private_recall(:me, :id)
-- Takes one's own message back within two minutes: its text is gone everywhere.  Recalling again changes nothing.
-- Refuses: 403 somebody else's, too late, or not of a kind to recall; 404 no such message in a chat of the caller
-- Writes: message, message_text, file_message, conversation, tally, outbox
-- Tells: both, PRIVATE_MESSAGE RECALL
create function api.message_private_recall(me bigint, message_id im.message_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  m im.message;
  pair im.conversation;
begin
  select c.* into pair
    from im.message x
    join im.conversation c on c.id = x.conversation_id and me in (c.low_id, c.high_id)
   where x.id = message_private_recall.message_id;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such message in a chat of the caller';
  end if;
  m := im.message_hold(pair.id, message_private_recall.message_id);
  if m.sender_id <> me or m.message_type > 6 then
    raise sqlstate 'I0403' using hint = case when m.sender_id <> me then 'it is a message of somebody else'
      else 'a message of this type is not recalled' end;
  elsif m.recalled_at is not null then
    return;
  elsif im.message_late(m.sent_at) then
    raise sqlstate 'I0403' using hint = 'it is too late to recall';
  end if;
  perform im.message_erase(m, me);
  perform im.tell(array[pair.low_id, pair.high_id], 'PRIVATE_MESSAGE', json_build_object(
    'event', 'RECALL', 'id', m.id, 'conversationId', pair.id, 'seq', m.seq, 'senderId', me,
    'receiverId', case me when pair.low_id then pair.high_id else pair.low_id end, 'operatorId', me));
end $$;

-- GET /message/group/pullOfflineMessage  message_group_pull(:me, minId?)
-- As message_private_pull, for all groups of the caller: what came after joining and is not acknowledged.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.message_group_pull(me bigint, minId im.min_id) returns setof im.group_message
language plpgsql stable rows 100 security definer set search_path = im, pg_temp as $$
begin
  return query
    select v.*
      from im.member_lacks(me, true, coalesce(minId, 0)) l
      join im.group_message v on v."conversationId" = l.conversation_id and v.seq = l.seq
     order by v.id;
end $$;

-- PUT /message/group/readed  message_group_readed(:me, groupId, maxMessageId?)
-- The group's messages up to that one are read; never goes back, never past the newest.
-- Refuses: 3001 no such group; 3002 not a member
-- Writes: member, reading, outbox; never conversation
-- Tells: the caller's devices, GROUP_MESSAGE READ, when it advanced
create function api.message_group_readed(me bigint, groupId im.id, maxMessageId im.message_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  place bigint := (im.group_member(me, groupId)).conversation_id;
  now_read bigint := im.member_read(place, me, maxMessageId);
begin
  if now_read is not null then
    insert into im.reading (conversation_id, account_id, seq) values (place, me, now_read);
    perform im.tell(array[me], 'GROUP_MESSAGE', json_build_object(
      'event', 'READ', 'conversationId', place, 'readerId', me, 'groupId', groupId,
      'maxMessageId', (select m.id from im.message m where m.conversation_id = place and m.seq = now_read)));
  end if;
end $$;

-- GET /message/group/findReadedUsers  message_group_readed_users(:me, messageId)
-- Who of the present members has read a message, and when: the first to read it first.
-- Refuses: 404 no such message that the caller can see
-- Writes: nothing
-- Tells: nobody
create function api.message_group_readed_users(me bigint, messageId im.message_id)
returns table ("userId" bigint, "nickName" text, "headImage" text, "readTime" timestamptz)
language plpgsql stable rows 100 security definer set search_path = im, pg_temp as $$
declare
  m im.message := im.group_message_seen(me, messageId);
begin
  return query
    select a.id, a.nick_name::text, a.head_image::text, r.read_at
      from im.member b
      join im.account a on a.id = b.account_id
     cross join lateral (
       select x.read_at from im.reading x
        where x.conversation_id = b.conversation_id and x.account_id = b.account_id and x.seq >= m.seq
        order by x.seq limit 1) r
     where b.conversation_id = m.conversation_id and b.left_at is null and b.account_id <> m.sender_id
       and b.joined_seq < m.seq and b.read_seq >= m.seq
     order by r.read_at, a.id;
end $$;

-- GET /message/group/history  message_group_history(:me, groupId, page?, size?, beforeSeq?, afterSeq?)
-- What was said in a group since the caller joined, the newest first; pages as in message_private_history.
-- Refuses: 3001 no such group; 3002 not a member
-- Writes: nothing
-- Tells: nobody
create function api.message_group_history(me bigint, groupId im.id, page integer, size integer,
                                          beforeSeq im.before_seq default null, afterSeq im.after_seq default null)
returns table (total bigint, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "groupId" bigint,
               content text, "messageType" smallint, "atUserIds" json, "sendTime" timestamptz, status integer,
               "isRecalled" boolean, "clientMsgId" text)
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_member(me, message_group_history.groupId);
  place im.conversation;
  there bigint;
  newest bigint;
begin
  select * into place from im.conversation c where c.id = mine.conversation_id;
  there := im.seq_rank(place.skipped, place.last_seq) - im.seq_rank(place.skipped, greatest(mine.joined_seq, im.message_floor(place.id)));
  newest := im.page_top(place.last_seq, place.skipped, beforeSeq, afterSeq, page, size);
  return query
    select there, g.*
      from (values (1)) one
      left join im.group_message g
             on g."conversationId" = mine.conversation_id and g.seq > mine.joined_seq
            and g.seq <= newest and g.seq < coalesce(beforeSeq, newest + 1)
            and g.seq > im.page_bottom(newest, place.skipped, afterSeq, page, size)
     order by g.seq desc;
end $$;

-- DELETE /message/group/recall/{id}  message_group_recall(:me, :id)
-- Takes a message back: one's own within two minutes, the owner any, a manager those of ordinary members.
-- Recalling again changes nothing.
-- Refuses: 403 not of a kind to recall; 404 no such message that the caller can see; 3003 none of these
-- Writes: message, message_text, file_message, conversation, tally, outbox
-- Tells: members, GROUP_MESSAGE RECALL
create function api.message_group_recall(me bigint, message_id im.message_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  m im.message := im.group_message_seen(me, message_group_recall.message_id);
  place bigint := (select c.group_id from im.conversation c where c.id = m.conversation_id);
begin
  m := im.message_hold(m.conversation_id, m.id);
  perform im.group_message_seen(me, m.id);
  if m.message_type > 6 then
    raise sqlstate 'I0403' using hint = 'a group message of this type is not recalled';
  elsif m.recalled_at is not null and m.sender_id = me then
    return;
  elsif not im.group_may_recall(me, m) then
    raise sqlstate 'I3003' using hint = 'the caller may not recall this message, or not any more';
  elsif m.recalled_at is not null then
    return;
  end if;
  perform im.message_erase(m, me);
  perform im.tell_conversation(m.conversation_id, m.seq, 'GROUP_MESSAGE', json_build_object(
    'event', 'RECALL', 'id', m.id, 'conversationId', m.conversation_id, 'seq', m.seq, 'senderId', m.sender_id,
    'groupId', place, 'operatorId', me));
end $$;
