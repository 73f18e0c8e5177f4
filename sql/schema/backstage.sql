-- Administrators, what their roles may do, and the record of what they did.

create domain im.admin_name text constraint admin_name_form check (value ~ '^[A-Za-z0-9_.-]{1,32}$');
create domain im.admin_role text constraint admin_role_values
  check (value in ('super', 'moderator', 'finance', 'auditor'));

create table im.admin (
  id bigint generated always as identity constraint admin_pkey primary key,
  name im.admin_name not null,
  password_hash text not null,             -- Argon2id, PHC string
  role im.admin_role not null,
  version integer not null default 1,      -- of tokens: raised by password change, new role, disabling
  account_id bigint references im.account, -- the user account of the same person, whose orders he does not review
  totp_secret text,                        -- base32; null: the password is enough
  totp_pending text,                       -- shown to him, not yet answered with a code
  totp_step bigint not null default 0,     -- the last one whose code was used: no code counts twice
  disabled_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index admin_name_i1004 on im.admin (lower(name));

-- One log-in: what its tokens are good for ends with it.
create table im.admin_session (
  id bigint generated always as identity constraint admin_session_pkey primary key,
  admin_id bigint not null references im.admin,
  address inet,
  device text not null default '',
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),  -- to the minute
  ended_at timestamptz
) with (fillfactor = 70);
create index admin_session_admin on im.admin_session (admin_id, id);
create index admin_session_live on im.admin_session (id) where ended_at is null;
create index admin_session_age on im.admin_session (created_at);

-- Every try to log in.  A name that is nobody's is not kept: it may be a password, typed into the wrong field.
create table im.admin_login (
  id bigint generated always as identity constraint admin_login_pkey primary key,
  admin_id bigint references im.admin,     -- null: nobody has the name
  address inet,
  device text not null default '',
  result smallint not null,                -- 200, or the code it was refused with
  created_at timestamptz not null default now()
);
create index admin_login_admin on im.admin_login (admin_id, id);
create index admin_login_time on im.admin_login (created_at, id);
create index admin_login_address on im.admin_login (host(address), id);
create index admin_login_refused on im.admin_login (result, id) where result <> 200;

-- Filled from lib/backstage.sql at every deploy: it is code.
create table im.permission (
  role im.admin_role not null,
  permission text not null,
  constraint permission_pkey primary key (role, permission)
);

-- Every administrative act, in the transaction that did it.  Each row's hash covers the row and the hash before it.
create table im.audit (
  id bigint constraint audit_pkey primary key,   -- dense: the head counts
  admin_id bigint references im.admin,     -- null: imctl, on the machine itself
  action text not null,                    -- the permission it took
  target text not null,                    -- what and which: 'recharge 12'
  before jsonb,
  after jsonb,
  reason text,
  address inet,
  created_at timestamptz not null,
  previous bytea not null,
  hash bytea not null
);
create index audit_admin on im.audit (admin_id, id);
create index audit_target on im.audit (target, id);
create index audit_action on im.audit (action, id);
create index audit_time on im.audit (created_at, id);

-- The end of the chain, one row: whoever adds a link holds it.
create table im.audit_head (
  one boolean constraint audit_head_pkey primary key default true constraint audit_head_one check (one),
  id bigint not null,
  hash bytea not null
);
insert into im.audit_head (id, hash) values (0, sha256('im-chat audit'));

-- Where the chain begins, one row: the last link that has been forgotten (setting audit.keep), or what the first one follows.
create table im.audit_tail (
  one boolean constraint audit_tail_pkey primary key default true constraint audit_tail_one check (one),
  id bigint not null,
  hash bytea not null
);
insert into im.audit_tail (id, hash) values (0, sha256('im-chat audit'));

create function im.audit_keep() returns trigger
language plpgsql as $$
begin
  raise exception 'table % is insert-only', tg_table_name;
end $$;

create trigger audit_keep before update or truncate on im.audit
  for each statement execute function im.audit_keep();
create trigger audit_head_keep before delete or truncate on im.audit_head
  for each statement execute function im.audit_keep();
create trigger audit_tail_keep before delete or truncate on im.audit_tail
  for each statement execute function im.audit_keep();

-- A link goes when the chain begins behind it, and that it does only behind one that is old enough.
create function im.audit_forget() returns trigger
language plpgsql as $$
begin
  if old.id > (select t.id from im.audit_tail t) then
    raise exception 'table % is insert-only', tg_table_name;
  end if;
  return old;
end $$;
create trigger audit_forget before delete on im.audit for each row execute function im.audit_forget();

create function im.audit_tail_move() returns trigger
language plpgsql as $$
begin
  if new.id <= old.id or not exists (select from im.audit a where a.id = new.id and a.hash = new.hash
                                        and a.created_at < now() - im.setting_interval('audit.keep')) then
    raise exception 'the record is kept for longer';
  end if;
  return new;
end $$;
create trigger audit_tail_move before update on im.audit_tail for each row execute function im.audit_tail_move();

-- Lists (lib/list.sql): how they are asked for.

create domain im.list_format text constraint list_format_values check (value in ('json', 'csv'));
create domain im.list_sort text constraint list_sort_form check (value ~ '^[A-Za-z]{1,32}$');
create domain im.list_order text constraint list_order_values check (value in ('asc', 'desc'));
create domain im.list_text text constraint list_text_length check (length(value) between 1 and 254);

create domain im.find_ids bigint[] constraint find_ids_range
  check (cardinality(value) between 1 and 1000 and array_position(value, null) is null
         and 1 <= all (value) and 9007199254740991 >= all (value));

-- What a list is asked: page and size, or after, where the last batch of an export ended.
create type im.list_ask as (format text, after text, page integer, size integer, sort text, direction text);

-- What is said in a text: neighbouring letters that it has then, which an index knows, and the condition itself; pairs null:
-- it has an index of its own.  Where it is known (lib/search.sql), a condition on where the page of the list lies, how many rows come before
-- that, and how many there are in all, when that has been counted.
create type im.list_words as (pairs text, said text, place text, passed bigint, total bigint);

create domain im.ban_days integer constraint ban_days_range check (value between 1 and 36500);
create domain im.account_status text constraint account_status_range check (value in ('normal', 'banned', 'closed'));
create domain im.member_role text constraint member_role_range check (value in ('OWNER', 'MANAGER', 'MEMBER'));
create domain im.group_status text constraint group_status_range check (value in ('normal', 'banned', 'dissolved'));

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('list.exact',        'number', '10000',    '0',        '1000000',    'rows',    'backstage(8)', 'rows that a list counts; of more its total is an estimate'),
  ('list.batch',        'number', '1000',     '1',        '100000',     'rows',    'backstage(8)', 'rows that an export reads at once'),
  ('admin.session_ttl', 'time',   '12 hours', '1 minute', '365 days',   '',        'backstage(8)', 'how long an administrator may stay logged in by renewing the token'),
  ('admin.login_keep',  'time',   '365 days', '1 day',    '36500 days', '',        'backstage(8)', 'how long tries to log in as an administrator are kept'),
  ('audit.keep',        'time',   '36500 days', '30 days', '36500 days', '',        'backstage(8)', 'how long the record of administrators'' acts is kept'),
  ('admin.lock_after',  'number', '5',        '1',        '1000000',    'log-ins', 'backstage(8)', 'failed log-ins of an administrator from one address within login.window before he is locked for it');
