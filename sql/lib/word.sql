-- Lists of sensitive words that are read in.  Such lists are made by hand for many uses: what would star out half of all
-- that is said, or never be found, is left, and told.

-- What becomes of a line, and the word in it.  null of a blank one.
create or replace function im.word_read(line text, forced boolean, out verdict text, out word text)
returns record
language plpgsql immutable as $$
declare
  blank constant text := e' \t\r\v\f\u00a0\u200b\u3000\ufeff';
  letters integer;
begin
  word := rtrim(rtrim(btrim(line, blank), ',，;；、|'), blank);
  letters := length(regexp_replace(im.fold(word), '[^[:alnum:]]', '', 'g'));
  verdict := case
    when word = '' and btrim(line, blank) = '' then null
    when word ~ '^(#|//|--)' then 'left: a comment'
    when word ~* '^https?://|^www\.|^[a-z0-9.-]+\.[a-z]{2,}(/.*)?$' then 'left: a web address'
    when word ~ '[[:cntrl:]]' then 'left: several columns, or a control character'
    when word ~ '[,，;；、|]' then 'left: several words in a line'
    when word ~ '[^+＋[:space:]][[:space:]]*[+＋][[:space:]]*[^+＋[:space:]]' then 'left: words that count together (A+B)'
    when length(word) > 50 then 'left: more than 50 characters'
    when letters = 0 then 'left: no letter or digit'
    when letters = 1 and not forced then 'left: one letter or digit (--force takes it)'
    else 'taken'
  end;
end $$;

-- Reads a list, UTF-8 with a word a line.  Says what became of its lines, how many, and the first three.  convert_from()
-- answers in collation C, by the name of the encoding, and in that no Han character is a letter.
create or replace function im.word_import(list bytea, forced boolean)
returns table (what text, lines bigint, "for example" text)
language plpgsql as $$
begin
  return query
    with found as materialized (
      select r.verdict, r.word, l.number,
             row_number() over (partition by r.verdict, im.fold(r.word) order by l.number) as again
        from regexp_split_to_table(convert_from(list, 'UTF8') collate "default", '\n') with ordinality l(line, number),
             im.word_read(l.line, forced) r
       where r.verdict is not null),
    added as (
      insert into im.sensitive_word (word)
      select f.word from found f where f.verdict = 'taken' and f.again = 1 order by f.number
      on conflict do nothing
      returning word_key as key),
    told as (
      select case when f.verdict <> 'taken' then f.verdict
                  when f.again = 1 and exists (select from added a where a.key = im.fold(f.word)) then 'taken'
                  else 'there already' end as verdict,
             f.word, f.number
        from found f)
    select t.verdict, count(*), left(string_agg(left(t.word, 20), ' / ' order by t.number) filter (where t.place <= 3), 70)
      from (select x.*, row_number() over (partition by x.verdict order by x.number) as place from told x) t
     group by t.verdict
     order by t.verdict like 'left%', t.verdict like 'there%', count(*) desc;
end $$;

-- What the filter could never find is no word.  Refuses 400 word.
create or replace function im.word_check(word text) returns void
language plpgsql immutable as $$
begin
  if im.search_text(word) = '' then
    raise sqlstate 'I0400' using message = 'word', hint = 'a sensitive word has no letter or digit';
  end if;
end $$;

-- A word is written otherwise, or in force or not; what is null stays.  Refuses 403 without word.write, 404, 400 word.
create or replace function im.word_change(admin bigint, word_id bigint, new_word text, on_or_off boolean) returns void
language plpgsql as $$
declare
  was im.sensitive_word;
begin
  perform im.permit(admin, 'word.write');
  select * into was from im.sensitive_word w where w.id = word_id for update;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such sensitive word to change';
  end if;
  perform im.word_check(coalesce(new_word, was.word));
  update im.sensitive_word w set word = coalesce(new_word, w.word), enabled = coalesce(on_or_off, w.enabled), updated_at = now()
   where w.id = word_id;
  perform im.audit_write(admin, 'word.write', 'word ' || word_id, jsonb_build_object('word', was.word, 'enabled', was.enabled),
    jsonb_build_object('word', coalesce(new_word, was.word), 'enabled', coalesce(on_or_off, was.enabled)), null);
end $$;
