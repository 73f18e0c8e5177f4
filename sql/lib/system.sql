-- Internal functions about complaints.

-- The group, or the user, as it is now: what is kept of the target.  Refuses 1001, 3001 as finding them does.
create or replace function im.complaint_target_now(target_type integer, target bigint, out name text, out image text, out words text)
language plpgsql stable as $$
begin
  if target_type = 1 then
    select a.nick_name, a.head_image, a.signature into name, image, words from im.account a where a.id = target;
  else
    select g.group_name, g.group_avatar, g.group_notice into name, image, words
      from im.chat_group g
      join im.conversation c on c.id = g.conversation_id and c.closed is distinct from 'dissolved'
     where g.id = target;
  end if;
  if name is null and target_type = 1 then
    raise sqlstate 'I1001' using hint = 'no such account to complain of';
  elsif name is null then
    raise sqlstate 'I3001' using hint = 'no such group to complain of';
  end if;
end $$;

-- A message of that user, or in that group, which the account can see; held, so that its recall waits.  Between two people
-- it is seen whatever has become of their friendship.  Refuses 404, for a foreign one as for none.
create or replace function im.complaint_message(me bigint, target_type integer, target bigint, message bigint) returns im.message
language plpgsql as $$
declare
  m im.message;
begin
  select x.* into m
    from im.message x
    join im.conversation c on c.id = x.conversation_id and c.closed is distinct from 'dissolved'
    join im.member b on b.conversation_id = c.id and b.account_id = me and b.left_at is null and b.joined_seq < x.seq
   where x.id = message and case target_type when 1 then x.sender_id = target else c.group_id = target end
     for share of x;
  if not found then
    raise sqlstate 'I0404' using message = 'messageId', hint = 'no such message of whom the complaint is about';
  end if;
  return m;
end $$;

-- The account's own pictures of these urls, in order, kept from now on.  Refuses 404 images.
create or replace function im.complaint_images_kept(me bigint, urls text[]) returns uuid[]
language plpgsql as $$
declare
  files uuid[] := array(select distinct im.file_own_image(me, u, 'images') as file from unnest(urls) u order by file);
  kept bigint;
begin
  update im.file f set unused_since = null where f.id = any (files);
  get diagnostics kept = row_count;
  if kept < cardinality(files) then         -- collected meanwhile
    raise sqlstate 'I0404' using message = 'images', hint = 'an image of the complaint is gone';
  end if;
  return files;
end $$;

-- The account's complaint that says exactly the same and is still open.
create or replace function im.complaint_same(n im.complaint, files uuid[]) returns bigint
language plpgsql stable as $$
begin
  return (
    select c.id from im.complaint c
     where c.complainer_id = n.complainer_id and c.resolved_at is null
       and (c.target_type, c.target_id, c.reason, c.description) = (n.target_type, n.target_id, n.reason, n.description)
       and c.message_id is not distinct from n.message_id
       and files = array(select f.file_id from im.complaint_file f
                          where f.complaint_id = c.id and f.part = 'image' order by f.file_id)
     limit 1);
end $$;

-- Keeps the files of a complaint: the pictures that came with it, those of the message, and that of the target.
create or replace function im.complaint_files_keep(c im.complaint, images uuid[], m im.message) returns void
language plpgsql as $$
begin
  insert into im.complaint_file (complaint_id, file_id, part)
  select c.id, f, 'image' from unnest(images) f
  union
  select c.id, l.file_id, 'message' from im.file_message l where l.conversation_id = m.conversation_id and l.seq = m.seq
  union
  select c.id, f.id, 'target' from im.file f where f.id = im.file_named(c.target_image);
end $$;
