-- Internal functions about files: their urls, who may read them, which messages hold them, when their bytes go.

-- :url is where clients reach the chat API (IM_URL), empty when urls are given out without it.
\if :{?url}
\else
  \set url ''
\endif
insert into im.file_base (url) values (:'url') on conflict (url) do update set since = clock_timestamp();

-- The url of a file as it is given out; part is '', '/thumb' or '/original'.
create or replace function im.file_url(id uuid, part text) returns text
language plpgsql stable as $$
begin
  return (select b.url from im.file_base b order by b.since desc limit 1) || '/file/download?url=' || id || part;
end $$;

-- The id in a url that we have given out, or in what its query says: nothing but that, with one of our own beginnings.
create or replace function im.file_id(url text) returns uuid
language plpgsql stable as $$
declare
  path constant text := '/file/download?url=';
  rest text := url;
begin
  if url ~ '^(/|https?://)' then
    select substr(file_id.url, length(b.url) + length(path) + 1) into rest
      from (select b.url from im.file_base b union select '') b
     where starts_with(file_id.url, b.url || path) limit 1;
  end if;
  return substring(rest from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/thumb|/original)?$')::uuid;
end $$;

-- The name with the ending of that kind of picture.
create or replace function im.file_name_as(name text, ending text) returns text
language plpgsql immutable as $$
begin
  if lower(substring(name from '\.([^.]*)$')) in (ending, replace(ending, 'jpeg', 'jpg')) then
    return name;
  end if;
  return regexp_replace(name, '\.[^.]*$', '') || '.' || replace(ending, 'jpeg', 'jpg');
end $$;

-- Whether a profile or a group shows it.
create or replace function im.file_shown(file uuid) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.account a where im.file_named(a.head_image) = file)
      or exists (select from im.chat_group g where im.file_named(g.group_avatar) = file);
end $$;

-- Who may read a file: its uploader, everybody while a profile or a group shows it, and who is where a message holds it
-- that he can see.
create or replace function im.file_readable(me bigint, f im.file) returns boolean
language plpgsql stable as $$
begin
  return f.stored and (
    f.account_id = me
    or exists (select from im.file_message l
                 join im.member b on b.conversation_id = l.conversation_id and b.account_id = me and b.left_at is null
                  and b.joined_seq < l.seq
                 join im.conversation c on c.id = l.conversation_id and c.closed is distinct from 'dissolved'
                where l.file_id = f.id)
    or im.file_shown(f.id));
end $$;

-- A file of that url which the account may read.  Refuses 404, for a foreign one as for none.
create or replace function im.file_find(me bigint, url text) returns im.file
language plpgsql stable as $$
declare
  f im.file;
begin
  select * into f from im.file x where x.id = im.file_id(url);
  if f.id is null or not im.file_readable(me, f) then
    raise sqlstate 'I0404' using hint = 'no such file, or not for the caller';
  end if;
  return f;
end $$;

-- The account's own picture of that url, whoever's url it pretends to be.  Refuses 404 and the field.
create or replace function im.file_own_image(me bigint, url text, field text) returns uuid
language plpgsql stable as $$
declare
  file uuid := (select f.id from im.file f
                 where f.id = im.file_id(url) and f.account_id = me and f.kind = 'image' and f.stored);
begin
  if file is null then
    raise sqlstate 'I0404' using message = field, hint = 'no stored image of the caller has this url';
  end if;
  return file;
end $$;

-- A profile or a group is to show another picture than before: everybody may read it then, so one of ours must be the
-- account's own.  Refuses 404 and the field.
create or replace function im.file_show(me bigint, before text, after text, field text) returns void
language plpgsql as $$
begin
  if after is null or after is not distinct from before then
    return;
  elsif im.file_named(after) is not null then
    update im.file f set unused_since = null where f.id = im.file_own_image(me, after, field);
  end if;
  update im.file f set unused_since = now()
   where f.id = im.file_named(before)
     and not exists (select from im.file_message l where l.file_id = f.id);
end $$;

