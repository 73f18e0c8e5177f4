-- The list of sensitive words, for the programs that filter text.

-- (programs, every second)  word_list(known, after, most)
-- No row while the list has that version; else enabled words, so many of those after an id, or one row without a word when
-- there are no more.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.word_list(known bigint, after bigint default 0, most integer default null)
returns table (version bigint, id bigint, word text)
language plpgsql stable rows 1000 security definer set search_path = im, pg_temp as $$
begin
  return query
    select v.version, w.id, w.word::text
      from im.word_version v
      left join lateral (select s.id, s.word from im.sensitive_word s
                          where s.enabled and s.id > after order by s.id limit most) w on true
     where v.version <> known;
end $$;
