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
  disabled_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index admin_name_i1004 on im.admin (lower(name));

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

-- The end of the chain, one row: whoever adds a link holds it.
create table im.audit_head (
  one boolean constraint audit_head_pkey primary key default true constraint audit_head_one check (one),
  id bigint not null,
  hash bytea not null
);
insert into im.audit_head (id, hash) values (0, sha256('im-chat audit'));

create function im.audit_keep() returns trigger
language plpgsql as $$
begin
  raise exception 'table % is insert-only', tg_table_name;
end $$;

create trigger audit_keep before update or delete or truncate on im.audit
  for each statement execute function im.audit_keep();
create trigger audit_head_keep before delete or truncate on im.audit_head
  for each statement execute function im.audit_keep();

insert into im.setting (name, value, note) values
  ('admin.lock_after', '5', 'failed log-ins of an administrator from one address within login.window before he is locked for it');
