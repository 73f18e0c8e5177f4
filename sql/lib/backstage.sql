-- Internal functions about administrators.

delete from im.permission;
insert into im.permission (role, permission)
select r.role, p.permission
  from (values
    ('user.read',         '{super,moderator,finance,auditor}'::text[]),
    ('user.ban',          '{super,moderator}'),
    ('user.kick',         '{super,moderator}'),
    ('user.reset',        '{super}'),
    ('user.close',        '{super}'),
    ('group.read',        '{super,moderator,auditor}'),
    ('group.ban',         '{super,moderator}'),
    ('group.write',       '{super,moderator}'),
    ('word.read',         '{super,moderator,auditor}'),
    ('word.write',        '{super,moderator}'),
    ('message.read',      '{super,moderator,auditor}'),
    ('message.recall',    '{super,moderator}'),
    ('complaint.read',    '{super,moderator,auditor}'),
    ('complaint.resolve', '{super,moderator}'),
    ('file.read',         '{super,moderator,auditor}'),
    ('file.remove',       '{super,moderator}'),
    ('notice.read',       '{super,moderator,auditor}'),
    ('notice.send',       '{super,moderator}'),
    ('recharge.read',     '{super,finance,auditor}'),
    ('recharge.approve',  '{super,finance}'),
    ('withdraw.read',     '{super,finance,auditor}'),
    ('withdraw.approve',  '{super,finance}'),
    ('withdraw.pay',      '{super,finance}'),
    ('fund.read',         '{super,finance,auditor}'),
    ('fund.check',        '{super,finance,auditor}'),
    ('redpacket.read',    '{super,finance,auditor}'),
    ('stat.read',         '{super,moderator,finance,auditor}'),
    ('audit.read',        '{super,auditor}'),
    ('admin.read',        '{super,auditor}'),
    ('admin.write',       '{super}')
  ) as p (permission, roles)
  cross join lateral unnest(p.roles) as r (role);

-- Whether the administrator's role has the permission.
create or replace function im.permitted(admin bigint, needed text) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.admin a join im.permission p on p.role = a.role
                  where a.id = admin and a.disabled_at is null and p.permission = needed);
end $$;

-- Refuses 403 unless it has.
create or replace function im.permit(admin bigint, needed text) returns void
language plpgsql stable as $$
begin
  if not im.permitted(admin, needed) then
    raise sqlstate 'I0403' using hint = 'the role lacks the permission';
  end if;
end $$;

-- The row in jsonb's own canonical order.
create or replace function im.audit_text(a im.audit) returns text
language plpgsql immutable as $$
begin
  return jsonb_build_object(
    'id', a.id, 'admin', a.admin_id, 'action', a.action, 'target', a.target, 'before', a.before, 'after', a.after,
    'reason', a.reason, 'address', host(a.address), 'at', extract(epoch from a.created_at))::text;
end $$;

-- What a link of the chain covers: the row, and the hash before it.
create or replace function im.audit_hash(a im.audit) returns bytea
language plpgsql immutable as $$
begin
  return sha256(a.previous || convert_to(im.audit_text(a), 'UTF8'));
end $$;

-- Records an act; the last thing a function does, because it holds the end of the chain until the commit.
-- The address is the one admin_enter() was given.
create or replace function im.audit_write(admin bigint, act text, act_target text, was jsonb, became jsonb,
                                          act_reason text) returns void
language plpgsql as $$
declare
  link im.audit;
begin
  update im.audit_head set id = id + 1 returning id, hash into link.id, link.previous;
  link.admin_id := admin;
  link.action := act;
  link.target := act_target;
  link.before := was;
  link.after := became;
  link.reason := act_reason;
  link.address := nullif(current_setting('im.address', true), '')::inet;
  link.created_at := clock_timestamp();
  link.hash := im.audit_hash(link);
  insert into im.audit select link.*;
  update im.audit_head set hash = link.hash;
