-- Backstage: files.

-- GET /im/file/list
--   admin_file_list(:me, :after, format?, page?, size?, sort?, order?, userId?, kind?, minSize?, startTime?, endTime?)
-- The files that people have uploaded, newest first; by fileSize the largest first.
-- Refuses: 403 without file.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_file_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_user im.id, of_kind im.file_kind, at_least im.file_size, first im.moment_from,
  last im.moment_to)
returns table (total text, id uuid, "fileName" text, kind text, "mimeType" text, "fileSize" bigint, "userId" bigint,
               username text, "messageCount" bigint, "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'file.read', 'im.file_list', '{id}', '{createTime,fileSize}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array['stored', im.list_is('userId', of_user::bigint), im.list_is('kind', of_kind::text),
          im.list_where('"fileSize" >= %L::bigint', at_least::bigint), im.list_from('createTime', first),
          im.list_until('createTime', last)], 'im.file_list_find');
end $$;

-- POST /im/file/remove  admin_file_remove(:me, id, reason?)
-- Nobody opens the file any more, no message and no profile has it; imclerk gives its quota back and removes its bytes, unless
-- a complaint keeps them.
-- Refuses: 403 without file.remove; 404 no such file
-- Writes: file, file_message, account, chat_group, audit, audit_head
-- Tells: nobody
create function api.admin_file_remove(me bigint, file uuid, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  f im.file;
begin
  perform im.permit(me, 'file.remove');
  select x.* into f from im.file x where x.id = file and x.stored for update;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such file to remove';
  end if;
  delete from im.file_message l where l.file_id = f.id;
  update im.account a set head_image = '' where im.file_named(a.head_image) = f.id;
  update im.chat_group g set group_avatar = '' where im.file_named(g.group_avatar) = f.id;
  update im.file x set stored = false, unused_since = now() where x.id = f.id;
  perform im.audit_write(me, 'file.remove', 'file ' || f.id,
    jsonb_build_object('userId', f.account_id, 'fileName', f.name, 'kind', f.kind, 'fileSize', f.size), '{"removed": true}', reason);
end $$;
