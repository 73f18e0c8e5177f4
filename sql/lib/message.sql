-- Internal functions that store a message and tell of it: the only ones that insert into im.message.
-- A seq is taken by the update of the conversation's row, whose lock is then held until commit.

-- SQL that PostgreSQL puts in its place: nothing is called.
create or replace function im.private_json(m im.private_message, event text) returns json
language sql stable as $$
  select row_to_json(row(event, m.id, m."conversationId", m.seq, m."senderId", m."receiverId", m.content, m."messageType",
    m."atUserIds", to_char(m."sendTime", 'YYYY-MM-DD HH24:MI:SS'), m.status, m."isRecalled",
    m."clientMsgId")::im.private_frame)
$$;

create or replace function im.group_json(m im.group_message, event text) returns json
language sql stable as $$
  select row_to_json(row(event, m.id, m."conversationId", m.seq, m."senderId", m."groupId", m.content, m."messageType",
    m."atUserIds", to_char(m."sendTime", 'YYYY-MM-DD HH24:MI:SS'), m.status, m."isRecalled",
    m."clientMsgId")::im.group_frame)
$$;

-- Where the sender's message with this client id is, or null.  Refuses 400 when it is in another conversation:
-- the id was used for something else.
create or replace function im.message_sent(sender bigint, client_id text, conversation bigint) returns bigint
language plpgsql stable as $$
declare
  place im.message;
begin
  select * into place from im.message m where m.sender_id = sender and m.client_msg_id = client_id;
  if place.conversation_id <> conversation then
    raise sqlstate 'I0400' using message = 'clientMsgId', hint = 'the client id was used in another conversation';
  end if;
  return place.seq;
end $$;

-- Appends to the chat of two friends, or to one's own notes, and tells both; types 7 and 8 are for callers inside.  The same client id
-- again answers the first message, and tells the sender again: over a socket that is the acknowledgement.
-- Refuses 2001 not friends, 2003 blocked, 3006 muted, 400 atUserIds, clientMsgId, 404 a file that the sender may not read.
create or replace function im.private_append(sender bigint, receiver bigint, text_content text, type_number integer,
                                             at_ids bigint[], client_id text) returns im.private_message
language plpgsql as $$
declare
  pair bigint;
  next_seq bigint;
  first_seq bigint;
  m im.private_message;
  done boolean;
begin
  if cardinality(at_ids) > 0 and not at_ids <@ array[sender, receiver] then
    raise sqlstate 'I0400' using message = 'atUserIds', hint = 'neither of the two is mentioned';
  end if;
  update im.conversation c set last_seq = greatest(c.last_seq + 1, upper(c.skipped)), changed = pg_current_xact_id()
   where c.low_id = least(sender, receiver) and c.high_id = greatest(sender, receiver)
     and c.group_id is null and c.closed is null
  returning c.id, c.last_seq into pair, next_seq;
  if pair is null then
    return im.private_closed(sender, receiver, client_id);
  end if;
  if client_id is not null then
    first_seq := im.message_sent(sender, client_id, pair);
    if first_seq is not null then
      update im.conversation c set last_seq = im.seq_before(c.last_seq, c.skipped) where c.id = pair;
      select * into m from im.private_message p where p."conversationId" = pair and p.seq = first_seq;
      perform im.tell(array[sender], 'PRIVATE_MESSAGE', im.private_json(m, 'MESSAGE'));
      return m;
    end if;
  end if;
  done := im.account_speaks(sender, type_number);
  insert into im.message (conversation_id, seq, sender_id, message_type, content, at_user_ids, client_msg_id)
  values (pair, next_seq, sender, type_number, text_content, nullif(at_ids, '{}'), client_id)
  returning id, conversation_id, seq, sender_id, receiver, content, message_type,
            coalesce(array_to_json(at_user_ids), '[]'), sent_at, 1, false, client_msg_id into m;
  if type_number between 2 and 5 then
    perform im.file_link(sender, pair, next_seq, text_content);
  end if;
  done := im.tell(array[sender, receiver], 'PRIVATE_MESSAGE', im.private_json(m, 'MESSAGE'));
  done := im.stored();
  return m;
end $$;

