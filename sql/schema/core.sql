-- What every group stands on: the two schemas, the syntax of fields, settings, and the outbox.

create schema im;

-- The files of sql/schema that have been applied, as they were.
create table im.migration (
  path text primary key,
  hash text not null,          -- SHA-256
  applied_at timestamptz not null default now()
);

-- Field syntax.  A domain's check is the field's whole rule; a violation answers 400 with the field's name.

create domain im.id bigint constraint id_range check (value between 1 and 9007199254740991);
create domain im.user_id bigint constraint user_id_range check (value between 1 and 9007199254740991);
create domain im.message_id bigint constraint message_id_range check (value between 1 and 9007199254740991);
create domain im.ids bigint[] constraint ids_range
  check (cardinality(value) <= 10000 and array_position(value, null) is null
         and 1 <= all (value) and 9007199254740991 >= all (value));
create domain im.some_ids bigint[] constraint some_ids_range
  check (cardinality(value) between 1 and 10000 and array_position(value, null) is null
         and 1 <= all (value) and 9007199254740991 >= all (value));
create domain im.at_ids bigint[] constraint at_ids_range
  check (cardinality(value) <= 20 and array_position(value, null) is null
         and -1 <= all (value) and 0 <> all (value) and 9007199254740991 >= all (value));

-- Something to see: not only white space, nor what is drawn as nothing (controls, joiners, fillers, blank braille, tags).
create domain im.visible text constraint visible_something
  check (value ~ '[^[:space:][:cntrl:]\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]');
-- The same on one line, in which nothing turns the rest around.  How many characters it has is counted by the program, as a
-- person counts them (src/serve/call.h); the bound on bytes is for what has many in each.
create domain im.one_line im.visible constraint one_line_form
  check (octet_length(value) <= 600 and value !~ '[[:cntrl:]\u2028\u2029\u202a-\u202e\u2066-\u2069]');

-- The spelling under which names are compared, stored beside them: case, width, ligatures and invisible characters make no
-- new name.  It is Unicode's NFKC_Casefold of every letter that both PostgreSQL and utf8proc know, but for Cherokee, which is
-- folded to its small letters: lower() alone lacks the sharp s, the final sigma, the iota below and old Cyrillic letters.
create function im.fold(name text) returns text
language plpgsql immutable strict parallel safe as $$
begin
  return normalize(replace(translate(lower(normalize(regexp_replace(name,
    '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]',
    '', 'g'), nfkd)), e'ς\u0345\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88', e'σιвдосттъѣꙋ'), 'ß', 'ss'), nfkc);
end $$;

-- Log-in accepts a user name, a phone number or an e-mail address, so a user name must look like neither, however it is
-- written, unless it is the account's own mobile number (api.auth_register); and whatever is in it is seen.
create domain im.username text constraint username_form
  check (normalize(value, nfkc) ~ '^[[:alnum:]_.-]{1,20}$' and octet_length(value) <= 100
         and (normalize(value, nfkc) !~ '^[0-9]{7,}$' or normalize(value, nfkc) ~ '^(0086|86|0)?1[0-9]{10}$') and value !~ '[[:space:][:cntrl:]\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]');
create domain im.login_name text constraint login_name_form check (length(value) between 1 and 254);
create domain im.captcha_code text constraint captcha_code_length check (length(value) <= 20);
create domain im.nickname im.one_line;
create domain im.email text constraint email_form
  check (value = '' or (length(value) <= 254 and value ~ '^[^[:space:][:cntrl:]@]{1,64}@[^[:space:][:cntrl:]@.]+(\.[^[:space:][:cntrl:]@.]+)+$'));
-- Telephone numbers are told apart by what libphonenumber says of them: region CN, possible and not valid, for new numbers come
-- every year.  The next four functions do as it does, step by step, with its tables (phone_plan.sql); im-chat(7) says why not by it.

-- The digits of what is typed, behind a plus if there is one.  Null when that is no number: it has letters, but for tel: in front
-- and an extension behind, which is left out.
create function im.phone_digits(typed text) returns text
language plpgsql immutable strict parallel safe as $$
declare
  plain text := translate(regexp_replace(normalize(typed, nfkc), '^\s*tel:', '', 'i'), e'‐‒–—―−ー⁓∼\u00ad\u200b\u2060', '------------');
  short text;
