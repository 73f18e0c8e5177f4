-- Files: what was uploaded, where its bytes are, and which messages hold it.

create domain im.file_name text constraint file_name_length check (length(value) between 1 and 255);
create domain im.file_url text constraint file_url_length check (length(value) between 1 and 500);
create domain im.file_kind text constraint file_kind_values check (value in ('image', 'voice', 'video', 'file'));
create domain im.file_size bigint constraint file_size_range check (value between 0 and 9007199254740991);
create domain im.file_hash text constraint file_hash_form check (value ~ '^[0-9a-f]{64}$');

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('file.image_mib',    'number', '20',        '1',        '100',        'MiB',    'file(8)', 'size of a picture'),
  ('file.voice_mib',    'number', '20',        '1',        '100',        'MiB',    'file(8)', 'size of a voice message'),
  ('file.video_mib',    'number', '100',       '1',        '100',        'MiB',    'file(8)', 'size of a video'),
  ('file.file_mib',     'number', '100',       '1',        '100',        'MiB',    'file(8)', 'size of any other file; none can be larger than nginx lets through, 100'),
  ('file.image_pixels', 'number', '100000000', '1',        '1000000000', 'pixels', 'file(8)', 'pixels of a picture, all its frames together'),
  ('file.quota_mib',    'number', '5120',      '0',        '1000000000', 'MiB',    'file(8)', 'size of all files of one account together'),
  ('file.unused_ttl',   'time',   '1 day',     '1 minute', '36500 days', '',       'file(8)', 'a file that no message and no profile shows is kept for this long');

-- Every beginning that a url has been given out with; the latest is the present one.
create table im.file_base (
  url text constraint file_base_pkey primary key,
  since timestamptz not null default clock_timestamp()
);

-- The bytes: content-addressed, so the same bytes are kept once.  They lie in the store as hash-id: an id is never used
-- again, so whoever removes the bytes of a row that is gone cannot meet those of an upload that comes.
create table im.blob (
  id bigint generated always as identity constraint blob_pkey primary key,
  hash im.file_hash not null constraint blob_hash unique,
  size bigint not null
);

-- Bytes whose row is gone, until imclerk has removed them.
create table im.blob_gone (
  name text constraint blob_gone_pkey primary key
);

create table im.file (
  id uuid constraint file_pkey primary key default gen_random_uuid(),
  account_id bigint not null references im.account,
  kind im.file_kind not null,
  name im.file_name not null,
  mime text not null,                      -- by its content
  blob_id bigint not null references im.blob,
  thumb_id bigint references im.blob,      -- a JPEG or WebP picture of at most 320 pixels
  thumb_mime text,
  original_id bigint references im.blob,   -- what blob_id is a JPEG of, where browsers do not show the original
  original_mime text,
  width integer,
  height integer,
  duration numeric(12,3),                  -- seconds; null when the recording does not say
  size bigint not null,                    -- of all its bytes: what counts against the quota
  stored boolean not null default false,   -- its bytes are on disk: before that nobody sees it
  created_at timestamptz not null default now(),
  unused_since timestamptz default now()   -- null while a message or a profile shows it
);
create index file_account on im.file (account_id);
create index file_size on im.file (size, id) where stored;
create index file_created on im.file (created_at, id) where stored;
create index file_kind on im.file (kind, created_at, id) where stored;
create index file_unused on im.file (unused_since) where unused_since is not null;
create index file_blob on im.file (blob_id);
create index file_thumb on im.file (thumb_id) where thumb_id is not null;
create index file_original on im.file (original_id) where original_id is not null;

-- How much of its quota an account has used; the row's lock lets two uploads not pass where one fits.
create table im.file_usage (
  account_id bigint constraint file_usage_pkey primary key references im.account,
  bytes bigint not null constraint file_usage_positive check (bytes >= 0)
);

-- Which messages hold which file; the link goes with the message, and with its recall.
create table im.file_message (
  file_id uuid not null references im.file,
  conversation_id bigint not null,
  seq bigint not null,
  constraint file_message_pkey primary key (file_id, conversation_id, seq),
  constraint file_message_message foreign key (conversation_id, seq) references im.message on delete cascade
);
create index file_message_place on im.file_message (conversation_id, seq);

-- The id in a text that has the form of our url, whoever's it is.
create function im.file_named(url text) returns uuid
language plpgsql immutable strict parallel safe as $$
begin
  return substring(url from '/file/download\?url=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})')::uuid;
end $$;
create index account_head_image on im.account (im.file_named(head_image)) where im.file_named(head_image) is not null;
create index chat_group_avatar on im.chat_group (im.file_named(group_avatar)) where im.file_named(group_avatar) is not null;