-- What a message to somebody who cannot be written to is answered with: the stored one if it is a retry.
create or replace function im.private_closed(sender bigint, receiver bigint, client_id text) returns im.private_message
language plpgsql as $$
declare
  pair im.conversation;
  m im.private_message;
begin
  select * into pair from im.conversation c
   where c.low_id = least(sender, receiver) and c.high_id = greatest(sender, receiver) and c.group_id is null;
  if client_id is not null and pair.id is not null then
    select * into m from im.private_message p
     where p."conversationId" = pair.id and p.seq = im.message_sent(sender, client_id, pair.id);
    if found then
      perform im.tell(array[sender], 'PRIVATE_MESSAGE', im.private_json(m, 'MESSAGE'));
      return m;
    end if;
  end if;
  if pair.closed = 'blocked' then
    raise sqlstate 'I2003' using hint = 'one has blocked the other, who writes';
  end if;
  raise sqlstate 'I2001' using hint = 'they are not friends, who write';
end $$;

-- Who may write into a group, or call it.  Refuses 3002 not a member, who has no role; 3006 muted.
create or replace function im.group_speaks(my_role text, my_mute timestamptz, all_muted boolean) returns boolean
language plpgsql stable as $$
begin
  if my_role is null then
    raise sqlstate 'I3002' using hint = 'who writes is not in the group';
  elsif my_mute > clock_timestamp() then
    raise sqlstate 'I3006' using hint = 'the member is muted';
  elsif all_muted and my_role = 'MEMBER' then
    raise sqlstate 'I3006' using hint = 'the group is muted';
  end if;
  return true;
end $$;

-- Appends to a group and tells its members; as private_append.  Refuses 3001 no such group, 3002 not a member,
-- 3003 [-1] by an ordinary member, 3004 group banned, 3006 muted, 400 atUserIds, clientMsgId, 404 as there.
create or replace function im.group_append(sender bigint, receiver bigint, text_content text, type_number integer,
                                           at_ids bigint[], client_id text) returns im.group_message
language plpgsql as $$
declare
  place bigint;
  next_seq bigint;
  first_seq bigint;
  all_muted boolean;
  my_role text;
  my_mute timestamptz;
  m im.group_message;
  done boolean;
begin
  update im.conversation c set last_seq = greatest(c.last_seq + 1, upper(c.skipped)), changed = pg_current_xact_id()
   where c.group_id = receiver and c.closed is null
  returning c.id, c.last_seq, c.muted into place, next_seq, all_muted;
  if place is null then
    return im.group_closed(sender, receiver, client_id);
  end if;
  if client_id is not null then
    first_seq := im.message_sent(sender, client_id, place);
    if first_seq is not null then
      update im.conversation c set last_seq = im.seq_before(c.last_seq, c.skipped) where c.id = place;
      select * into m from im.group_message g where g."conversationId" = place and g.seq = first_seq;
      perform im.tell(array[sender], 'GROUP_MESSAGE', im.group_json(m, 'MESSAGE'));
      return m;
    end if;
  end if;
  select b.role, b.muted_until into my_role, my_mute
    from im.member b where b.conversation_id = place and b.account_id = sender and b.left_at is null;
  done := im.group_speaks(my_role, my_mute, all_muted);
  done := im.account_speaks(sender, type_number);
  if cardinality(at_ids) > 0 then
    perform im.group_at_check(place, my_role, at_ids);
  end if;
  insert into im.message (conversation_id, seq, sender_id, message_type, content, at_user_ids, client_msg_id)
  values (place, next_seq, sender, type_number, text_content, nullif(at_ids, '{}'), client_id)
  returning id, conversation_id, seq, sender_id, receiver, content, message_type,
            coalesce(array_to_json(at_user_ids), '[]'), sent_at, 1, false, client_msg_id into m;
  if type_number between 2 and 5 then
    perform im.file_link(sender, place, next_seq, text_content);
  end if;
  done := im.tell_conversation(place, next_seq, 'GROUP_MESSAGE', im.group_json(m, 'MESSAGE'));
  done := im.stored();
  return m;
end $$;

