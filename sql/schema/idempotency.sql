-- Answers kept under a client's Idempotency-Key; lib/idempotency.sql says how they are used.

create domain im.idempotency_key text constraint idempotency_key_form check (value ~ '^[!-~]{1,128}$');
create domain im.request_digest text constraint request_digest_form check (value ~ '^[0-9a-f]{64}$');

create table im.idempotency (
  account_id bigint not null references im.account,
  key text not null,
  digest im.request_digest not null,       -- of method, path and body: the same key with another body is refused
  refusal integer,                         -- the committed refusal (4002), else null
  answer jsonb,
  created_at timestamptz not null default now(),
  constraint idempotency_pkey primary key (account_id, key)
);
create index idempotency_age on im.idempotency (created_at);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('idempotency.ttl', 'time', '8 days', '7 days', '365 days', '', 'im-chat(7)', 'how long answers are kept; promised are 7 days');