begin
  plain := substring(plain from '^[^[:alpha:]0-9+]*([0-9+].*)$');
  plain := regexp_replace(plain, '[^[:alpha:]0-9#]+$', '');
  short := regexp_replace(plain, '(?:[ ,]*(?:;ext=|(?:e?xt(?:ensi[oó])?n?|доб|anexo)[:.]?[ ,-]*)[0-9]{1,20}#?|[ ]*(?:,,|;)[:.]?[ ,-]*[0-9]{1,15}#?'
    '|(?:[ ,]*(?:x|#|~|int)|[ ]*,+)[:.]?[ ,-]*[0-9]{1,9}#?|[- ]+[0-9]{1,6}#)$', '', 'i');
  plain := case when short ~ '^\+*([- ().\[\]/~*]*[0-9]){3,}[- ().\[\]/~*]*$|^[0-9]{2}$' then short else plain end;
  return case when plain ~ '^\+*[-0-9 ().\[\]/~*]+$' then substring(plain from '^\+?') || regexp_replace(plain, '[^0-9]', '', 'g') end;
end $$;

-- The calling code that those digits begin with.
create function im.phone_country(digits text) returns text
language plpgsql immutable strict parallel safe as $$
declare
  code text;
begin
  for many in 1 .. 3 loop
    code := left(digits, many);
    if im.phone_plan(code) is not null then
      return code;
    end if;
  end loop;
  return null;
end $$;

-- The digits behind what is dialled in front of a number within its country: a trunk's 0, the code of a carrier.
create function im.phone_bare(plan jsonb, digits text) returns text
language plpgsql immutable strict parallel safe as $$
declare
  front text := '^(?:' || (plan ->> 2) || ')';
  whole text := '^(?:' || (plan ->> 4) || ')$';
  parts text[] := regexp_match(digits, front);
  bare text;
begin
  if parts is null then
    return digits;
  end if;
  bare := regexp_replace(digits, front, case when parts[cardinality(parts)] is null then '' else coalesce(plan ->> 3, '') end);
  return case when digits ~ whole and bare !~ whole then digits else bare end;
end $$;

-- The key of a telephone number, as E.164 has it; null for what is no number.
create function im.phone_key(typed text) returns text
language plpgsql immutable strict parallel safe as $$
declare
  china jsonb := im.phone_plan('86');
  whole text := '^(?:' || (china ->> 4) || ')$';
  digits text;
  country text;
  abroad boolean;
  plan jsonb;
  bare text;
begin
  if typed ~ '^(\+?86)?1([3-689][0-9]|7[0-8])[0-9]{8}$' then      -- what nearly everybody types: not one step more
    return '+86' || right(typed, 11);
  end if;
  digits := im.phone_digits(typed);
  abroad := digits like '+%';
  digits := ltrim(digits, '+');
  country := case when abroad then im.phone_country(digits) end;
  if country is null and digits ~ '^(00|1([12]\d|79)\d\d00)(?!0)' then         -- dialled abroad, by that carrier or any
    digits := regexp_replace(digits, '^(00|1([12]\d|79)\d\d00)', '');
    country := im.phone_country(digits);
  elsif country is null then
    country := case when not abroad then '86' end;       -- there is no such country
    bare := im.phone_bare(china, substring(digits from '^86(.+)$'));
    digits := '86' || case when length(digits) > 12 or digits !~ whole and bare ~ whole then coalesce(bare, digits) else digits end;
  end if;
  digits := substr(digits, length(country) + 1);
  plan := im.phone_plan(country);
  bare := im.phone_bare(plan, digits);
  if plan -> 0 @> to_jsonb(length(bare)) or length(bare) > (plan -> 0 ->> -1)::integer then
    digits := bare;
  end if;
  return case when (plan -> 0) || (plan -> 1) @> to_jsonb(length(digits)) then '+' || country || digits end;
end $$;

-- As it is typed, blanks, dashes and full width included; im.phone_key() is the number.
create domain im.phone text constraint phone_form
  check (value = '' or (length(value) <= 30 and normalize(value, nfkc) ~ '^ *\+? *[0-9][0-9 ().-]*$'
         and length(regexp_replace(normalize(value, nfkc), '[^0-9]', '', 'g')) between 7 and 17));

-- What a user name, or an e-mail address, is looked for by.
create function im.name_key(typed text) returns text
language plpgsql immutable strict parallel safe as $$
begin
  return btrim(im.fold(typed), e' \t\r\n');
end $$;
create domain im.image text constraint image_form
  check (value = '' or (length(value) <= 500 and value ~ '^(https?://|/file/download\?url=)[^[:space:][:cntrl:]<>"\\]+$'));
