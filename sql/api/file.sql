-- Files: upload and download.

-- POST /file/upload, /image/upload, /video/upload  file_room(:me)
-- What the account may upload: bytes left of its quota, the greatest size of each kind in bytes, and pixels.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.file_room(me bigint)
returns table (room bigint, image bigint, voice bigint, video bigint, file bigint, pixels bigint)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
declare
  mib constant bigint := 1048576;
begin
  return query
    select im.setting_int('file.quota_mib') * mib
             - coalesce((select u.bytes from im.file_usage u where u.account_id = me), 0),
           im.setting_int('file.image_mib') * mib, im.setting_int('file.voice_mib') * mib,
           im.setting_int('file.video_mib') * mib, im.setting_int('file.file_mib') * mib,
           im.setting_int('file.image_pixels')::bigint;
end $$;

-- (upload, once the bytes have been examined)  file_add(:me, :name, :kind, :mime, :hash, :size, :thumbHash?, :thumbSize?,
--   :thumbMime?, :originalHash?, :originalSize?, :originalMime?, :width?, :height?, :milliseconds?)
-- Notes a file and counts it against the quota; answers where its bytes have to be put.  Nobody sees it yet.
-- Refuses: 7001 the quota is used up
-- Writes: blob, file, file_usage
-- Tells: nobody
create function api.file_add(me bigint, name im.file_name, kind text, mime text, hash im.file_hash, size bigint,
                             thumb_hash im.file_hash, thumb_size bigint, thumb_mime text,
                             original_hash im.file_hash, original_size bigint, original_mime text,
                             width integer, height integer, milliseconds integer)
returns table (id uuid, bytes text, thumb text, original text)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  all_bytes bigint := file_add.size + coalesce(thumb_size, 0) + coalesce(original_size, 0);
  used bigint;
  f im.file;
begin
  insert into im.file_usage as u (account_id, bytes) values (me, all_bytes)
  on conflict (account_id) do update set bytes = u.bytes + excluded.bytes
  returning u.bytes into used;
  if used > im.setting_int('file.quota_mib') * 1048576::bigint then
    raise sqlstate 'I7001' using message = 'quota', hint = 'the quota of the account is used up';
  end if;
  insert into im.file (account_id, kind, name, mime, blob_id, thumb_id, thumb_mime, original_id, original_mime,
                       width, height, duration, size)
  values (me, file_add.kind, file_add.name, file_add.mime, im.blob_hold(file_add.hash, file_add.size),
          im.blob_hold(thumb_hash, thumb_size), file_add.thumb_mime, im.blob_hold(original_hash, original_size),
          file_add.original_mime, file_add.width, file_add.height, file_add.milliseconds / 1000.0, all_bytes)
  returning * into f;
  return query select f.id, im.blob_name(f.blob_id), im.blob_name(f.thumb_id), im.blob_name(f.original_id);
end $$;

-- (upload, once the bytes are on disk)  file_done(:me, :id)
-- The file is there: answers it.
-- Refuses: nothing
-- Writes: file
-- Tells: nobody
create function api.file_done(me bigint, id uuid)
returns table (url text, "fileName" text, "fileSize" bigint, "thumbUrl" text, "originalUrl" text, width integer,
               height integer, duration numeric, "mimeType" text)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    update im.file f set stored = true
      from im.blob b
     where f.id = file_done.id and f.account_id = me and b.id = f.blob_id
    returning im.file_url(f.id, ''), f.name::text, b.size,
              case when f.thumb_id is not null then im.file_url(f.id, '/thumb') end,
              case when f.original_id is not null then im.file_url(f.id, '/original') end,
              f.width, f.height, f.duration, f.mime;
  if not found then
    raise exception 'the upload has taken too long';
  end if;
end $$;

-- GET /file/download  file_download(:me, url)
-- Where the bytes are that a url of ours stands for, and how to serve them.  A picture's name has the ending of what it
-- has become.
-- Refuses: 404 no such file that the caller may read
-- Writes: nothing
-- Tells: nobody
create function api.file_download(me bigint, url im.file_url)
returns table (bytes text, name text, mime text, shown boolean)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
declare
  f im.file := im.file_find(me, url);
begin
  return query
    select im.blob_name(case part when '/thumb' then f.thumb_id when '/original' then f.original_id else f.blob_id end),
           case when part = '/thumb' or (part is null and f.kind = 'image')
                then im.file_name_as(f.name, substr(mime_type, 7)) else f.name end, mime_type, f.kind <> 'file'
      from substring(url from '/thumb$|/original$') part,
           lateral (values (case part when '/thumb' then f.thumb_mime when '/original' then f.original_mime else f.mime end)) t(mime_type);
end $$;
