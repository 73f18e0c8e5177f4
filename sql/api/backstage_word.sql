-- Backstage: sensitive words.  The programs see a change within two seconds (word.sql).

-- GET /im/sensitiveWord/list
--   admin_word_list(:me, :after, format?, page?, size?, sort?, order?, word?, enabled?)
-- The words, newest first; csv is the export.
-- Refuses: 403 without word.read; 400 sort
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_word_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, has im.list_text, is_enabled boolean)
returns table (total text, id bigint, word text, enabled boolean, "createTime" timestamptz, "updateTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'word.read', 'im.word_list', '{id}', '{id,updateTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_where('strpos(folded, %L) > 0', im.fold(has)), im.list_is('enabled', is_enabled)], 'im.word_find');
end $$;

-- POST /im/sensitiveWord/add  admin_word_add(:me, word, enabled?)
-- A new word; in force unless enabled is false.
-- Refuses: 403 without word.write; 400 word: there already, or without a letter or digit
-- Writes: sensitive_word, word_version, audit, audit_head
-- Tells: nobody
create function api.admin_word_add(me bigint, word im.word, enabled boolean) returns table (id bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  new_id bigint;
begin
  perform im.permit(me, 'word.write');
  perform im.word_check(word);
  insert into im.sensitive_word as w (word, enabled) values (admin_word_add.word, coalesce(admin_word_add.enabled, true))
  returning w.id into new_id;
  perform im.audit_write(me, 'word.write', 'word ' || new_id, null,
    jsonb_build_object('word', word, 'enabled', coalesce(enabled, true)), null);
  return query select new_id;
end $$;

-- POST /im/sensitiveWord/update  admin_word_update(:me, id, word?, enabled?)
-- Writes a word otherwise, or lets it be in force or not.
-- Refuses: 403 without word.write; 404 no such word; 400 word: as of add
-- Writes: sensitive_word, word_version, audit, audit_head
-- Tells: nobody
create function api.admin_word_update(me bigint, word_id im.id, word im.word, enabled boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.word_change(me, word_id, word, enabled);
end $$;

-- POST /im/sensitiveWord/enable  admin_word_enable(:me, id, enabled)
-- A word is in force or not.
-- Refuses: 403 without word.write; 404 no such word; 400 enabled
-- Writes: sensitive_word, word_version, audit, audit_head
-- Tells: nobody
create function api.admin_word_enable(me bigint, word_id im.id, enabled boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.word_change(me, word_id, null, enabled);
end $$;

-- POST /im/sensitiveWord/delete  admin_word_delete(:me, ids)
-- Takes words away, up to a thousand at once; one that is not there is passed over.  Answers how many it were.
-- Refuses: 403 without word.write; 400 ids
-- Writes: sensitive_word, word_version, audit, audit_head
-- Tells: nobody
create function api.admin_word_delete(me bigint, ids im.find_ids) returns table (deleted bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  gone jsonb;
begin
  perform im.permit(me, 'word.write');
  with w as (delete from im.sensitive_word s where s.id = any (ids) returning s.id, s.word)
  select coalesce(jsonb_agg(w.word order by w.id), '[]') into gone from w;
  if gone <> '[]' then
    perform im.audit_write(me, 'word.write', 'words', jsonb_build_object('deleted', gone), null, null);
  end if;
  return query select jsonb_array_length(gone)::bigint;
end $$;

-- POST /im/sensitiveWord/import  admin_word_import(:me, text, force?)
-- Reads a list, a word a line, as imctl word import does, and answers what became of its lines.
-- Refuses: 403 without word.write; 400 text
-- Writes: sensitive_word, word_version, audit, audit_head
-- Tells: nobody
create function api.admin_word_import(me bigint, list im.word_lines, forced boolean)
returns table (what text, lines bigint, example text)
language plpgsql rows 10 security definer set search_path = im, pg_temp as $$
declare
  told jsonb;
begin
  perform im.permit(me, 'word.write');
  select coalesce(jsonb_agg(i), '[]') into told from im.word_import(convert_to(list, 'UTF8'), coalesce(forced, false)) i;
  perform im.audit_write(me, 'word.write', 'words', null, jsonb_build_object('imported', told), null);
  return query
    select t.row->>'what', (t.row->>'lines')::bigint, coalesce(t.row->>'for example', '')
      from jsonb_array_elements(told) with ordinality t(row, n) order by t.n;
end $$;

-- GET /im/sensitiveWord/hit/list
--   admin_word_hit_list(:me, :after, format?, page?, size?, sort?, order?, word, startTime?, endTime?)
-- Messages that a word would have starred out or refused, newest first; of the last seven days unless asked otherwise.
-- Refuses: 403 without message.read; 400 sort, startTime, endTime, word (less than two letters or digits)
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_word_hit_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, word im.word, first im.moment_from, last im.moment_to)
returns table (total text, id bigint, "conversationId" bigint, seq bigint, "senderId" bigint, "senderName" text, "receiverId" bigint,
               "groupId" bigint, content text, "messageType" integer, "sendTime" timestamptz, "isRecalled" boolean)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.message_list_query(me, (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_until('sendTime', last),
          im.list_from('sendTime', coalesce(first, case when last is null then to_char(now() - interval '7 days', 'YYYY-MM-DD HH24:MI:SS') end))],
    im.search_hit(word));
end $$;
