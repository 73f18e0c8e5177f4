-- The ledger: double entry, append-only.  A journal entry is one movement; its postings sum to zero over the purses
-- it touches.  A person's purses hold what the house owes them and are never below zero; the house's own purses
-- carry the other side: cash_in falls by what came in, cash_out rises by what left, escrow holds unclaimed red
-- packets, vip is income, adjustment is what administrators corrected.  All balances together are always 0.00.

create table im.purse (
  id bigint generated always as identity constraint purse_pkey primary key,
  kind text not null constraint purse_kind_values
    check (kind in ('available', 'frozen', 'cash_in', 'cash_out', 'escrow', 'vip', 'adjustment')),
  account_id bigint references im.account,
  -- The house's purses are striped, so that two movements seldom wait for one row; their balance is the sum.
  stripe smallint,
  serial bigint not null default 0,        -- postings so far
  balance numeric(18,2) not null default 0,
  constraint purse_owner check ((account_id is not null) = (kind in ('available', 'frozen'))
                                and (stripe is null) = (account_id is not null)),
  constraint purse_balance_i4001 check (account_id is null or balance >= 0),
  constraint purse_account_kind unique (account_id, kind),
  constraint purse_kind_stripe unique (kind, stripe)
) with (fillfactor = 50);                   -- balances change in place

insert into im.purse (kind, stripe)
select k.kind, s.stripe
  from unnest(array['cash_in', 'cash_out', 'escrow', 'vip', 'adjustment']) as k(kind),
       generate_series(0, 15) as s(stripe);

create table im.journal (
  id bigint generated always as identity constraint journal_pkey primary key,
  kind text not null constraint journal_kind_values
    check (kind in ('recharge', 'withdraw', 'withdraw_paid', 'withdraw_returned', 'redpacket_sent',
                    'redpacket_robbed', 'redpacket_refunded', 'vip', 'adjustment')),
  subject text not null,                   -- what it is about: an order's number, a packet's id, a share
  remark text not null default '',
  created_at timestamptz not null default now(),
  -- Whatever else goes wrong, no order is booked twice and no packet refunded twice.
  constraint journal_once unique (kind, subject)
);
create index journal_time on im.journal (created_at);

create table im.posting (
  purse_id bigint not null references im.purse,
  serial bigint not null constraint posting_serial_positive check (serial > 0),
  journal_id bigint not null references im.journal,
  amount numeric(18,2) not null constraint posting_amount_nonzero check (amount <> 0),
  balance numeric(18,2) not null,          -- of the purse, after this posting
  -- Of a person's purse, what lists of the backstage find it by (im.fund_find): whose, which, the number and time of the entry.
  account_id bigint,
  purse text,
  type smallint,
  created_at timestamptz,
  constraint posting_pkey primary key (purse_id, serial),
  constraint posting_person check (num_nulls(account_id, purse, type, created_at) in (0, 4))
);
create index posting_journal on im.posting (journal_id);
create index posting_people on im.posting (journal_id, purse) include (created_at) where account_id is not null;
create index posting_account on im.posting (account_id, journal_id, purse) include (type, created_at) where account_id is not null;
create index posting_type on im.posting (type, journal_id, purse) include (created_at) where account_id is not null;

create function im.posting_balance() returns trigger
language plpgsql as $$
declare
  wrong bigint;
begin
  select n.journal_id into wrong from new_posting n group by n.journal_id having sum(n.amount) <> 0 limit 1;
  if found then
    raise exception 'postings of entry % do not sum to zero', wrong;
  end if;
  return null;
end $$;

create function im.ledger_keep() returns trigger
language plpgsql as $$
begin
  raise exception 'table % is append-only', tg_table_name;
end $$;

create trigger posting_balance after insert on im.posting
  referencing new table as new_posting for each statement execute function im.posting_balance();
create trigger posting_keep before update or delete or truncate on im.posting
  for each statement execute function im.ledger_keep();
create trigger journal_keep before update or delete or truncate on im.journal
  for each statement execute function im.ledger_keep();
create trigger purse_keep before delete or truncate on im.purse
  for each statement execute function im.ledger_keep();
