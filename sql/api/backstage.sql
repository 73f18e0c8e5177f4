-- Backstage, port 8081: the door for administrators, what each may do, their accounts and the record.

-- POST /login, first half  admin_login_find(username, :address, :device, captchaId?, captchaCode?)
-- The hash to check the password against, whether a captcha was solved, the secret of the second factor and the time to
-- check its code by; no row when nobody has that name.
-- Refuses: 1003 disabled; 1006 captcha required or wrong; 1007 too many failures of that address, and no captcha solved
-- Writes: captcha, admin_login
-- Tells: nobody
create function api.admin_login_find(name im.login_name, address inet, device text, captchaId uuid default null,
                                     captchaCode im.captcha_code default null)
returns table (admin bigint, hash text, solved boolean, secret text, now bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  found_admin im.admin;
  passed boolean := im.captcha_solved(captchaId, captchaCode);
  refusal integer := 0;
begin
  select * into found_admin from im.admin a where lower(a.name) = lower(admin_login_find.name);
  if found_admin.disabled_at is not null then
    refusal := 1003;
  elsif not passed then
    refusal := im.login_guard('admin ' || found_admin.id, im.login_origin(address), im.setting_int('admin.lock_after'));
  end if;
  if refusal <> 0 then
    perform im.admin_tried(found_admin.id, address, device, refusal);
  elsif found_admin.id is not null then
    return query
      select found_admin.id, found_admin.password_hash, passed, found_admin.totp_secret,
             extract(epoch from clock_timestamp())::bigint;
  end if;
end $$;

-- POST /login, second half  admin_login_done(:account, :matched, :address, :device, :solved, :step, :fresh)
-- Ends a log-in: counts a wrong password or code, or opens a session and answers what its token needs.  fresh, if
-- any, is what the password is hashed to now.
-- Refuses: 1001 unknown (admin null); 1002 wrong password; 1003 disabled; 1006, 1007 too many failures meanwhile; 1008 a
--   code of the second factor is wanted, or was wrong, or was used before
-- Writes: admin, admin_login, admin_session, audit, audit_head, login_failure
-- Tells: nobody
create function api.admin_login_done(admin bigint, ok boolean, address inet, device text, solved boolean, step bigint,
                                     fresh text default null)
returns table ("adminId" bigint, name text, role text, ver integer, session bigint, "issuedAt" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  who im.admin;
  origin text := im.login_origin(address);
  refusal integer;
begin
  if admin is null then
    perform im.login_failed(null, origin);
    perform im.admin_tried(null, address, device, 1001);
    return;
  end if;
  select * into strict who from im.admin a where a.id = admin for update;
  perform set_config('im.address', host(address), true);
  -- Who is late of many guesses at once learns nothing of his, as in auth_login_done.
  refusal := case when solved then 0 else im.login_guard('admin ' || admin, origin, im.setting_int('admin.lock_after')) end;
  if not ok or (step is not null and im.admin_refusal(who, ok, step) = 1008) then
    perform im.admin_wrong(who.id, origin);
  end if;
  refusal := coalesce(nullif(refusal, 0), im.admin_refusal(who, ok, step));
  perform im.admin_tried(who.id, address, device, coalesce(nullif(refusal, 0), 200));
  if refusal <> 0 then
    return;
  end if;
  update im.admin a set totp_step = step where a.id = admin and a.totp_secret is not null;
  update im.admin a set password_hash = fresh where a.id = admin and fresh is not null;
  perform im.login_forgive('admin ' || who.id, origin);
  perform im.audit_write(who.id, 'login', 'admin ' || who.id, null, null, null);
  return query
    insert into im.admin_session as s (admin_id, address, device)
    values (admin, admin_login_done.address, left(coalesce(admin_login_done.device, ''), 200))
    returning s.admin_id, who.name::text, who.role::text, who.version, s.id, extract(epoch from s.created_at)::bigint;
end $$;

-- (every request with an administrator's token)  admin_enter(:me, :ver, :session, :address)
-- Lets the administrator in; the address is for the audit rows of this transaction.
-- Refuses: 1003 disabled; 401 no such administrator, token version or session over
-- Writes: admin_session
-- Tells: nobody
create function api.admin_enter(admin bigint, ver integer, session bigint, address inet default null) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  who im.admin;
  used timestamptz;
begin
  select * into who from im.admin a where a.id = admin;
  select s.used_at into used from im.admin_session s
   where s.id = admin_enter.session and s.admin_id = admin and s.ended_at is null;
  if who.disabled_at is not null then
    raise sqlstate 'I1003' using hint = 'the administrator is disabled';
  elsif who.version is distinct from ver or used is null then
    raise sqlstate 'I0401' using hint = case when who.version is distinct from ver then 'the version of the token of an administrator is over'
      else 'the session of the administrator is over' end;
  elsif used < now() - interval '1 minute' then
    update im.admin_session s set used_at = now() where s.id = admin_enter.session;
  end if;
  perform set_config('im.address', coalesce(host(address), ''), true);
end $$;

-- GET /im/self  admin_self(:me, :session)
-- Who the caller is and what he may do: a console shows the acts whose permissions are here.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.admin_self(me bigint, my_session bigint)
returns table ("adminId" bigint, name text, role text, permissions json, totp boolean, "userId" bigint, "sessionId" bigint)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.name::text, a.role::text,
           (select coalesce(json_agg(p.permission order by p.permission), '[]') from im.permission p where p.role = a.role),
           a.totp_secret is not null, a.account_id, my_session
      from im.admin a where a.id = me;
end $$;

-- POST /im/self/renew, before a token is signed  admin_renew(:me, :session)
-- What a new token of the same session needs, as long as that is not too old.
-- Refuses: 401 the log-in is longer ago than setting admin.session_ttl
-- Writes: nothing
-- Tells: nobody
create function api.admin_renew(me bigint, my_session bigint)
returns table ("adminId" bigint, name text, role text, ver integer, session bigint, "issuedAt" bigint)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  if (select s.created_at from im.admin_session s where s.id = my_session) < now() - im.setting_interval('admin.session_ttl') then
    raise sqlstate 'I0401' using hint = 'the session is too old to be renewed';
  end if;
  return query
    select a.id, a.name::text, a.role::text, a.version, my_session, extract(epoch from now())::bigint
      from im.admin a where a.id = me;
end $$;

-- POST /im/logout  admin_logout(:me, :session)
-- Ends this session.
-- Refuses: nothing
-- Writes: admin_session, audit, audit_head
-- Tells: nobody
create function api.admin_logout(me bigint, my_session bigint) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.admin_session s set ended_at = now() where s.id = my_session;
  perform im.audit_write(me, 'logout', 'admin ' || me, null, null, null);
end $$;

-- PUT /im/self/password, first half  admin_password_find(:me)
-- The hash to compare his old password with.
-- Refuses: 1007 too many wrong ones
-- Writes: nothing
-- Tells: nobody
create function api.admin_password_find(me bigint) returns table (hash text)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  perform im.admin_guard(me);
  return query select a.password_hash from im.admin a where a.id = me;
end $$;

-- PUT /im/self/password, second half  admin_password_change(:me, :session, :matched, :hash, :old)
-- His own password; his other sessions end.
-- Refuses: 1002 wrong old password
-- Writes: admin, admin_session, audit, audit_head; login_failure of a wrong one
-- Tells: nobody
create function api.admin_password_change(me bigint, my_session bigint, ok boolean, hash text, old text) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.admin a set password_hash = hash where a.id = me and a.password_hash = old and ok;
  if not found then
    perform im.login_failed('admin ' || me, 'self ' || me);
    perform im.refuse_later(1002, 'the old password of the administrator is wrong, or has been changed meanwhile');
    return;
  end if;
  perform im.login_forgive('admin ' || me, 'self ' || me);
  perform im.admin_expel(me, my_session);
  perform im.audit_write(me, 'self', 'admin ' || me, null, '{"password": "changed"}', null);
end $$;

-- POST /im/totp/begin, with a secret drawn  admin_totp_begin(:me, :secret)
-- Keeps a secret for a second factor until a code shows that his device has it.
-- Refuses: 403 he has one
-- Writes: admin
-- Tells: nobody
create function api.admin_totp_begin(me bigint, new_secret text) returns table (secret text, uri text)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
begin
  return query
    update im.admin a set totp_pending = new_secret where a.id = me and a.totp_secret is null
    returning new_secret, 'otpauth://totp/IM%20Chat:' || a.name || '?secret=' || new_secret || '&issuer=IM%20Chat';
  if not found then
    raise sqlstate 'I0403' using hint = 'there is a second factor already';
  end if;
end $$;

-- POST /im/totp/enable, POST /im/totp/disable, first half  admin_totp_find(:me)
-- The secret that a code has to be of, the one he has or else the one he was shown, and the time.
-- Refuses: 1007 too many wrong ones; 404 he has none, and was shown none
-- Writes: nothing
-- Tells: nobody
create function api.admin_totp_find(me bigint) returns table (secret text, now bigint)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  perform im.admin_guard(me);
  return query
    select coalesce(a.totp_secret, a.totp_pending), extract(epoch from clock_timestamp())::bigint
      from im.admin a where a.id = me and coalesce(a.totp_secret, a.totp_pending) is not null;
  if not found then
    raise sqlstate 'I0404' using hint = 'no second factor has been begun';
  end if;
end $$;

-- POST /im/totp/enable, POST /im/totp/disable, second half  admin_totp_set(:me, :step, :secret, :on)
-- The second factor is wanted from now on, or no more.
-- Refuses: 1008 the code is wrong, or was used before
-- Writes: admin, audit, audit_head; login_failure of a wrong one
-- Tells: nobody
create function api.admin_totp_set(me bigint, step bigint, secret text, wanted boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.admin a
     set totp_secret = case when wanted then secret end, totp_pending = null, totp_step = step
   where a.id = me and step > a.totp_step and coalesce(a.totp_secret, a.totp_pending) = secret;
  if not found then
    perform im.login_failed('admin ' || me, 'self ' || me);
    perform im.refuse_later(1008, 'the code to change the second factor is wrong or used');
    return;
  end if;
  perform im.login_forgive('admin ' || me, 'self ' || me);
  perform im.audit_write(me, 'self', 'admin ' || me, null, jsonb_build_object('totp', wanted), null);
end $$;

-- GET /im/session/list
--   admin_session_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, live?)
-- Sessions of administrators; who may not read of administrators sees his own.
-- Refuses: 400 sort
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_session_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_admin im.id, live boolean)
returns table (total text, id bigint, "adminId" bigint, name text, address text, device text, "loginTime" timestamptz,
               "useTime" timestamptz, "endTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  may_all boolean := im.permitted(me, 'admin.read');
begin
  return query execute im.list(me, null, 'im.admin_session_list', '{id}', '{id,useTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('adminId', case when may_all then of_admin::bigint else me end),
          case live when true then '"endTime" is null' when false then '"endTime" is not null' end]);
end $$;

-- POST /im/session/end  admin_session_end(:me, id)
-- Ends a session: one's own, or another's with the permission for it.
-- Refuses: 403 another's, without admin.write; 404 no such session, or it is over
-- Writes: admin_session, audit, audit_head
-- Tells: nobody
create function api.admin_session_end(me bigint, of_session im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  whose bigint := (select s.admin_id from im.admin_session s where s.id = of_session);
begin
  if whose is distinct from me then
    perform im.permit(me, 'admin.write');
  end if;
  update im.admin_session s set ended_at = now() where s.id = of_session and s.ended_at is null;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such session that is open';
  end if;
  perform im.audit_write(me, case when whose = me then 'self' else 'admin.write' end, 'session ' || of_session, null,
                         jsonb_build_object('adminId', whose, 'ended', true), null);
end $$;

-- GET /im/login/list
--   admin_login_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, address?, result?, startTime?, endTime?)
-- Every try to log in as an administrator.
-- Refuses: 403 without admin.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_login_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_admin im.id, of_address im.list_text, of_result integer, first im.moment_from,
  last im.moment_to)
returns table (total text, id bigint, "adminId" bigint, name text, address text, device text, result integer,
               "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'admin.read', 'im.admin_login_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('adminId', of_admin::bigint), im.list_is('address', of_address::text),
          im.list_is('result', of_result), im.list_from('createTime', first), im.list_until('createTime', last)],
    'im.admin_login_find');
