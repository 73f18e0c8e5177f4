-- Backstage: the users.

-- PUT /im/user/ban  admin_user_ban(:me, userId, reason, duration?)
-- Bans an account for so many days, or until lifted: its tokens and sockets end, its calls within a second.
-- Refuses: 403 without user.ban; 1001 no such user
-- Writes: account, session, connection, outbox, audit, audit_head
-- Tells: the account, SYSTEM_MESSAGE BANNED
create function api.admin_user_ban(me bigint, account im.user_id, reason im.reason, duration im.ban_days default null)
returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  was im.account;
  until timestamptz := now() + make_interval(days => duration);
begin
  perform im.permit(me, 'user.ban');
  select * into was from im.account a where a.id = account;
  perform im.account_ban(account, until, reason);
  perform im.audit_write(me, 'user.ban', 'user ' || account,
    jsonb_build_object('status', was.status, 'bannedUntil', was.banned_until, 'banReason', was.ban_reason),
    jsonb_build_object('status', 'banned', 'bannedUntil', until), reason);
end $$;

-- PUT /im/user/unban  admin_user_unban(:me, userId)
-- Lifts a ban; one that is not there stays so.
-- Refuses: 403 without user.ban; 1001 no such user
-- Writes: account, audit, audit_head
-- Tells: nobody
create function api.admin_user_unban(me bigint, account im.user_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  was im.account;
begin
  perform im.permit(me, 'user.ban');
  select * into was from im.account a where a.id = account for update;
  perform im.account_unban(account);
  perform im.audit_write(me, 'user.ban', 'user ' || account,
    jsonb_build_object('status', was.status, 'bannedUntil', was.banned_until, 'banReason', was.ban_reason),
    '{"status": "normal"}', null);
end $$;

-- GET /im/user/findByName  admin_user_find_by_name(:me, name)
-- Up to twenty users: the owner of that phone number or e-mail address, names that begin with the text, then names that
-- have it in them.
-- Refuses: 403 without user.read
-- Writes: nothing
-- Tells: nobody
create function api.admin_user_find_by_name(me bigint, name im.search_name)
returns table (id bigint, username text, "nickName" text, "headImage" text, email text, phone text, sex integer,
               status text, "bannedUntil" timestamptz, "banReason" text, online boolean, "vipExpireTime" timestamptz,
               "createTime" timestamptz)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  ids bigint[];
begin
  perform im.permit(me, 'user.read');
  ids := im.user_match(0, name);
  return query select l.* from im.user_list l where l.id = any (ids) order by array_position(ids, l.id);
end $$;

-- POST /im/user/findByIds  admin_user_find_by_ids(:me, userIds)
-- The users with these ids, by id; an id that is nobody's is passed over.
-- Refuses: 403 without user.read
-- Writes: nothing
-- Tells: nobody
create function api.admin_user_find_by_ids(me bigint, ids im.find_ids)
returns table (id bigint, username text, "nickName" text, "headImage" text, email text, phone text, sex integer,
               status text, "bannedUntil" timestamptz, "banReason" text, online boolean, "vipExpireTime" timestamptz,
               "createTime" timestamptz)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.read');
  return query select l.* from im.user_list l where l.id = any (ids) order by l.id;
end $$;

-- GET /im/user/list
--   admin_user_list(:me, :after, format?, page?, size?, sort?, order?, userId?, name?, phone?, email?, status?, online?, startTime?, endTime?)
-- The users.
-- Refuses: 403 without user.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_user_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_user im.user_id, of_name im.search_name, of_phone im.list_text,
  of_email im.list_text, state im.account_status, is_online boolean, first im.moment_from, last im.moment_to)
returns table (total text, id bigint, username text, "nickName" text, "headImage" text, email text, phone text,
               sex integer, status text, "bannedUntil" timestamptz, "banReason" text, online boolean,
               "vipExpireTime" timestamptz, "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'user.read', 'im.user_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('id', of_user::bigint), im.list_is('phone', coalesce(im.phone_key(of_phone), of_phone)),
          im.list_is('email', im.name_key(of_email)), im.user_in_state(state), im.user_online(is_online),
          im.list_from('createTime', first), im.list_until('createTime', last)], 'im.user_find', im.user_named(of_name));
end $$;

