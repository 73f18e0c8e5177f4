-- The list of sensitive words, for the programs that filter text.

-- (programs, every second)  word_list(known)
-- No row while the list has that version; else every enabled word, or one row without a word when there is none.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.word_list(known bigint) returns table (version bigint, word text)
language plpgsql stable rows 1000 security definer set search_path = im, pg_temp as $$
begin
  return query
    select v.version, w.word::text
      from im.word_version v
      left join im.sensitive_word w on w.enabled
     where v.version <> known;
end $$;
