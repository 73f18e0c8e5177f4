-- Notices: what the house says to everybody or to some, kept until whoever is meant has it.

create domain im.notice_title text constraint notice_title_form
  check (length(value) between 1 and 100 and value ~ '[^[:space:]]');
create domain im.notice_content text constraint notice_content_form
  check (length(value) between 1 and 2000 and value ~ '[^[:space:]]');
create domain im.template_name text constraint template_name_form check (value ~ '^[^[:cntrl:]]{1,50}$' and value ~ '[^[:space:]]');
create domain im.notice_kind text constraint notice_kind_values check (value in ('NOTICE', 'COMPLAINT', 'WARN', 'MUTE', 'SECURITY'));
create domain im.notice_groups bigint[] constraint notice_groups_range
  check (cardinality(value) between 1 and 20 and array_position(value, null) is null
         and 1 <= all (value) and 9007199254740991 >= all (value));
create domain im.moment_at text constraint moment_at_form
  check (value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$');
create domain im.notice_seq bigint constraint notice_seq_range check (value between 1 and 9007199254740991);

create table im.notice_template (
  id bigint generated always as identity constraint notice_template_pkey primary key,
  name im.template_name not null,
  title im.notice_title not null,          -- both may have places to fill in: {name}
  content im.notice_content not null,
  admin_id bigint not null references im.admin,     -- who changed it last
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index notice_template_name_i1004 on im.notice_template (lower(name));

create table im.notice (
  id bigint generated always as identity constraint notice_pkey primary key,
  seq bigint constraint notice_seq unique, -- its number among those sent, in the order of their commits; null until then
  kind im.notice_kind not null,            -- three are made by deciding complaints (lib/complaint.sql), SECURITY by what befalls an account
  title im.notice_title not null,
  content im.notice_content not null,
  everybody boolean not null,              -- whoever has an account when it is sent
  user_ids bigint[],                       -- or these
  group_ids bigint[],                      -- and the members of these
  admin_id bigint references im.admin,
  created_at timestamptz not null default now(),
  send_at timestamptz not null default now(),
  sent_at timestamptz,
  cancelled_at timestamptz,
  recipients bigint,                       -- of how many, when it was sent
  constraint notice_sent check ((sent_at is null) = (seq is null) and (sent_at is null) = (recipients is null)
                                and num_nulls(sent_at, cancelled_at) > 0)
);
create index notice_waiting on im.notice (send_at) where sent_at is null and cancelled_at is null;
create index notice_everybody on im.notice (seq) where everybody;
create index notice_kind on im.notice (kind, id);
create index notice_created on im.notice (created_at, id);
create index notice_old on im.notice (sent_at) where sent_at is not null;

-- The newest numbers, one row: whoever sends holds it, so that numbers are in the order of commits, and whoever asks
-- whether there is a notice compares his account's with one of them.
create table im.notice_head (
  one boolean constraint notice_head_pkey primary key default true constraint notice_head_one check (one),
  seq bigint not null default 0,
  everybody bigint not null default 0      -- the newest notice to everybody
) with (fillfactor = 10);
insert into im.notice_head default values;

-- Who has still to get a notice that is not for everybody; the row goes when he has it.
create table im.notice_due (
  account_id bigint not null references im.account,
  seq bigint not null references im.notice (seq) on delete cascade,
  constraint notice_due_pkey primary key (account_id, seq)
);
create index notice_due_seq on im.notice_due (seq);

-- Who has got one that was not for everybody, as long as it is kept; who has one for everybody is known by account.notice_seen.
create table im.notice_got (
  seq bigint not null references im.notice (seq) on delete cascade,
  account_id bigint not null references im.account,
  got_at timestamptz not null default now(),
  constraint notice_got_pkey primary key (seq, account_id)
);
create index notice_got_account on im.notice_got (account_id);

-- Whoever registers gets none of those before.
create function im.notice_newest() returns bigint
language plpgsql stable as $$
begin
  return (select h.everybody from im.notice_head h);
end $$;
alter table im.account alter column notice_seen set default im.notice_newest();

-- What was sent stays as it was.
create function im.notice_once() returns trigger
language plpgsql as $$
begin
  if old.sent_at is not null or old.cancelled_at is not null then
    raise sqlstate 'I9001' using hint = 'the notice was sent or cancelled';
  end if;
  return new;
end $$;
create trigger notice_once before update on im.notice
  for each row execute function im.notice_once();

-- A notice as clients see it, in answers and, with "event", in frames.
create view im.notice_shown as
  select n.seq, n.kind::text, n.title::text, n.content::text, n.sent_at as "sendTime" from im.notice n;

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('notice.keep', 'time', '180 days', '1 minute',  '36500 days', '', 'message(8)', 'how long a notice waits for those who have not got it');
