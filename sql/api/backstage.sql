-- Backstage, port 8081: the door for administrators.

-- POST /login, first half  admin_login_find(username, :address, captchaId?, captchaCode?)
-- The hash to check the password against, and whether a captcha was solved; no row when nobody has that name.
-- Refuses: 1003 disabled; 1006 captcha required or wrong; 1007 too many failures of that address, and no captcha solved
-- Writes: captcha
-- Tells: nobody
create function api.admin_login_find(name im.login_name, address inet, captchaId uuid default null,
                                     captchaCode im.captcha_code default null)
returns table (admin bigint, hash text, solved boolean)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  found_admin im.admin;
  passed boolean := im.captcha_solved(captchaId, captchaCode);
  refusal integer := 0;
begin
  select * into found_admin from im.admin a where lower(a.name) = lower(admin_login_find.name);
  if found_admin.disabled_at is not null then
    raise sqlstate 'I1003';
  elsif not passed then
    refusal := im.login_guard('admin ' || found_admin.id, im.login_origin(address), im.setting_int('admin.lock_after'));
  end if;
  if refusal <> 0 then
    perform im.refuse_later(refusal);
  elsif found_admin.id is not null then
    return query select found_admin.id, found_admin.password_hash, passed;
  end if;
end $$;

-- POST /login, second half  admin_login_done(:account, :matched, :address, :solved)
-- Ends a log-in: counts a wrong password, or answers what the token needs.
-- Refuses: 1001 unknown (admin null); 1002 wrong password; 1003 disabled; 1006, 1007 too many failures meanwhile
-- Writes: audit, audit_head, login_failure
-- Tells: nobody
create function api.admin_login_done(admin bigint, ok boolean, address inet, solved boolean)
returns table ("adminId" bigint, name text, role text, ver integer, "issuedAt" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  who im.admin;
  origin text := im.login_origin(address);
  refusal integer;
begin
  if admin is null then
    perform im.login_failed(null, origin);
    perform im.refuse_later(1001);
    return;
  end if;
  select * into strict who from im.admin a where a.id = admin for update;
  if who.disabled_at is not null then
    raise sqlstate 'I1003';
  end if;
  perform set_config('im.address', host(address), true);
  -- Who is late of many guesses at once learns nothing of his, as in auth_login_done.
  refusal := case when solved then 0 else im.login_guard('admin ' || admin, origin, im.setting_int('admin.lock_after')) end;
  if not ok then
    perform im.admin_wrong(who.id, origin);
  end if;
  if refusal <> 0 or not ok then
    perform im.refuse_later(case when refusal <> 0 then refusal else 1002 end);
    return;
  end if;
  perform im.login_forgive('admin ' || who.id, origin);
  perform im.audit_write(who.id, 'login', 'admin ' || who.id, null, null, null);
  return query
    select who.id, who.name::text, who.role::text, who.version, extract(epoch from now())::bigint;
end $$;

-- (every request with an administrator's token)  admin_enter(:me, :ver, :address)
-- Lets the administrator in; the address is for the audit rows of this transaction.
-- Refuses: 1003 disabled; 401 no such administrator, token version over
-- Writes: nothing
-- Tells: nobody
create function api.admin_enter(admin bigint, ver integer, address inet default null) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  who im.admin;
begin
  select * into who from im.admin a where a.id = admin;
  if who.disabled_at is not null then
    raise sqlstate 'I1003';
  elsif who.version is distinct from ver then
    raise sqlstate 'I0401';
  end if;
  perform set_config('im.address', coalesce(host(address), ''), true);
end $$;
