-- Profiles.

-- GET /user/self  user_self(:me)
-- The account as its owner sees it.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.user_self(me bigint)
returns table (id bigint, username text, "nickName" text, "headImage" text, email text, phone text, sex smallint,
               signature text, balance numeric, "isVip" boolean, "vipExpireTime" timestamptz, "hasTradePassword" boolean)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text, a.email::text, a.phone::text,
           a.sex::smallint, a.signature::text, coalesce(p.balance, 0.00), coalesce(a.vip_until > now(), false),
           a.vip_until, exists (select from im.trade_password t where t.account_id = me)
      from im.account a
      left join im.purse p on p.account_id = a.id and p.kind = 'available'
     where a.id = me;
end $$;

-- PUT /user/update  user_update(:me, nickName[20]!?, headImage?, sex?, signature!?)
-- Changes what is given of the caller's profile; an empty picture or signature removes it.
-- Refuses: 404 headImage is a file of ours, but not a picture that the caller has uploaded
-- Writes: account, file, sync_list, conversation, outbox
-- Tells: the caller's devices and his friends, FRIEND_REQUEST PROFILE, when something changed
create function api.user_update(me bigint, nickName im.nickname, headImage im.image, sex im.sex,
                                signature im.signature) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  was im.account;
  now_is im.account;
begin
  select * into was from im.account a where a.id = me for no key update;
  perform im.file_show(me, was.head_image, headImage, 'headImage');
  update im.account a
     set nick_name = coalesce(nickName, a.nick_name), head_image = coalesce(headImage, a.head_image),
         sex = coalesce(user_update.sex, a.sex), signature = coalesce(user_update.signature, a.signature),
         updated_at = now()
   where a.id = me returning * into now_is;
  if (was.nick_name, was.head_image, was.sex, was.signature) is distinct from
     (now_is.nick_name, now_is.head_image, now_is.sex, now_is.signature) then
    perform im.profile_tell(now_is);
  end if;
end $$;

-- GET /user/search  user_search(:me, name)
-- Up to twenty people with that phone, e-mail address (both whole), or name (in part); nobody for an empty box.
-- Refuses: nothing but 400
-- Writes: nothing
-- Tells: nobody
create function api.user_search(me bigint, name im.search_box)
returns table (id bigint, username text, "nickName" text, "headImage" text)
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text
      from unnest(im.user_match(me, name)) with ordinality u(id, place)
      join im.account a on a.id = u.id
     order by u.place;
end $$;

-- GET /user/find/{userId}  user_find(:me, :userId)
-- What anybody may see of an account, whether it is a friend, and whether the caller has blocked it.
-- Refuses: 1001 no such user
-- Writes: nothing
-- Tells: nobody
create function api.user_find(me bigint, userId im.id)
returns table (id bigint, username text, "nickName" text, "headImage" text, sex smallint, signature text,
               "isFriend" boolean, "isInBlacklist" boolean)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text, a.sex::smallint, a.signature::text,
           exists (select from im.friendship f where f.account_id = me and f.friend_id = a.id),
           exists (select from im.blacklist b where b.account_id = me and b.target_id = a.id)
      from im.account a
     where a.id = userId;
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account to find';
  end if;
end $$;
