-- Sensitive words.  Programs keep the enabled ones in memory and ask every second whether the list has changed.

create domain im.word_text as text
  constraint word_length check (char_length(value) between 1 and 50)
  constraint word_visible check (value ~ '[[:alnum:]]');

create table im.word (
  id bigint generated always as identity constraint word_pkey primary key,
  word im.word_text not null,
  enabled boolean not null default true,
  created_at timestamptz not null default now()
);
create unique index "word_word_i0400" on im.word (lower(normalize(word, nfkc)));

-- One row: which list this is.  Raised by every statement that changes im.word, in its transaction; the row's lock
-- makes list changes take turns.
create table im.word_version (
  version bigint not null,
  only_row boolean not null default true constraint word_version_one primary key check (only_row)
);
insert into im.word_version (version) values (0);

create function im.word_changed() returns trigger
language plpgsql as $$
begin
  update im.word_version set version = version + 1;
  return null;
end $$;
create trigger word_changed after insert or update or delete or truncate on im.word
  for each statement execute function im.word_changed();
