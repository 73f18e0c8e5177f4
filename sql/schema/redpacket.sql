-- Red packets and their shares.  Shares are drawn when the packet is made; robbing claims one.

create domain im.receiver_type smallint constraint receiver_type_values check (value in (1, 2));
create domain im.redpacket_type smallint constraint redpacket_type_values check (value in (1, 2));
create domain im.share_count integer constraint share_count_positive check (value > 0);
create domain im.redpacket_remark text constraint redpacket_remark_form check (value ~ '^[^[:cntrl:]]{0,40}$');

create table im.redpacket (
  id uuid constraint redpacket_pkey primary key default gen_random_uuid(),
  sender_id bigint not null references im.account,
  receiver_type im.receiver_type,          -- 1 a group, 2 one person, null: whoever has the id (8082)
  receiver_id bigint,                      -- the group or the person
  conversation_id bigint references im.conversation,
  message_id bigint,                       -- of type 7, which shows the packet
  total im.money not null,
  count im.share_count not null,
  type im.redpacket_type not null,         -- 1 lucky, 2 normal
  share_max im.money not null,             -- no share is greater; part of the split's rule
  remark im.redpacket_remark not null,
  seed text not null constraint redpacket_seed_form check (seed ~ '^[0-9a-f]{64}$'),
  commitment text not null,                -- SHA-256 of the seed, shown from the beginning
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  closed_at timestamptz,                   -- expired, and the rest given back
  refunded numeric(18,2) not null default 0 constraint redpacket_refunded_range check (refunded between 0 and total),
  constraint redpacket_receiver check ((receiver_type is null) = (receiver_id is null)
                                       and (receiver_type is null) = (conversation_id is null)),
  constraint redpacket_private_single check (receiver_type is distinct from 2
                                             or (count = 1 and receiver_id <> sender_id)),
  constraint redpacket_cents check (total >= count * 0.01)
);
create index redpacket_sender on im.redpacket (sender_id, created_at);
create index redpacket_created on im.redpacket (created_at, id);
-- Those that may be open in the order of their list: whether one is takes a look at its shares.
create index redpacket_open on im.redpacket (created_at, id) where closed_at is null;
create index redpacket_due on im.redpacket (expires_at) where closed_at is null;

create table im.redpacket_share (
  packet_id uuid not null references im.redpacket,
  number smallint not null,                -- 1…count: the order of drawing, and of claiming
  amount im.money not null,
  state text not null default 'free'
    constraint redpacket_share_state_values check (state in ('free', 'claimed', 'refunded')),
  account_id bigint references im.account,
  claimed_at timestamptz,
  journal_id bigint references im.journal,
  constraint redpacket_share_pkey primary key (packet_id, number),
  -- One claim per packet and account.
  constraint redpacket_share_claim_i5002 unique (packet_id, account_id),
  constraint redpacket_share_claimed check ((state = 'claimed') = (account_id is not null)
    and (account_id is null) = (claimed_at is null) and (account_id is null) = (journal_id is null))
);
create index redpacket_share_free on im.redpacket_share (packet_id) where state = 'free';
create index redpacket_share_account on im.redpacket_share (account_id, claimed_at) where account_id is not null;

-- Who may act for any user on port 8082; the token itself is signed, this row lets it be revoked.
create table im.service (
  id bigint generated always as identity constraint service_pkey primary key,
  name text not null constraint service_name unique constraint service_name_form check (name ~ '^[A-Za-z0-9_.-]{1,32}$'),
  version integer not null default 1,
  disabled_at timestamptz,
  created_at timestamptz not null default now()
);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('redpacket.count_max',      'number', '100',       '1',         '1000',       'shares',  'redpacket(8)', 'the most shares of one red packet'),
  ('redpacket.share_max',      'money',  '200.00',    '0.01',      '1000000.00', '',        'redpacket(8)', 'the most one share may be'),
  ('redpacket.ttl',            'time',   '24 hours',  '1 second',  '365 days',   '',        'redpacket(8)', 'how long a red packet can be robbed'),
  ('redpacket.wait',           'time',   '3 seconds', '0 seconds', '8 seconds',  '',        'redpacket(8)', 'how long a rob waits for claims under way before it fails'),
  ('redpacket.sender_may_rob', 'switch', 'on',        null,        null,         '',        'redpacket(8)', 'off: a sender cannot rob the own packet in a group'),
  ('redpacket.tell_members',   'number', '200',       '0',         '1000000',    'members', 'redpacket(8)', 'up to so many members a group is told of every rob; above, only the two concerned');
