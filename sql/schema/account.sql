-- Accounts, their sessions, and the counters that guard their passwords.

create table im.account (
  id bigint generated always as identity (start with 10001) constraint account_pkey primary key,
  username im.username not null,
  username_key text not null generated always as (im.fold(username)) stored,
  nick_name im.nickname not null,
  nick_name_key text not null generated always as (im.fold(nick_name)) stored,
  head_image im.image not null default '',
  email im.email,
  email_key text generated always as (im.name_key(email)) stored,
  phone im.phone,
  phone_key text generated always as (im.phone_key(phone)) stored,
  sex im.sex not null default 0,
  signature im.signature not null default '',
  password_hash text not null,             -- Argon2id, PHC string
  version integer not null default 1,      -- of tokens: raised by password change, ban, log-out everywhere
  status text not null default 'normal' constraint account_status_values check (status in ('normal', 'banned', 'closed')),
  banned_until timestamptz,                -- null while banned: until lifted
  ban_reason im.reason,
  vip_until timestamptz,
  notice_seen bigint not null default 0,   -- number of the newest notice to everybody that it has (schema/notice.sql)
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint account_phone_known check (phone is null or phone_key is not null)
);
create unique index account_username_i1004 on im.account (username_key);
create unique index account_phone_i1005 on im.account (phone_key);
create unique index account_email_i1005 on im.account (email_key);
create index account_created on im.account (created_at, id);
create index account_banned on im.account (id) where status = 'banned';
create index account_closed on im.account (id) where status = 'closed';

-- Pairs of neighbouring characters, for substring search in any script; words of Chinese have no ends to index.
create function im.bigram(name text) returns text[]
language plpgsql immutable strict parallel safe as $$
begin
  return array(select distinct substr(name, i, 2) from generate_series(1, length(name) - 1) i);
end $$;
create index account_search on im.account using gin (im.bigram(username_key || e'\n' || nick_name_key));
create index account_username_prefix on im.account (username_key text_pattern_ops);
create index account_nick_name_prefix on im.account (nick_name_key text_pattern_ops);

-- One log-in on one device: the family of its refresh tokens.
create table im.session (
  id bigint generated always as identity constraint session_pkey primary key,
  account_id bigint not null references im.account,
  generation integer not null default 1,   -- of the refresh token that is valid now
  refreshed_at timestamptz not null default now(),
  device text not null default '',
  address inet,
  renewed_from inet,                       -- whom its newest pair of tokens was given to; at first that of the log-in
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoke_reason text constraint session_revoke_values
    check (revoke_reason in ('logout', 'reuse', 'password', 'trade', 'ban', 'expired', 'close'))
);
create index session_account on im.session (account_id, revoked_at);
create index session_age on im.session (refreshed_at);

-- Wrong passwords, by whatever they are counted under ('user 10001', '192.0.2.1', 'user 10001 192.0.2.1', im.login_failed);
-- each count is forgotten setting login.window after it began.
create table im.login_failure (
  key text constraint login_failure_pkey primary key,
  count integer not null,
  since timestamptz not null
);
create index login_failure_age on im.login_failure (since);

-- The trade password: a keyed digest, useless without the pepper that only the programs have.
create table im.trade_password (
  account_id bigint constraint trade_password_pkey primary key references im.account,
  digest text not null,
  wrong integer not null default 0,
  locked_until timestamptz,
  updated_at timestamptz not null default now()
);

-- Who writes nothing until then (infinity: until lifted), by decision of a moderator.
create table im.account_mute (
  account_id bigint constraint account_mute_pkey primary key references im.account,
  until timestamptz not null,
  reason im.reason
);

-- Names, numbers and addresses of accounts that were closed: nobody takes them until then.  Only what they digest to is kept.
create table im.name_held (
  digest bytea constraint name_held_pkey primary key,     -- im.name_digest()
  until timestamptz not null
);
create index name_held_until on im.name_held (until);

-- Captchas: shown once, good for one try.
create table im.captcha (
  id uuid constraint captcha_pkey primary key default gen_random_uuid(),
  answer text not null,
  created_at timestamptz not null default now()
);
create index captcha_age on im.captcha (created_at);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('account.closed_name', 'text', '已注销用户',   '1',         '64',         'characters', 'auth(8)', 'what an account that was closed is called'),
  ('account.name_hold',   'time', '30 days', '0 seconds', '36500 days', '',           'auth(8)', 'how long its user name, phone number and e-mail address are nobody''s'),
  ('session.reuse_title', 'text', '登录安全提醒', '1', '100', 'characters', 'session(8)', 'the notice to whom a session is ended because its refresh token was used elsewhere'),
  ('session.reuse_text', 'text', '您在设备“{device}”上的登录已被退出，因为它的登录凭证在另一个网络地址被再次使用。如果不是您本人操作，请修改密码。', '1', '1000', 'characters', 'session(8)', 'and what it says; {device} is what the session was opened with');
