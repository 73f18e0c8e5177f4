-- Internal functions about finding people.

-- Up to twenty accounts for a search: the owner of that phone or e-mail address, else names that begin with the
-- text, else (from two characters on) names that contain it.  Who has blocked the searcher is not found, nor is a closed one.
create or replace function im.user_match(me bigint, wanted text) returns bigint[]
language plpgsql stable as $$
declare
  key text := im.name_key(wanted);
  number text := im.phone_key(wanted);
  past text := key || chr(1114111);        -- after every name that begins with it
  found_ids bigint[];
begin
  if key = '' then
    return '{}'::bigint[];
  elsif key like '%@%' then
    found_ids := array(select a.id from im.account a where a.email_key = key);
  elsif number is not null then
    found_ids := array(select a.id from im.account a where a.phone_key = number);
  end if;
  found_ids := found_ids || array(
    select a.id from im.account a where a.username_key ~>=~ key and a.username_key ~<~ past
     order by a.username_key using ~<~ limit 40);
  found_ids := found_ids || array(
    select a.id from im.account a where a.nick_name_key ~>=~ key and a.nick_name_key ~<~ past
     order by a.nick_name_key using ~<~ limit 40);
  if length(key) > 1 and cardinality(found_ids) < 20 then
    found_ids := found_ids || array(
      select a.id from im.account a
       where im.bigram(a.username_key || e'\n' || a.nick_name_key) @> im.bigram(key)
         and (strpos(a.username_key, key) > 0 or strpos(a.nick_name_key, key) > 0)
       limit 40);
  end if;
  return array(
    select u.id from unnest(found_ids) with ordinality u(id, place)
     where not exists (select from im.blacklist b where b.account_id = u.id and b.target_id = me)
       and not exists (select from im.account a where a.id = u.id and a.status = 'closed')
     group by u.id order by min(u.place) limit 20);
end $$;

-- Tells the account's devices and its friends what it is called now, and looks like.  Its row is locked; conversations in the
-- order of their ids.
create or replace function im.profile_tell(a im.account) returns void
language plpgsql as $$
declare
  friends bigint[] := array(select f.friend_id from im.friendship f where f.account_id = a.id order by 1);
begin
  perform im.sync_touch(array[a.id], 'SELF');
  perform im.sync_touch(friends, 'FRIENDS');
  perform from im.conversation c
    where c.id in (select f.conversation_id from im.friendship f where f.account_id = a.id) order by c.id for no key update;
  update im.conversation c set changed = pg_current_xact_id()
   where c.id in (select f.conversation_id from im.friendship f where f.account_id = a.id);
  perform im.tell(a.id || friends, 'FRIEND_REQUEST', json_build_object('event', 'PROFILE', 'userId', a.id,
    'nickName', a.nick_name, 'headImage', a.head_image, 'sex', a.sex, 'signature', a.signature));
end $$;