-- The files that a message names, each by a url of ours that stands alone or in quotes; JSON may write a slash as \/.
-- Refuses 404 content when the sender may not read one.
create or replace function im.file_link(sender bigint, conversation bigint, message_seq bigint, content text) returns void
language plpgsql as $$
declare
  plain text := replace(content, '\/', '/');
  found_url text;
  f im.file;
begin
  if strpos(plain, '/file/download?url=') = 0 then
    return;
  end if;
  for found_url in
    select distinct m[1] from regexp_matches(plain, '(?:^|["\s])([^"\s]*/file/download\?url=[0-9a-f/a-z-]+)(?=$|["\s])', 'g') m
  loop
    if im.file_id(found_url) is null then
      continue;    -- of another server: a text like any other
    end if;
    begin
      f := im.file_find(sender, found_url);
    exception when sqlstate 'I0404' then
      raise sqlstate 'I0404' using message = 'content', hint = 'the message names a file that its sender may not read';
    end;
    insert into im.file_message (file_id, conversation_id, seq) values (f.id, conversation, message_seq)
    on conflict do nothing;
  end loop;
end $$;

-- A file is in use from its first message on, and no longer when its last is gone.
create or replace function im.file_message_count() returns trigger
language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update im.file f set unused_since = null where f.id = new.file_id and f.unused_since is not null;
  else
    update im.file f set unused_since = now()
     where f.id = old.file_id and f.unused_since is null
       and not exists (select from im.file_message l where l.file_id = f.id);
  end if;
  return null;
end $$;
create or replace trigger file_message_count after insert or delete on im.file_message
  for each row execute function im.file_message_count();

-- --- bytes ---

create or replace function im.blob_name(blob bigint) returns text
language plpgsql stable as $$
begin
  return (select b.hash || '-' || b.id from im.blob b where b.id = blob);
end $$;

-- The row of these bytes, held so that it does not go before the transaction is over.
create or replace function im.blob_hold(bytes_hash im.file_hash, bytes_size bigint) returns bigint
language plpgsql as $$
declare
  held bigint;
begin
  if bytes_hash is not null then
    insert into im.blob (hash, size) values (bytes_hash, bytes_size)
    on conflict (hash) do update set size = excluded.size
    returning id into held;
  end if;
  return held;
end $$;

-- Deletes those of the rows that no file has any more; imclerk removes their bytes.
create or replace function im.blob_release(blobs bigint[]) returns void
language plpgsql as $$
begin
  perform from im.blob b where b.id = any (blobs) order by b.id for update;
  -- A statement of its own sees what was committed before the locks were there.
  with gone as (
    delete from im.blob b
     where b.id = any (blobs)
       and not exists (select from im.file f where f.blob_id = b.id)
       and not exists (select from im.file f where f.thumb_id = b.id)
       and not exists (select from im.file f where f.original_id = b.id)
    returning b.hash || '-' || b.id as name)
  insert into im.blob_gone (name) select g.name from gone g;
end $$;

-- Deletes files that nobody shows any more and no complaint keeps, and those whose upload came to nothing.
create or replace function im.due_file() returns bigint
language plpgsql as $$
declare
  cutoff timestamptz := now() - im.setting_interval('file.unused_ttl');
  due uuid[];
  blobs bigint[];
begin
  due := array(
    select f.id from im.file f
     where f.unused_since < now() - interval '1 minute' and (f.unused_since < cutoff or not f.stored)
     order by f.unused_since limit 200 for update skip locked);
  if due = '{}' then
    return 0;
  end if;
  update im.file f set unused_since = null
   where f.id = any (due)
     and (exists (select from im.file_message l where l.file_id = f.id) or im.file_shown(f.id)
          or exists (select from im.complaint_file c where c.file_id = f.id));
  with gone as (
    delete from im.file f where f.id = any (due) and f.unused_since is not null returning *),
  used as (
    update im.file_usage u set bytes = u.bytes - s.bytes
      from (select g.account_id, sum(g.size) as bytes from gone g group by 1) s
     where u.account_id = s.account_id)
  select array_agg(b) into blobs from gone g, unnest(array[g.blob_id, g.thumb_id, g.original_id]) b where b is not null;
  perform im.blob_release(blobs);
  return cardinality(due);
end $$;
