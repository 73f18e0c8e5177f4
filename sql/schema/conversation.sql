-- Conversations, their members and their messages: private chats and groups share one model.

-- Whoever adds a message, or changes what decides who may, holds this row's lock: seq order is commit order,
-- and a mute, ban, block or removal that is committed is seen by every later message.
create table im.conversation (
  id bigint generated always as identity constraint conversation_pkey primary key,
  last_seq bigint not null default 0,
  low_id bigint references im.account,     -- private: the two, the smaller id first
  high_id bigint references im.account,
  group_id bigint,
  -- Why nobody can send: private unfriended or blocked (by either), group banned or dissolved; null is open.
  closed text constraint conversation_closed_values
    check (closed in ('unfriended', 'blocked', 'banned', 'dissolved')),
  muted boolean not null default false,    -- group: only owner and managers may send
  created_at timestamptz not null default now(),
  constraint conversation_kind check (
    (group_id is null and low_id < high_id and not muted and (closed is null or closed in ('unfriended', 'blocked')))
    or (group_id is not null and low_id is null and high_id is null
        and (closed is null or closed in ('banned', 'dissolved'))))
) with (fillfactor = 60);
create unique index conversation_pair on im.conversation (low_id, high_id) where group_id is null;
create unique index conversation_group on im.conversation (group_id) where group_id is not null;

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
  constraint member_pkey primary key (conversation_id, account_id),
  constraint member_read_delivered check (read_seq <= delivered_seq)
) with (fillfactor = 70);
create index member_account on im.member (account_id) where left_at is null;
create unique index member_one_owner on im.member (conversation_id) where role = 'OWNER' and left_at is null;

-- id is drawn under the conversation's lock too, so it rises with seq inside a conversation.
-- No foreign keys here: enter() has vouched for the sender and the lock for the conversation, and a row lock on
-- the sender's account at every message costs more than the message.  t/sql/message.pg checks the references.
create table im.message (
  conversation_id bigint not null,
  seq bigint not null,
  id bigint generated always as identity constraint message_id_key unique,
  sender_id bigint not null,
  message_type smallint not null constraint message_type_values check (message_type between 1 and 8),
  content text not null,
  at_user_ids bigint[],
  client_msg_id text,
  sent_at timestamptz not null default clock_timestamp(),
  recalled_at timestamptz,
  recalled_by bigint,
  constraint message_pkey primary key (conversation_id, seq),
  constraint message_recalled_empty check (recalled_at is null or (content = '' and at_user_ids is null))
);
create unique index "message_clientMsgId_i0400" on im.message (sender_id, client_msg_id) where client_msg_id is not null;

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
-- status is 1 sent, 2 delivered, 3 read, by the pointers of the one who gets it; that of a group message is 1.
create view im.private_message as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId",
         r.account_id as "receiverId", m.content, m.message_type as "messageType",
         coalesce(array_to_json(m.at_user_ids), '[]') as "atUserIds", m.sent_at as "sendTime",
         case when m.seq <= r.read_seq then 3 when m.seq <= r.delivered_seq then 2 else 1 end as status,
         m.recalled_at is not null as "isRecalled", m.client_msg_id as "clientMsgId"
    from im.message m
    join im.member r on r.conversation_id = m.conversation_id and r.account_id <> m.sender_id and r.role is null;

create view im.group_message as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId",
         c.group_id as "groupId", m.content, m.message_type as "messageType",
         coalesce(array_to_json(m.at_user_ids), '[]') as "atUserIds", m.sent_at as "sendTime",
         1 as status, m.recalled_at is not null as "isRecalled", m.client_msg_id as "clientMsgId"
    from im.message m
    join im.conversation c on c.id = m.conversation_id and c.group_id is not null;