create domain im.sex smallint constraint sex_range check (value between 0 and 2);
create domain im.signature text constraint signature_length check (length(value) <= 100);
create domain im.remark text constraint remark_form
  check (octet_length(value) <= 600 and value !~ '[[:cntrl:]\u2028\u2029\u202a-\u202e\u2066-\u2069]');
create domain im.apply_info text constraint apply_info_length check (length(value) <= 100);
create domain im.reason text constraint reason_length check (length(value) <= 200);
create domain im.search_name text constraint search_name_length
  check (length(value) between 1 and 254 and value ~ '[^[:space:]]');
create domain im.search_box text constraint search_box_length check (length(value) <= 254);

create domain im.group_name im.one_line;
create domain im.group_notice text constraint group_notice_length check (length(value) <= 1000);
create domain im.top_message im.visible constraint top_message_length check (length(value) <= 500);
create domain im.mute_seconds integer constraint mute_seconds_range check (value between 1 and 31536000);

create domain im.content im.visible constraint content_length check (length(value) <= 4096);
create domain im.message_type smallint constraint message_type_range check (value between 1 and 6);
create domain im.client_msg_id text constraint client_msg_id_form check (value ~ '^[^[:cntrl:]]{1,64}$');
create domain im.online_status text constraint online_status_values check (value in ('ONLINE', 'BUSY', 'AWAY'));

create domain im.before_seq bigint constraint before_seq_range check (value between 0 and 9007199254740991);
create domain im.after_seq bigint constraint after_seq_range check (value between 0 and 9007199254740991);
create domain im.min_id bigint constraint min_id_range check (value between 0 and 9007199254740991);

create domain im.money numeric(18,2) constraint money_positive check (value > 0);