end $$;

-- GET /im/admin/list
--   admin_list(:me, :after, format?, page?, size?, sort?, order?, name?, role?, disabled?)
-- The administrators.
-- Refuses: 403 without admin.read; 400 sort
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_name im.list_text, of_role im.admin_role, is_disabled boolean)
returns table (total text, id bigint, name text, role text, disabled boolean, totp boolean, "userId" bigint,
               "lastLoginTime" timestamptz, "createTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'admin.read', 'im.admin_list', '{id}', '{id,name,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('name', of_name::text), im.list_is('role', of_role::text), im.list_is('disabled', is_disabled)]);
end $$;

-- POST /im/admin/add, with the password hashed  admin_add(:me, name, role, :hash, userId?)
-- A new administrator; userId is the account of the same person, whose orders he will not review.
-- Refuses: 403 without admin.write; 1004 name taken; 1001 no such user
-- Writes: admin, audit, audit_head
-- Tells: nobody
create function api.admin_add(me bigint, new_name im.admin_name, new_role im.admin_role, hash text, account im.user_id)
returns table (id bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'admin.write');
  if account is not null and not exists (select from im.account a where a.id = account) then
    raise sqlstate 'I1001' using hint = 'no such account for the administrator';
  end if;
  id := im.admin_create(new_name, hash, new_role, me);
  update im.admin a set account_id = account where a.id = admin_add.id;
  return next;
end $$;

-- POST /im/admin/update, with the password, if any, hashed  admin_update(:me, id, role?, :hash, totp?)
-- Another role, another password, or no second factor (totp false) for an administrator; his sessions end.
-- Refuses: 403 without admin.write, or nobody would be super; 404 no such administrator; 400 totp (true: he does that himself)
-- Writes: admin, admin_session, login_failure, audit, audit_head
-- Tells: nobody
create function api.admin_update(me bigint, of_admin im.id, new_role im.admin_role, hash text, with_totp boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'admin.write');
  if with_totp then
    raise sqlstate 'I0400' using message = 'totp', hint = 'a second factor is switched on by its owner';
  end if;
  perform im.admin_change(me, im.admin_take(of_admin), new_role, hash, null, not with_totp);
end $$;

-- POST /im/admin/disable  admin_disable(:me, id)
-- Shuts an administrator out; his sessions end.
-- Refuses: 403 without admin.write, or nobody would be super; 404 no such administrator
-- Writes: admin, admin_session, audit, audit_head, login_failure
-- Tells: nobody
create function api.admin_disable(me bigint, of_admin im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'admin.write');
  perform im.admin_change(me, im.admin_take(of_admin), null, null, true, null);
end $$;

-- POST /im/admin/enable  admin_enable(:me, id)
-- Lets him in again, with the password he had.
-- Refuses: 403 without admin.write; 404 no such administrator
-- Writes: admin, admin_session, audit, audit_head, login_failure
-- Tells: nobody
create function api.admin_enable(me bigint, of_admin im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'admin.write');
  perform im.admin_change(me, im.admin_take(of_admin), null, null, false, null);
end $$;

-- GET /im/audit/list
--   audit_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, action?, target?, startTime?, endTime?)
-- What administrators did, each row with the hash that covers it, and the text that the hash covers.
-- Refuses: 403 without audit.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.audit_list(me bigint, after_row text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_admin im.id, of_action im.list_text, of_target im.list_text,
  first im.moment_from, last im.moment_to)
returns table (total text, id bigint, "adminId" bigint, name text, action text, target text, before jsonb, after jsonb,
               reason text, address text, "createTime" timestamptz, hash text, covers text)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'audit.read', 'im.audit_list', '{id}', '{id,createTime}',
    (format, after_row, page, size, sort, direction)::im.list_ask,
    array[im.list_is('adminId', of_admin::bigint), im.list_is('action', of_action::text), im.list_is('target', of_target::text),
          im.list_from('createTime', first), im.list_until('createTime', last)]);
end $$;
