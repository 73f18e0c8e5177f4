-- Orders: money that is to come in, money that is to leave, and days of VIP bought.  An order changes state; the
-- money it moves is in the ledger, under the order's number.

create domain im.pay_type text constraint pay_type_form check (value ~ '^[A-Za-z0-9_-]{1,20}$');
create domain im.chain_type text constraint chain_type_form check (value ~ '^[A-Za-z0-9_-]{1,20}$');
create domain im.from_address text constraint from_address_form check (value ~ '^[!-~]{0,128}$');
-- An EVM address, or a TRON one in base58.
create domain im.to_address text constraint to_address_form
  check (value ~ '^0x[0-9A-Fa-f]{40}$' or value ~ '^T[1-9A-HJ-NP-Za-km-z]{33}$');
-- A transaction's hash, or the number of a payment that went another way: nothing that could be written otherwise, and
-- nothing that begins with a hash.
create domain im.tx_hash text constraint tx_hash_form
  check (value ~ '^(0[Xx])?[0-9A-Fa-f]{64}$'
         or (value ~ '^[0-9A-Za-z]([0-9A-Za-z_-]{0,126}[0-9A-Za-z])?$' and value !~ '^(0[Xx])?[0-9A-Fa-f]{64}'));
create domain im.vip_days integer constraint vip_days_positive check (value > 0);

create table im.recharge (
  id bigint generated always as identity constraint recharge_pkey primary key,
  account_id bigint not null references im.account,
  amount im.money not null,
  pay_type im.pay_type not null,
  chain_type im.chain_type,
  from_address im.from_address,
  status smallint not null default 1       -- 1 pending, 2 credited, 3 rejected
    constraint recharge_status_values check (status between 1 and 3),
  -- The payment that a signed callback proved; one payment is credited once, whatever orders it is shown to.
  tx_chain im.chain_type,
  tx_hash im.tx_hash,                      -- as im.tx_fold writes it
  journal_id bigint references im.journal,
  approved_by bigint references im.admin,  -- the first of two, when four eyes are asked for
  admin_id bigint references im.admin,     -- who decided
  reason im.reason,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  constraint recharge_tx_i4005 unique (tx_chain, tx_hash),
  constraint recharge_credited check ((status = 2) = (journal_id is not null))
);
-- The hash of a transaction is one on whatever chain somebody says that it is.
create unique index recharge_hash_i4005 on im.recharge (tx_hash) where tx_hash ~ '^[0-9a-f]{64}$';
create index recharge_account on im.recharge (account_id, id);
create index recharge_status on im.recharge (status, id);
create index recharge_created on im.recharge (created_at, id);

create table im.withdraw (
  id bigint generated always as identity constraint withdraw_pkey primary key,
  account_id bigint not null references im.account,
  amount im.money not null,
  chain_type im.chain_type not null,
  to_address im.to_address not null,
  status smallint not null default 1       -- 1 requested, 2 approved, 3 rejected, 4 paid, 5 failed
    constraint withdraw_status_values check (status between 1 and 5),
  tx_hash im.tx_hash,                      -- of the payment made
  approved_by bigint references im.admin,
  decided_by bigint references im.admin,   -- who rejected, paid or failed it
  reason im.reason,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  constraint withdraw_tx_i4005 unique (chain_type, tx_hash)
);
create unique index withdraw_hash_i4005 on im.withdraw (tx_hash) where tx_hash ~ '^[0-9a-f]{64}$';
create index withdraw_account on im.withdraw (account_id, id);
create index withdraw_status on im.withdraw (status, id);
create index withdraw_created on im.withdraw (created_at, id);

create table im.vip_purchase (
  id bigint generated always as identity constraint vip_purchase_pkey primary key,
  account_id bigint not null references im.account,
  days im.vip_days not null,
  amount im.money not null,
  vip_from timestamptz not null,
  vip_until timestamptz not null,
  journal_id bigint references im.journal,
  created_at timestamptz not null default now()
);
create index vip_purchase_account on im.vip_purchase (account_id, id);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('wallet.recharge_max',     'money',  '1000000.00', '0.01', '1000000000.00', '',       'wallet(8)',    'the most one recharge may be'),
  ('wallet.recharge_pending', 'number', '20',         '1',    '1000000',       'orders', 'wallet(8)',    'pending recharge orders of one account'),
  ('wallet.withdraw_min',     'money',  '0.01',       '0.01', '1000000000.00', '',       'wallet(8)',    'the least one withdrawal may be'),
  ('wallet.withdraw_max',     'money',  '1000000.00', '0.01', '1000000000.00', '',       'wallet(8)',    'the most one withdrawal may be'),
  ('wallet.four_eyes',        'switch', 'off',        null,   null,            '',       'backstage(8)', 'on: who approved a withdrawal cannot report it as paid, and it takes two to credit a recharge'),
  ('vip.price_per_day',       'money',  '1.00',       '0.01', '1000000.00',    '',       'wallet(8)',    'price of a day of VIP'),
  ('vip.days_max',            'number', '3660',       '1',    '36500',         'days',   'wallet(8)',    'the most days bought at once');
