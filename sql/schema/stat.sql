-- What is counted, and what of the ledger is proven: by imclerk, after the fact, so that nothing is counted by whoever
-- writes a message or moves money, or reads the sum.

create table im.stat_day (
  day date constraint stat_day_pkey primary key,
  registered bigint not null default 0,
  active bigint not null default 0,        -- accounts that logged in, were online or wrote
  online_peak bigint not null default 0,
  messages bigint not null default 0,
  money_in numeric(18,2) not null default 0,
  money_out numeric(18,2) not null default 0,
  packets bigint not null default 0,
  packet_amount numeric(18,2) not null default 0
);

-- Who is among the active of a day; of today and yesterday only.
create table im.stat_active (
  day date not null,
  account_id bigint not null,
  constraint stat_active_pkey primary key (day, account_id)
);

-- How things stood at a time not long ago.
create table im.stat_now (
  one boolean constraint stat_now_pkey primary key default true constraint stat_now_one check (one),
  at timestamptz not null default '-infinity',
  users bigint not null default 0,
  counted bigint not null default 0,       -- of which so many were there when they were counted one by one
  counted_at timestamptz not null default '-infinity',
  online bigint not null default 0,
  complaints bigint not null default 0,    -- open
  reviews bigint not null default 0        -- orders to be decided
);
insert into im.stat_now default values;

-- What follower ledger has proven (lib/ledger_proof.sql), and the first row that it could not.
create table im.ledger_proof (
  one boolean constraint ledger_proof_pkey primary key default true constraint ledger_proof_one check (one),
  entries bigint not null default 0,
  postings bigint not null default 0,
  problem text,
  subject text
);
insert into im.ledger_proof default values;

-- What the proven postings come to, of each kind of purse.
create table im.ledger_total (
  kind text constraint ledger_total_pkey primary key,
  amount numeric(18,2) not null
);

insert into im.follower (name) values ('ledger');
insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('stat.interval', 'time', '10 seconds', '0 seconds', '1 day', '', 'imclerk(8)', 'how old the numbers of /im/stat/overview may be');