end $$;

-- The first link that does not hold, or no row: links are dense, each hash is right and is the next one's previous,
-- and the last one is the head.
create or replace function im.audit_check() returns table (id bigint, problem text)
language plpgsql stable as $$
begin
  return query
    with link as (
      select a.id, a.hash, a.previous, im.audit_hash(a) as computed,
             lag(a.hash, 1, t.hash) over w as before, t.id + row_number() over w as place
        from im.audit a, im.audit_tail t window w as (order by a.id)
    )
    select l.id, case when l.id <> l.place then 'a row before this one is missing'
                      when l.previous <> l.before then 'does not follow the row before it'
                      else 'was changed' end
      from link l
     where l.id <> l.place or l.previous <> l.before or l.hash <> l.computed
     order by l.id limit 1;
  if not found then
    return query
      select h.id, 'rows at the end are missing'
        from im.audit_head h, im.audit_tail t
       where h.id <> coalesce((select max(a.id) from im.audit a), t.id)
          or not ((h.id, h.hash) = (t.id, t.hash) or exists (select from im.audit a where a.id = h.id and a.hash = h.hash));
  end if;
end $$;

-- Every try to log in leaves a row, whatever becomes of it; the code is refused after that is kept.
create or replace function im.admin_tried(admin bigint, origin inet, device text, code integer) returns void
language plpgsql as $$
begin
  insert into im.admin_login (admin_id, address, device, result)
  values (admin, origin, left(coalesce(device, ''), 200), code);
  if code <> 200 then
    perform im.login_refuse(code);
  end if;
end $$;

-- Counts a wrong password, or a wrong code of the second factor; the one that locks him for this address is recorded.
create or replace function im.admin_wrong(admin bigint, origin text) returns void
language plpgsql as $$
begin
  perform im.login_failed('admin ' || admin, origin);
  if im.login_failures('admin ' || admin || ' ' || origin) = im.setting_int('admin.lock_after') then
    perform im.audit_write(admin, 'login', 'admin ' || admin, null, '{"locked": true}', 'wrong passwords');
  end if;
end $$;

-- What stands between an administrator whose password was right or wrong and his session: 0 nothing, or a code.
-- step: that of the time-based code given, 0 when it is none of his, null when he gave none.
create or replace function im.admin_refusal(who im.admin, ok boolean, step bigint) returns integer
language plpgsql stable as $$
begin
  if who.disabled_at is not null then
    return 1003;
  elsif not ok then
    return 1002;
  elsif who.totp_secret is not null and coalesce(step, 0) <= who.totp_step then
    return 1008;
  end if;
  return 0;
end $$;

-- What he does to himself (a password, a code) is guessed at by whoever has his token.  Refuses 1007 after too many.
create or replace function im.admin_guard(admin bigint) returns void
language plpgsql stable as $$
begin
  if im.login_failures('admin ' || admin || ' self ' || admin) >= im.setting_int('admin.lock_after') then
    raise sqlstate 'I1007' using hint = 'the administrator has guessed his own password too often';
  end if;
end $$;

-- Ends his sessions but this one (null: all).
create or replace function im.admin_expel(admin bigint, mine bigint) returns void
language plpgsql as $$
begin
  update im.admin_session s set ended_at = now()
   where s.admin_id = admin and s.ended_at is null and s.id is distinct from mine;
end $$;

-- Nobody reviews what is his own.  Refuses 403.
create or replace function im.admin_stranger(admin bigint, account bigint) returns void
language plpgsql stable as $$
begin
  if exists (select from im.admin a where a.id = admin and a.account_id = account) then
    raise sqlstate 'I0403' using hint = 'the order is of the own account of the administrator';
  end if;
end $$;

-- A new administrator; by is who made him, null imctl.
create or replace function im.admin_create(new_name text, hash text, new_role text, by bigint default null) returns bigint
language plpgsql as $$
declare
  new_id bigint;
