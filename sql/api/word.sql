-- The sensitive words, for the programs that filter by them.

-- (programs)  word_version()
-- Changes whenever a word does.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.word_version() returns bigint
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  return (select v.version from im.word_version v);
end $$;

-- (programs)  word_list()
-- The words in force, with the version they are.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.word_list() returns table (version bigint, word text)
language plpgsql stable rows 1000 security definer set search_path = im, pg_temp as $$
begin
  return query
    select v.version, w.word::text from im.word_version v left join im.sensitive_word w on w.enabled;
end $$;
