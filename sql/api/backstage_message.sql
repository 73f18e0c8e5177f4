-- Backstage: messages.  Whoever looks at them leaves a record, in the same transaction.

-- GET /im/message/private/list
--   admin_message_private_list(:me, :after, format?, page?, size?, sort?, order?, userId?, friendId?, text?, startTime?, endTime?)
-- Messages between two people, newest first: what a user wrote, or the whole chat of two.
-- Refuses: 403 without message.read; 400 sort, startTime, endTime, text (less than two letters or digits), friendId
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_message_private_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_user im.id, of_friend im.id, said im.list_text, first im.moment_from,
  last im.moment_to)
returns table (total text, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "senderName" text, "receiverId" bigint,
               "groupId" bigint, content text, "messageType" integer, "sendTime" timestamptz, "isRecalled" boolean)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.message_list_query(me, (format, after, page, size, sort, direction)::im.list_ask,
    array['private', im.search_between(of_user, of_friend), im.list_from('sendTime', first), im.list_until('sendTime', last)],
    case when of_user is null and of_friend is null then im.search_page(said, (format, after, page, size, sort, direction)::im.list_ask, true, first, last)
         else im.search_said(said, 'text') end);
end $$;

-- GET /im/message/group/list
--   admin_message_group_list(:me, :after, format?, page?, size?, sort?, order?, groupId?, userId?, text?, startTime?, endTime?)
-- Messages to groups, newest first.
-- Refuses: 403 without message.read; 400 sort, startTime, endTime, text (less than two letters or digits)
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_message_group_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_group im.id, of_user im.id, said im.list_text, first im.moment_from,
  last im.moment_to)
returns table (total text, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "senderName" text, "receiverId" bigint,
               "groupId" bigint, content text, "messageType" integer, "sendTime" timestamptz, "isRecalled" boolean)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.message_list_query(me, (format, after, page, size, sort, direction)::im.list_ask,
    array['not private', im.message_in_group(of_group), im.list_is('senderId', of_user::bigint), im.list_from('sendTime', first),
          im.list_until('sendTime', last)],
    case when of_group is null and of_user is null then im.search_page(said, (format, after, page, size, sort, direction)::im.list_ask, false, first, last)
         else im.search_said(said, 'text') end);
end $$;

-- GET /im/message/around  admin_message_around(:me, id, size?)
-- A message with so many before it and as many behind it in its chat, the oldest first.
-- Refuses: 403 without message.read; 404 no such message
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_message_around(me bigint, message_id im.message_id, size integer)
returns table (id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "senderName" text, "receiverId" bigint,
               "groupId" bigint, content text, "messageType" integer, "sendTime" timestamptz, "isRecalled" boolean)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  m im.message;
begin
  perform im.permit(me, 'message.read');
  select x.* into m from im.message x where x.id = message_id;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such message to look around';
  end if;
  return query
    select l.* from im.message_list l
     where l."conversationId" = m.conversation_id
       and l.seq between m.seq - im.page_limit(size) and m.seq + im.page_limit(size)
     order by l.seq;
  perform im.audit_write(me, 'message.read', 'message ' || m.id, null,
    jsonb_build_object('conversationId', m.conversation_id, 'around', im.page_limit(size)), null);
end $$;

-- POST /im/message/recall  admin_message_recall(:me, id, reason?)
-- Takes anybody's message back: its text is gone everywhere but from the record.  Again changes nothing.
-- Refuses: 403 without message.recall, or not of a kind to recall; 404 no such message
-- Writes: message, message_text, file_message, outbox, audit, audit_head, conversation, tally
-- Tells: both, PRIVATE_MESSAGE RECALL; members, GROUP_MESSAGE RECALL
create function api.admin_message_recall(me bigint, message_id im.message_id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  m im.message;
  place im.conversation;
begin
  perform im.permit(me, 'message.recall');
  select c.* into place
    from im.message x join im.conversation c on c.id = x.conversation_id where x.id = message_id;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such message for a moderator to recall';
  end if;
  m := im.message_hold(place.id, message_id);
  if m.message_type > 6 then
    raise sqlstate 'I0403' using hint = 'no moderator recalls a red packet, or the record of a call';
  elsif m.recalled_at is not null then
    return;
  end if;
  perform im.message_erase(m, null);
  perform im.message_recall_tell(m, place);
  perform im.audit_write(me, 'message.recall', 'message ' || m.id, jsonb_build_object('conversationId', place.id,
    'groupId', place.group_id, 'seq', m.seq, 'senderId', m.sender_id, 'messageType', m.message_type, 'content', m.content),
    '{"recalled": true}', reason);
end $$;
