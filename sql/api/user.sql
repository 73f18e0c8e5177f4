-- Profiles.

-- GET /user/self  user_self(:me)
-- The account as its owner sees it.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.user_self(me bigint)
returns table (id bigint, username text, "nickName" text, "headImage" text, email text, phone text, sex smallint,
               signature text, balance numeric, "isVip" boolean, "vipExpireTime" timestamptz)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text, a.email::text, a.phone::text,
           a.sex::smallint, a.signature::text, coalesce(p.balance, 0.00), coalesce(a.vip_until > now(), false),
           a.vip_until
      from im.account a
      left join im.purse p on p.account_id = a.id and p.kind = 'available'
     where a.id = me;
end $$;
