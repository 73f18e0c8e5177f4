-- Sensitive words.  The programs keep them in memory and look at the version every second or two.

create domain im.word text constraint word_form check (value ~ '^[^[:cntrl:]]{1,50}$' and value ~ '[^[:space:]]');

create table im.sensitive_word (
  id bigint generated always as identity constraint sensitive_word_pkey primary key,
  word im.word not null,
  word_key text not null generated always as (im.fold(word)) stored,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index sensitive_word_word_i0400 on im.sensitive_word (word_key);

create table im.word_version (
  version bigint not null,
  one boolean not null default true constraint word_version_pkey primary key constraint word_version_one check (one)
);
insert into im.word_version (version) values (1);

create function im.word_changed() returns trigger
language plpgsql as $$
begin
  update im.word_version set version = version + 1;
  return null;
end $$;
create trigger word_changed after insert or update or delete or truncate on im.sensitive_word
  for each statement execute function im.word_changed();

create domain im.word_lines text constraint word_lines_length check (length(value) between 1 and 65536);