-- Everybody mentioned is a member; all ([-1]) is for the owner and managers.
create or replace function im.group_at_check(conversation bigint, my_role text, at_ids bigint[]) returns void
language plpgsql stable as $$
begin
  if at_ids = '{-1}' then
    if my_role = 'MEMBER' then
      raise sqlstate 'I3003' using hint = 'only owner and managers mention all';
    end if;
  elsif exists (select from unnest(at_ids) u(id)
                 where not exists (select from im.member b where b.conversation_id = conversation
                                      and b.account_id = u.id and b.left_at is null)) then
    raise sqlstate 'I0400' using message = 'atUserIds', hint = 'who is mentioned is not in the group';
  end if;
end $$;

create or replace function im.group_closed(sender bigint, receiver bigint, client_id text) returns im.group_message
language plpgsql as $$
declare
  place im.conversation;
  m im.group_message;
begin
  select * into place from im.conversation c where c.group_id = receiver;
  if client_id is not null and place.id is not null then
    select * into m from im.group_message g
     where g."conversationId" = place.id and g.seq = im.message_sent(sender, client_id, place.id);
    if found then
      perform im.tell(array[sender], 'GROUP_MESSAGE', im.group_json(m, 'MESSAGE'));
      return m;
    end if;
  end if;
  if place.closed = 'banned' then
    -- Only members learn why.
    if not exists (select from im.member b where b.conversation_id = place.id and b.account_id = sender
                      and b.left_at is null) then
      raise sqlstate 'I3002' using hint = 'who writes is not in the group, which is banned';
    end if;
    raise sqlstate 'I3004' using hint = 'the group is banned';
  end if;
  raise sqlstate 'I3001' using hint = 'no such group to write to';
end $$;

create or replace function im.message_late(sent_at timestamptz) returns boolean
language plpgsql stable as $$
begin
  return clock_timestamp() > sent_at + im.setting_interval('message.recall_window');
end $$;

-- A message that is to be recalled, with its conversation's lock: nobody sends it again, or ceases to be a member, meanwhile.
create or replace function im.message_hold(conversation bigint, message bigint) returns im.message
language plpgsql as $$
declare
  m im.message;
begin
  perform from im.conversation c where c.id = conversation for no key update;
  select * into m from im.message x where x.id = message for update;
  return m;
end $$;

-- Recalls a message held: its text goes for good, and so do its files and its event, if that waits to be pushed still.
create or replace function im.message_erase(m im.message, operator bigint) returns void
language plpgsql as $$
begin
  delete from im.outbox o where o.body like '{"type":"%\_MESSAGE","data":{"event":"MESSAGE","id":' || m.id || ',%';
  delete from im.file_message l where l.conversation_id = m.conversation_id and l.seq = m.seq;
  update im.message x
     set content = '', at_user_ids = null, recalled_at = now(), recalled_by = operator, recalled_in = pg_current_xact_id()
   where x.conversation_id = m.conversation_id and x.seq = m.seq;
  update im.conversation c set changed = pg_current_xact_id() where c.id = m.conversation_id;
  perform im.tally_forget(m);
  perform im.search_forget(m);
end $$;

-- A group message that this account may see: it is a member, and joined before.  Refuses 404.
create or replace function im.group_message_seen(me bigint, message bigint) returns im.message
language plpgsql stable as $$
declare
  m im.message;
begin
  select x.* into m
    from im.message x
    join im.conversation c on c.id = x.conversation_id and c.group_id is not null
     and c.closed is distinct from 'dissolved'
    join im.member b on b.conversation_id = x.conversation_id and b.account_id = me and b.left_at is null
     and b.joined_seq < x.seq
   where x.id = message;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such message in a group of the caller since he joined';
  end if;
  return m;
end $$;

create or replace function im.group_may_recall(me bigint, m im.message) returns boolean
language plpgsql stable as $$
declare
  my_role text;
  their_role text;
begin
  if m.sender_id = me and not im.message_late(m.sent_at) then
    return true;
  end if;
  select b.role into my_role from im.member b
   where b.conversation_id = m.conversation_id and b.account_id = me and b.left_at is null;
  select b.role into their_role from im.member b
   where b.conversation_id = m.conversation_id and b.account_id = m.sender_id and b.left_at is null;
  return coalesce(my_role = 'OWNER' or (my_role = 'MANAGER' and coalesce(their_role, 'MEMBER') = 'MEMBER'), false);
end $$;
