-- Conversations, their members and their messages: private chats and groups share one model.

-- Whoever adds a message, or changes what decides who may, holds this row's lock: seq order is commit order,
-- and a mute, ban, block or removal that is committed is seen by every later message.
create table im.conversation (
  id bigint generated always as identity constraint conversation_pkey primary key,
  last_seq bigint not null default 0,
  skipped int8multirange,                  -- numbers that no message has or will have; null is none (lib/seq.sql)
  low_id bigint references im.account,     -- private: the two, the smaller id first; one's own notes: oneself twice
  high_id bigint references im.account,
  group_id bigint,
  -- Why nobody can send: private unfriended or blocked (by either), group banned or dissolved; null is open.
  closed text,
  muted boolean not null default false,    -- group: only owner and managers may send
  created_at timestamptz not null default now(),
  changed xid8 not null default pg_current_xact_id()      -- by a message too (schema/sync.sql); as that of a member
) with (fillfactor = 60);
create unique index conversation_pair on im.conversation (low_id, high_id) where group_id is null;
create index conversation_closed on im.conversation (closed, group_id) where closed is not null and group_id is not null;
create unique index conversation_group on im.conversation (group_id) where group_id is not null;

-- A trigger and not checks: every message updates last_seq, and checks would cost it a seventh of its time.
create function im.conversation_kind() returns trigger
language plpgsql as $$
begin
  if (new.group_id is null and new.low_id <= new.high_id and not new.muted
      and (new.closed is null or new.closed in ('unfriended', 'blocked') and new.low_id < new.high_id))
     or (new.group_id is not null and new.low_id is null and new.high_id is null
         and (new.closed is null or new.closed in ('banned', 'dissolved'))) then
    new.changed := pg_current_xact_id();
    return new;
  end if;
  raise check_violation using message = 'a conversation is of two people or of a group', constraint = 'conversation_kind';
end $$;
create trigger conversation_kind before insert or update of low_id, high_id, group_id, closed, muted on im.conversation
  for each row execute function im.conversation_kind();

create table im.member (
  conversation_id bigint not null references im.conversation,
  account_id bigint not null references im.account,
  role text constraint member_role_values check (role in ('OWNER', 'MANAGER', 'MEMBER')),  -- null in a private chat
  joined_seq bigint not null default 0,    -- sees what comes after
  joined_at timestamptz not null default now(),
  left_at timestamptz,
  removed boolean not null default false,  -- left because removed: comes back by invitation only
  read_seq bigint not null default 0,
  delivered_seq bigint not null default 0,
  muted_until timestamptz,                 -- infinity: until lifted
  dnd boolean not null default false,
  topped boolean not null default false,
  hidden_seq bigint,                       -- not shown until a message after this one
  changed xid8 not null default pg_current_xact_id(),     -- but for delivered_seq, which no device shows
  constraint member_pkey primary key (conversation_id, account_id),
  constraint member_read_delivered check (read_seq <= delivered_seq)
) with (fillfactor = 70);
create index member_account on im.member (account_id) where left_at is null;
create index member_left on im.member (account_id, changed) where left_at is not null;
create unique index member_one_owner on im.member (conversation_id) where role = 'OWNER' and left_at is null;

create function im.member_changed() returns trigger
language plpgsql as $$
begin
  new.changed := pg_current_xact_id();
  return new;
end $$;
create trigger member_changed before update of role, joined_seq, left_at, read_seq, muted_until, dnd, topped, hidden_seq on im.member
  for each row execute function im.member_changed();

-- The oldest are deleted in small batches in the order of id (im.due_message), when they are not kept for ever; nothing else
-- is locked or moved, seq keeps its meaning, and history just ends earlier.  When one table is too large for that,
-- it becomes one hash-partitioned by conversation_id: every query but the two by id and by client id names it.
-- id is drawn under the conversation's lock too, so it rises with seq inside a conversation.
-- No foreign keys here: enter() has vouched for the sender and the lock for the conversation, and a row lock on
-- the sender's account at every message costs more than the message.  t/sql/message.pg checks the references.
create table im.message (
  conversation_id bigint not null,
  seq bigint not null,
  id bigint generated always as identity constraint message_id_key unique,
  sender_id bigint not null,
  message_type smallint not null,          -- 1 to 6 as in the document, 7 red packet, 8 call record, 9 who came or left
  content text not null,
  at_user_ids bigint[],
  client_msg_id text,
  sent_at timestamptz not null default clock_timestamp(),
  recalled_at timestamptz,
  recalled_by bigint,
  recalled_in xid8,                        -- the stamp of that (schema/sync.sql)
  constraint message_pkey primary key (conversation_id, seq)
);
create unique index "message_clientMsgId_i0400" on im.message (sender_id, client_msg_id) where client_msg_id is not null;
create index message_mention on im.message (conversation_id, seq) where at_user_ids is not null;
create index message_recalled on im.message (conversation_id, recalled_in) where recalled_in is not null;

