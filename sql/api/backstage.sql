-- Backstage, port 8081: the door for administrators.

-- POST /login, first half  admin_login_find(username)
-- The hash to check the password against; no row when nobody has that name.
-- Refuses: 1003 disabled; 1007 locked for a while
-- Writes: nothing
-- Tells: nobody
create function api.admin_login_find(name im.login_name) returns table (admin bigint, hash text)
language plpgsql stable security definer set search_path = im, pg_temp as $$
declare
  found_admin im.admin;
begin
  select * into found_admin from im.admin a where lower(a.name) = lower(admin_login_find.name);
  if not found then
    return;
  elsif found_admin.disabled_at is not null then
    raise sqlstate 'I1003';
  elsif found_admin.locked_until > now() then
    raise sqlstate 'I1007';
  end if;
  return query select found_admin.id, found_admin.password_hash;
end $$;

-- POST /login, second half  admin_login_done(:account, :matched, :address)
-- Ends a log-in: counts a wrong password, or answers what the token needs.
-- Refuses: 1001 unknown (admin null); 1002 wrong password; 1003 disabled; 1007 locked for a while
-- Writes: admin, audit, audit_head
-- Tells: nobody
create function api.admin_login_done(admin bigint, ok boolean, address inet)
returns table ("adminId" bigint, name text, role text, ver integer, "issuedAt" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  who im.admin;
begin
  if admin is null then
    raise sqlstate 'I1001';
  end if;
  select * into strict who from im.admin a where a.id = admin for update;
  if who.disabled_at is not null then
    raise sqlstate 'I1003';
  elsif who.locked_until > now() then
    raise sqlstate 'I1007';
  end if;
  perform set_config('im.address', host(address), true);
  if not ok then
    perform im.admin_wrong(who);
    perform im.refuse_later(1002);
    return;
  end if;
  if who.wrong > 0 then
    update im.admin a set wrong = 0, locked_until = null where a.id = who.id;
  end if;
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