begin
  insert into im.admin (name, password_hash, role) values (new_name, hash, new_role) returning id into new_id;
  perform im.audit_write(by, 'admin.write', 'admin ' || new_id, null,
                         jsonb_build_object('name', new_name, 'role', new_role), case when by is null then 'imctl' end);
  return new_id;
end $$;

-- Takes a lock on an administrator that is to be changed, and on all that may act for him.  Refuses 404.
create or replace function im.admin_take(admin bigint) returns im.admin
language plpgsql as $$
declare
  taken im.admin;
begin
  perform from im.admin a order by a.id for update;      -- few; so that two never disable each other as the last
  select * into taken from im.admin a where a.id = admin;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such administrator';
  end if;
  return taken;
end $$;

-- A change of an administrator, by another one or (null) on the machine.  What is null stays.  A new role, a new password
-- or being disabled ends what he is doing.  Somebody who may write administrators is left over: refuses 403.
create or replace function im.admin_change(by bigint, was im.admin, new_role text, hash text, off boolean, no_totp boolean)
returns void
language plpgsql as $$
begin
  update im.admin a
     set role = coalesce(new_role, a.role), password_hash = coalesce(hash, a.password_hash),
         disabled_at = case when off then coalesce(a.disabled_at, now()) when off is null then a.disabled_at end,
         totp_secret = case when no_totp is not true then a.totp_secret end, version = a.version + 1
   where a.id = was.id;
  if not exists (select from im.admin a where a.role = 'super' and a.disabled_at is null) then
    raise sqlstate 'I0403' using hint = 'no administrator with role super would be left';
  end if;
  perform im.admin_expel(was.id, null);
  if hash is not null then
    delete from im.login_failure f where f.key = 'admin ' || was.id or f.key like 'admin ' || was.id || ' %';
  end if;
  perform im.audit_write(by, 'admin.write', 'admin ' || was.id,
    jsonb_build_object('role', was.role, 'disabled', was.disabled_at is not null),
    jsonb_strip_nulls(jsonb_build_object('role', new_role, 'password', case when hash is not null then 'changed' end,
      'disabled', off, 'totp', case when no_totp then false end)), case when by is null then 'imctl' end);
end $$;

-- imctl admin password, disable, enable, totp-off: on the machine itself.
create or replace function im.admin_by_name(of_name text) returns im.admin
language plpgsql as $$
declare
  found_id bigint;
begin
  select a.id into found_id from im.admin a where lower(a.name) = lower(of_name);
  if not found then
    raise exception 'there is no administrator %', of_name using errcode = 'P0002';
  end if;
  return im.admin_take(found_id);
end $$;

create or replace function im.admin_password(of_name text, hash text) returns void
language plpgsql as $$
begin
  perform im.admin_change(null, im.admin_by_name(of_name), null, hash, null, null);
end $$;

create or replace function im.admin_disable(of_name text, off boolean) returns void
language plpgsql as $$
begin
  perform im.admin_change(null, im.admin_by_name(of_name), null, null, off, null);
end $$;

create or replace function im.admin_totp_off(of_name text) returns void
language plpgsql as $$
begin
  perform im.admin_change(null, im.admin_by_name(of_name), null, null, null, true);
end $$;

-- Job of imclerk: forgets tries to log in that are old, and sessions that nobody can use.
create or replace function im.due_backstage() returns bigint
language plpgsql as $$
declare
  tried timestamptz := now() - im.setting_interval('admin.login_keep');
  gone bigint;
  n bigint;
begin
  delete from im.admin_login l
   where l.id in (select o.id from im.admin_login o where o.created_at < tried order by o.created_at limit 1000);
  get diagnostics gone = row_count;
  delete from im.admin_session s
   where s.id in (select o.id from im.admin_session o where o.created_at < tried order by o.created_at limit 1000);
  get diagnostics n = row_count;
  return gone + n;
end $$;
