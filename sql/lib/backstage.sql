-- Internal functions about administrators.

delete from im.permission;
insert into im.permission (role, permission)
select r.role, p.permission
  from (values
    ('user.read',         '{super,moderator,finance,auditor}'::text[]),
    ('user.ban',          '{super,moderator}'),
    ('group.read',        '{super,moderator,auditor}'),
    ('group.ban',         '{super,moderator}'),
    ('word.read',         '{super,moderator,auditor}'),
    ('word.write',        '{super,moderator}'),
    ('message.read',      '{super,moderator,auditor}'),
    ('message.recall',    '{super,moderator}'),
    ('complaint.read',    '{super,moderator,auditor}'),
    ('complaint.resolve', '{super,moderator}'),
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

-- Refuses 403 unless the administrator's role has the permission.
create or replace function im.permit(admin bigint, needed text) returns void
language plpgsql stable as $$
begin
  if not exists (select from im.admin a join im.permission p on p.role = a.role
                  where a.id = admin and a.disabled_at is null and p.permission = needed) then
    raise sqlstate 'I0403';
  end if;
end $$;

-- What a link of the chain covers: the row in jsonb's own canonical order, and the hash before it.
create or replace function im.audit_hash(a im.audit) returns bytea
language plpgsql immutable as $$
begin
  return sha256(a.previous || convert_to(jsonb_build_object(
    'id', a.id, 'admin', a.admin_id, 'action', a.action, 'target', a.target, 'before', a.before, 'after', a.after,
    'reason', a.reason, 'address', host(a.address), 'at', extract(epoch from a.created_at))::text, 'UTF8'));
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
             lag(a.hash, 1, sha256('im-chat audit')) over w as before, row_number() over w as place
        from im.audit a window w as (order by a.id)
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
        from im.audit_head h
       where h.id <> coalesce((select max(a.id) from im.audit a), 0)
          or not (h.id = 0 or exists (select from im.audit a where a.id = h.id and a.hash = h.hash));
  end if;
end $$;

-- Counts a wrong password; the one that locks him for this address is recorded.
create or replace function im.admin_wrong(admin bigint, origin text) returns void
language plpgsql as $$
begin
  perform im.login_failed('admin ' || admin, origin);
  if im.login_failures('admin ' || admin || ' ' || origin) = im.setting_int('admin.lock_after') then
    perform im.audit_write(admin, 'login', 'admin ' || admin, null, '{"locked": true}', 'wrong passwords');
  end if;
end $$;

-- imctl admin add: a new administrator.
create or replace function im.admin_create(new_name text, hash text, new_role text) returns bigint
language plpgsql as $$
declare
  new_id bigint;
begin
  insert into im.admin (name, password_hash, role) values (new_name, hash, new_role) returning id into new_id;
  perform im.audit_write(null, 'admin.write', 'admin ' || new_id, null,
                         jsonb_build_object('name', new_name, 'role', new_role), 'imctl');
  return new_id;
end $$;

-- imctl admin password: a forgotten password is set anew on the machine itself; open tokens end.
create or replace function im.admin_password(of_name text, hash text) returns void
language plpgsql as $$
declare
  found_id bigint;
begin
  update im.admin a
     set password_hash = hash, version = a.version + 1
   where lower(a.name) = lower(of_name)
  returning a.id into strict found_id;
  delete from im.login_failure f where f.key = 'admin ' || found_id or f.key like 'admin ' || found_id || ' %';
  perform im.audit_write(null, 'admin.write', 'admin ' || found_id, null, '{"password": "changed"}', 'imctl');
end $$;