-- A stored message changes once: when it is recalled, and then its text is gone.
create function im.message_recall_only() returns trigger
language plpgsql as $$
begin
  if old.recalled_at is not null or new.recalled_at is null or new.recalled_in is null or new.content <> '' or new.at_user_ids is not null
     or (new.conversation_id, new.seq, new.id, new.sender_id, new.message_type, new.client_msg_id, new.sent_at)
        is distinct from
        (old.conversation_id, old.seq, old.id, old.sender_id, old.message_type, old.client_msg_id, old.sent_at) then
    raise check_violation using message = 'a message changes only by its recall', constraint = 'message_recall_only';
  end if;
  return new;
end $$;
create trigger message_recall_only before update on im.message
  for each row execute function im.message_recall_only();

-- When somebody's read pointer in a group advanced, and to where: the source of readTime.
create table im.reading (
  conversation_id bigint not null,
  account_id bigint not null,
  seq bigint not null,
  read_at timestamptz not null default now(),
  constraint reading_pkey primary key (conversation_id, account_id, seq),
  constraint reading_member foreign key (conversation_id, account_id) references im.member
);

-- A message as clients see it, in answers and, with "event", in frames.  Functions return these row types.
-- status is 1 sent, 2 delivered, 3 read, by the pointers of the one who gets it; that of a group message is 1.  A note to
-- oneself is from oneself to oneself.
create view im.private_message as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId",
         r.account_id as "receiverId", m.content, m.message_type as "messageType",
         coalesce(array_to_json(m.at_user_ids), '[]') as "atUserIds", m.sent_at as "sendTime",
         case when m.seq <= r.read_seq then 3 when m.seq <= r.delivered_seq then 2 else 1 end as status,
         m.recalled_at is not null as "isRecalled", m.client_msg_id as "clientMsgId"
    from im.message m
    join im.conversation c on c.id = m.conversation_id and c.group_id is null
    join im.member r on r.conversation_id = c.id and r.account_id = case m.sender_id when c.low_id then c.high_id else c.low_id end;

create view im.group_message as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId",
         c.group_id as "groupId", m.content, m.message_type as "messageType",
         coalesce(array_to_json(m.at_user_ids), '[]') as "atUserIds", m.sent_at as "sendTime",
         1 as status, m.recalled_at is not null as "isRecalled", m.client_msg_id as "clientMsgId"
    from im.message m
    join im.conversation c on c.id = m.conversation_id and c.group_id is not null;

-- Either, as a device that asks what it has missed sees it.
create view im.synced_message as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId", r.account_id as "receiverId",
         c.group_id as "groupId", m.content, m.message_type as "messageType",
         coalesce(array_to_json(m.at_user_ids), '[]') as "atUserIds",
         to_char(m.sent_at, 'YYYY-MM-DD HH24:MI:SS') as "sendTime",
         case when m.seq <= r.read_seq then 3 when m.seq <= r.delivered_seq then 2 else 1 end as status,
         m.recalled_at is not null as "isRecalled", m.client_msg_id as "clientMsgId"
    from im.message m
    join im.conversation c on c.id = m.conversation_id
    left join im.member r on c.group_id is null and r.conversation_id = c.id
     and r.account_id = case m.sender_id when c.low_id then c.high_id else c.low_id end;

-- The same as the data of a frame.  row_to_json() of a row type costs a fifth of json_build_object().
create type im.private_frame as (event text, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "receiverId" bigint,
  content text, "messageType" smallint, "atUserIds" json, "sendTime" text, status integer, "isRecalled" boolean,
  "clientMsgId" text);
create type im.group_frame as (event text, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "groupId" bigint,
  content text, "messageType" smallint, "atUserIds" json, "sendTime" text, status integer, "isRecalled" boolean,
  "clientMsgId" text);

-- A conversation as its member sees it in lists.
create type im.conversation_shown as ("conversationId" bigint, type text, "targetId" bigint, name text, "headImage" text,
  "lastSeq" bigint, "readSeq" bigint, "joinedSeq" bigint, "friendReadSeq" bigint, "unreadCount" bigint, "lastMessageId" bigint,
  "lastSenderId" bigint, "lastContent" text, "lastMessageType" smallint, "lastSendTime" text,
  "lastIsRecalled" boolean, "isTop" boolean, "isDnd" boolean, "isHidden" boolean,
  "isMentioned" boolean);
