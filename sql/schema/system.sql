-- What clients are told of this server, and complaints: what they are about is kept as it was at that time, so that whoever
-- decides sees it, whatever happened to it later.

create domain im.complaint_target smallint constraint complaint_target_range check (value between 1 and 2);
create domain im.complaint_reason text constraint complaint_reason_length
  check (length(value) between 1 and 200 and value ~ '[^[:space:]]');
create domain im.complaint_description text constraint complaint_description_length check (length(value) <= 2000);
create domain im.complaint_images text[] constraint complaint_images_range
  check (cardinality(value) <= 9 and array_position(value, null) is null);
create domain im.complaint_act smallint constraint complaint_act_range check (value between 1 and 4);
create domain im.complaint_summary text constraint complaint_summary_length check (length(value) between 1 and 1000);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('client.version',      'version', '',      null, null,      '',           'system(8)', 'the newest version of the client, as /system/config says; empty: that of the server'),
  ('client.min_version',  'version', '0.0.0', null, null,      '',           'system(8)', 'the oldest version of the client that still works'),
  ('client.download_url', 'url',     '',      null, null,      '',           'system(8)', 'where the client is to be had'),
  ('register.open',       'switch',  'on',    null, null,      '',           'system(8)', 'off: nobody registers by himself'),
  ('complaint.day_limit', 'number',  '10',    '0',  '1000000', 'complaints', 'system(8)', 'complaints that one account may make within 24 hours');

create table im.complaint (
  id bigint generated always as identity constraint complaint_pkey primary key,
  complainer_id bigint not null references im.account,
  target_type im.complaint_target not null,      -- 1 a user, 2 a group
  target_id bigint not null,
  reason im.complaint_reason not null,
  description im.complaint_description not null default '',
  created_at timestamptz not null default now(),
  -- The target as it was: nick name, picture and signature of a user; name, picture and notice of a group.
  target_name text not null,
  target_image text not null,
  target_text text not null,
  -- The message complained about, as it was; null when it is about none.
  message_id bigint,
  message_sender_id bigint,
  message_type smallint,
  message_content text,                          -- '' when it had been recalled before
  message_sent_at timestamptz,
  -- What was decided; null while it is open.
  resolved_at timestamptz,
  resolved_by bigint references im.admin,
  resolved_type smallint constraint complaint_resolved_values check (resolved_type between 1 and 4),
  summary im.complaint_summary,
  constraint complaint_message check (num_nulls(message_id, message_sender_id, message_type, message_content, message_sent_at) in (0, 5)),
  constraint complaint_resolved check (num_nulls(resolved_at, resolved_by, resolved_type, summary) in (0, 4)),
  constraint "complaint_targetId_i0400" check (target_type <> 1 or target_id <> complainer_id)
);
create index complaint_open on im.complaint (id desc) where resolved_at is null;
create index complaint_created on im.complaint (created_at, id);
create index complaint_target on im.complaint (target_type, target_id, id desc);
create index complaint_complainer on im.complaint (complainer_id, created_at desc);
create index complaint_decided on im.complaint (resolved_type, id desc) where resolved_at is not null;

-- Files that a complaint holds: they stay as long as it does, whoever else lets go of them.
create table im.complaint_file (
  complaint_id bigint not null references im.complaint,
  file_id uuid not null references im.file,
  part text not null constraint complaint_file_values check (part in ('image', 'message', 'target')),
  constraint complaint_file_pkey primary key (complaint_id, file_id, part)
);
create index complaint_file_file on im.complaint_file (file_id);

-- What is complained about, and that it was, does not change; it is decided once.
create function im.complaint_once() returns trigger
language plpgsql as $$
begin
  if old.resolved_at is not null
     or to_jsonb(new) - '{resolved_at,resolved_by,resolved_type,summary}'::text[]
        <> to_jsonb(old) - '{resolved_at,resolved_by,resolved_type,summary}'::text[] then
    raise check_violation using message = 'a complaint changes only by its decision', constraint = 'complaint_once';
  end if;
  return new;
end $$;
create trigger complaint_once before update on im.complaint
  for each row execute function im.complaint_once();