-- A moment as people write it: a day, or a second (im.moment_begin, im.moment_end).
create domain im.moment_from text constraint moment_from_form
  check (value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$');
create domain im.moment_to text constraint moment_to_form
  check (value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$');

-- Settings an operator may change at run time (imctl setting); read by im.setting_*().  What does not fit is refused.
create table im.setting (
  name text primary key,
  kind text not null constraint setting_kind check (kind in ('number', 'money', 'time', 'switch', 'version', 'url', 'text')),
  value text not null,
  least text,                           -- of a number, money or a time; of a text, characters, if anything
  most text,
  unit text not null default '',
  preset text not null,                 -- what it is until it is changed: the value that was inserted
  manual text not null default '',      -- the page that says what it does
  note text not null default '',
  constraint setting_ranged check (kind not in ('number', 'money', 'time') or (least is not null and most is not null))
);

create function im.setting_fits(it im.setting) returns boolean
language plpgsql immutable as $$
begin
  return case it.kind
    when 'number' then it.value ~ '^[0-9]{1,10}$' and it.value::integer between it.least::integer and it.most::integer
    when 'money' then it.value ~ '^[0-9]{1,12}([.][0-9]{1,2})?$' and it.value::numeric between it.least::numeric and it.most::numeric
    when 'time' then it.value::interval between it.least::interval and it.most::interval
    when 'switch' then it.value in ('on', 'off')
    when 'version' then it.value ~ '^([0-9]{1,9}([.][0-9]{1,9}){0,3})?$'
    when 'url' then it.value ~ '^(https?://[^[:space:][:cntrl:]]+)?$' and length(it.value) <= 2000
    else length(it.value) between coalesce(it.least::integer, 0) and coalesce(it.most::integer, 2000) end;
exception when data_exception then return false;        -- no time at all
end $$;

-- What its value should be.
create function im.setting_range(it im.setting) returns text
language plpgsql immutable as $$
begin
  return case it.kind
    when 'switch' then 'on or off'
    when 'version' then 'a version, such as 1.2.3'
    when 'url' then 'a URL, https:// or http://'
    else format('%s from %s to %s', case it.kind when 'money' then 'an amount' else 'a ' || it.kind end, it.least, it.most) end;
end $$;

create function im.setting_check() returns trigger
language plpgsql as $$
begin
  new.preset := coalesce(new.preset, new.value);
  if not im.setting_fits(new) then
    raise check_violation using message = format('%s is not %s: %s', new.name, im.setting_range(new), new.value);
  end if;
  return new;
end $$;
create trigger setting_check before insert or update on im.setting
  for each row execute function im.setting_check();

-- An update of nothing is one of a name that was misspelt.
create function im.setting_known() returns trigger
language plpgsql as $$
begin
  if not exists (select from changed) then
    raise no_data_found using message = 'no setting has that name: im.setting has all of them';
  end if;
  return null;
end $$;
create trigger setting_known after update on im.setting referencing new table as changed
  for each statement execute function im.setting_known();

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('login.captcha_after',         'number', '3',          '0',          '1000000',   'log-ins',   'auth(8)',    'failed log-ins of an account within the window before the captcha is required'),
  ('login.captcha_after_address', 'number', '30',         '0',          '1000000',   'log-ins',   'auth(8)',    'failed log-ins of an address within the window before the captcha is required'),
  ('login.lock_after',            'number', '20',         '1',          '1000000',   'log-ins',   'auth(8)',    'failed log-ins of an account from one address before it is locked for that address'),
  ('login.window',                'time',   '15 minutes', '1 second',   '30 days',   '',          'auth(8)',    'how long failed log-ins count'),
  ('captcha.ttl',                 'time',   '2 minutes',  '10 seconds', '1 hour',    '',          'session(8)', 'how long a captcha can be answered'),
  ('token.grace',                 'time',   '10 seconds', '0 seconds',  '5 minutes', '',          'session(8)', 'a refresh token may be used again for this long'),
  ('token.session_ttl',           'time',   '7 days',     '1 minute',   '3650 days', '',          'session(8)', 'a session not refreshed for this long is over'),
  ('trade.wrong_limit',           'number', '5',          '1',          '1000000',   'passwords', 'wallet(8)',  'wrong trade passwords before the lock'),
  ('trade.lock',                  'time',   '24 hours',   '1 second',   '365 days',  '',          'wallet(8)',  'how long the trade password stays locked'),
  ('blacklist.limit',             'number', '1000',       '0',          '1000000',   'accounts',  'friend(8)',  'entries in one blacklist'),
  ('group.member_limit',          'number', '10000',      '2',          '1000000',   'members',   'group(8)',   'members of a group'),
  ('group.owned_limit',           'number', '500',        '0',          '1000000',   'groups',    'group(8)',   'living groups one account may own'),
  ('group.invite_limit',          'number', '50',         '1',          '1000',      'friends',   'group(8)',   'friends invited in one call'),
  ('list.limit',                  'number', '10000',      '1',          '1000000',   'elements',  'group(8)',   'elements of a list that a client asks for without a page'),
  ('socket.limit',                'number', '10',         '1',          '1000',      'sockets',   'socket(8)',  'open sockets of one account; one more closes the oldest'),
  ('message.recall_window',       'time',   '2 minutes',  '0 seconds',  '365 days',  '',          'message(8)', 'a sender may recall for this long'),
  ('message.keep',                'time',   '36500 days', '1 day',      '36500 days', '',         'message(8)', 'how long a message is kept, with who has read it; files go when no message shows them'),
  ('reading.keep',                'time',   '36500 days', '1 day',      '36500 days', '',         'message(8)', 'how long it is kept when each member has read a message of a group; no longer than the message'),
  ('message.pull_limit',          'number', '1000',       '1',          '10000',     'messages',  'message(8)', 'messages in one answer of pullOfflineMessage'),
  ('backend.transaction_max',     'time',   '30 seconds', '1 second',   '1 hour',    '',          'imclerk(8)', 'a program''s transaction that lasts longer is ended, with its connection');

-- Jobs of imclerk that have failed: how often, and with what the last time.
create table im.due_failure (
  job text primary key,
  failures bigint not null default 1,
  error text not null,
  failed_at timestamptz not null default now()
);

-- Events of a transaction, written in it and published after its commit.  Whoever published a transaction's
-- events deletes its rows; what a crash leaves is published by imclerk.  A group event keeps the conversation
-- instead of 10,000 recipients; leave() finds the members, and of all recipients the sockets.
create table im.outbox (
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  recipients bigint[],         -- these, or else the members of the conversation
  conversation_id bigint,
  seq bigint,                 -- null: all present members; else those who joined before this message
  sockets bigint[],            -- instead of both: just these sockets
  everybody boolean not null default false,     -- instead of all three
  body text not null,         -- the whole frame: {"type": …, "data": {"event": …}}; '' closes the sockets
  writer text not null default session_user,   -- whose program publishes it
  seen pg_snapshot not null default pg_current_snapshot(),   -- which handshakes leave() could know of
  created_at timestamptz not null default now(),
  constraint outbox_pkey primary key (xid, id),
  constraint outbox_addressed check (num_nonnulls(recipients, conversation_id, sockets, nullif(everybody, false)) = 1)
) with (
  -- Every row lives for milliseconds: keep the table small enough to stay in memory.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000
);