-- GET /im/user/detail  admin_user_detail(:me, userId)
-- One user with devices, wallet and complaints.  The wallet is null for whoever may not read of funds.
-- Refuses: 403 without user.read; 1001 no such user
-- Writes: nothing
-- Tells: nobody
create function api.admin_user_detail(me bigint, account im.user_id)
returns table (id bigint, username text, "nickName" text, "headImage" text, email text, phone text, sex integer,
               status text, "bannedUntil" timestamptz, "banReason" text, online boolean, "vipExpireTime" timestamptz,
               "createTime" timestamptz, signature text, "lastLoginTime" timestamptz, "friendCount" bigint,
               "groupCount" bigint, "hasTradePassword" boolean, "isMuted" boolean, "mutedUntil" timestamptz, sessions json,
               wallet json, complaints json)
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.read');
  return query
    select l.*, a.signature::text, (select max(s.created_at) from im.session s where s.account_id = a.id),
           (select count(*) from im.friendship f where f.account_id = a.id),
           (select count(*) from im.member m where m.account_id = a.id and m.left_at is null and m.role is not null),
           exists (select from im.trade_password t where t.account_id = a.id), u.until is not null,
           nullif(u.until, 'infinity'), im.user_sessions(a.id),
           case when im.permitted(me, 'fund.read') then im.user_wallet(a.id) end, im.user_complaints(a.id)
      from im.user_list l
      join im.account a on a.id = l.id
      left join im.account_mute u on u.account_id = a.id and u.until > now()
     where l.id = account;
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account to look at';
  end if;
end $$;

-- POST /im/user/kick  admin_user_kick(:me, userId, reason?)
-- Logs a user out of every device.
-- Refuses: 403 without user.kick; 1001 no such user
-- Writes: account, session, connection, outbox, audit, audit_head
-- Tells: the account, SYSTEM_MESSAGE KICK
create function api.admin_user_kick(me bigint, account im.user_id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.kick');
  perform im.user_expel(account, 'logout');
  perform im.audit_write(me, 'user.kick', 'user ' || account, null, null, reason);
end $$;

-- POST /im/user/resetPassword, with the password hashed  admin_user_password(:me, userId, :hash, reason?)
-- Gives a user another password; every token of his ends.
-- Refuses: 403 without user.reset; 1001 no such user
-- Writes: account, session, connection, login_failure, outbox, audit, audit_head
-- Tells: the account, SYSTEM_MESSAGE KICK
create function api.admin_user_password(me bigint, account im.user_id, hash text, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.reset');
  perform im.user_expel(account, 'password');
  update im.account a set password_hash = hash where a.id = account;
  delete from im.login_failure f where f.key = 'user ' || account or f.key like 'user ' || account || ' %';
  perform im.audit_write(me, 'user.reset', 'user ' || account, null, '{"password": "changed"}', reason);
end $$;

-- POST /im/user/resetTradePassword  admin_user_trade_password(:me, userId, reason?)
-- Takes a user's trade password away, so that he sets another one; every token of his ends.
-- Refuses: 403 without user.reset; 1001 no such user
-- Writes: trade_password, account, session, connection, outbox, audit, audit_head
-- Tells: the account, SYSTEM_MESSAGE KICK
create function api.admin_user_trade_password(me bigint, account im.user_id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.reset');
  perform im.user_expel(account, 'trade');
  delete from im.trade_password t where t.account_id = account;
  perform im.audit_write(me, 'user.reset', 'user ' || account, null, '{"tradePassword": "none"}', reason);
end $$;

-- PUT /im/user/unmute  admin_user_unmute(:me, userId)
-- Lifts a mute that a decision of a complaint made; one that is not there stays so.
-- Refuses: 403 without user.ban; 1001 no such user
-- Writes: account_mute, audit, audit_head
-- Tells: nobody
create function api.admin_user_unmute(me bigint, account im.user_id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.ban');
  if not exists (select from im.account a where a.id = account) then
    raise sqlstate 'I1001' using hint = 'no such account to unmute';
  end if;
  delete from im.account_mute m where m.account_id = account;
  perform im.audit_write(me, 'user.ban', 'user ' || account, null, '{"muted": false}', null);
end $$;

-- POST /im/user/close  admin_user_close(:me, userId, reason)
-- Closes a user's account for good: log-in and calls end, who it was is forgotten, messages stay.
-- Refuses: 403 without user.close; 1001 no such user; 4006 money, open orders or red packets left
-- Writes: account, session, connection, member, chat_group, conversation, message, tally, friendship, friend_request, blacklist,
--   file, presence, trade_password, account_mute, notice_due, notice_got, idempotency, login_failure, name_held, outbox, audit, audit_head, sync_list
-- Tells: the account, SYSTEM_MESSAGE KICK; friends, FRIEND_REQUEST DELETE; members of its groups, GROUP_MESSAGE MANAGER,
--   QUIT, MESSAGE
create function api.admin_user_close(me bigint, account im.user_id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'user.close');
  perform im.account_close(account);
  perform im.audit_write(me, 'user.close', 'user ' || account, null, '{"by": "administrator"}', reason);
end $$;
