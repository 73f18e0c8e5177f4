-- The schema as it results from all of sql/, a line a fact, sorted by t/sql.t: t/sql/schema.txt.
-- Nothing in it is of this machine, this deployment or this version of PostgreSQL.
set client_min_messages = warning;
set search_path = pg_catalog;

select 'role ' || r.rolname
       || case when r.rolcanlogin then ' login' else '' end || case when r.rolsuper then ' superuser' else '' end
       || case when r.rolcreaterole then ' createrole' else '' end || case when r.rolcreatedb then ' createdb' else '' end
       || case when r.rolreplication then ' replication' else '' end || case when r.rolbypassrls then ' bypassrls' else '' end
       || case when r.rolinherit then '' else ' noinherit' end
       || coalesce((select string_agg(' in ' || g.rolname, '' order by g.rolname)
                      from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid), '')
  from pg_roles r where r.rolname ~ '^im_';

select 'role ' || r.rolname || ' set ' || s
  from pg_roles r, unnest(r.rolconfig) s where r.rolname ~ '^im_' and s !~* '^timezone=';

select 'database grant ' || string_agg(x.privilege_type, ', ' order by x.privilege_type) || ' to ' || coalesce(g.rolname, 'public')
  from pg_database d cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x left join pg_roles g on g.oid = x.grantee
 where d.datname = current_database() and coalesce(g.rolname, 'public') <> 'postgres'
 group by g.rolname;

select 'schema ' || n.nspname || ' owner ' || pg_get_userbyid(n.nspowner)
       || coalesce((select string_agg(' grant ' || x.privilege_type || ' to ' || coalesce(g.rolname, 'public'), ','
                                      order by g.rolname, x.privilege_type)
                      from aclexplode(n.nspacl) x left join pg_roles g on g.oid = x.grantee
                     where x.grantee <> n.nspowner), '')
  from pg_namespace n where n.nspname in ('im', 'api');

select 'domain im.' || t.typname || ' ' || format_type(t.typbasetype, t.typtypmod)
       || coalesce((select string_agg(' constraint ' || c.conname || ' ' || pg_get_constraintdef(c.oid), '' order by c.conname)
                      from pg_constraint c where c.contypid = t.oid), '')
  from pg_type t where t.typnamespace = 'im'::regnamespace and t.typtype in ('d', 'e');

-- Tables; what a table is made of stands under its name.
create function pg_temp.facts() returns table (line text) language sql as $$
  select format('table %s.%s%s%s', n.nspname, c.relname,
           case c.relkind when 'v' then ' view' when 'm' then ' materialized view' when 'S' then ' sequence' when 'p' then ' partitioned' else '' end,
           coalesce(' with ' || (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o), ''))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('im', 'api') and c.relkind in ('r', 'v', 'm', 'p', 'f')
  union all
  select format('table %s.%s column %s %s%s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           case when a.attnotnull then ' not null' else '' end,
           case when a.attidentity <> '' then ' identity' when a.attgenerated <> '' then ' generated' else '' end,
           coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
   where n.nspname in ('im', 'api') and c.relkind in ('r', 'v', 'm', 'p', 'f')
  union all
  select format('table %s.%s constraint %s %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid))
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('im', 'api') and k.contype <> 'n'
  union all
  select format('table %s.%s %s', i.schemaname, i.tablename, regexp_replace(i.indexdef, '^CREATE (UNIQUE )?INDEX', '\1index'))
    from pg_indexes i where i.schemaname in ('im', 'api')
  union all
  select format('table %s.%s trigger %s', n.nspname, c.relname, regexp_replace(pg_get_triggerdef(t.oid), '^CREATE ', ''))
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('im', 'api') and not t.tgisinternal
  union all
  select format('table %s.%s grant %s to %s', n.nspname, c.relname, x.privilege_type, coalesce(g.rolname, 'public'))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join aclexplode(c.relacl) x left join pg_roles g on g.oid = x.grantee
   where n.nspname in ('im', 'api') and x.grantee <> c.relowner
$$;
select replace(line, e'\n', '\n') from pg_temp.facts();

select format('function %s.%s(%s) returns %s %s%s%s owner %s%s', n.nspname, p.proname, pg_get_function_arguments(p.oid),
         pg_get_function_result(p.oid), l.lanname,
         case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end,
         case when p.prosecdef then ' security definer' else '' end || coalesce(' set ' || array_to_string(p.proconfig, ' set '), ''),
         pg_get_userbyid(p.proowner),
         coalesce((select ' grant ' || string_agg(coalesce(g.rolname, 'public'), ', ' order by g.rolname)
                     from aclexplode(p.proacl) x left join pg_roles g on g.oid = x.grantee where x.grantee <> p.proowner), ''))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
 where n.nspname in ('im', 'api');

-- What everybody may not do any more.
select distinct 'revoked from public ' || p.proname
  from pg_proc p
 where p.pronamespace = 'pg_catalog'::regnamespace
   and exists (select from aclexplode(p.proacl) x where x.grantee = 'im_owner'::regrole);
select 'language ' || l.lanname || ' grant to ' || string_agg(coalesce(g.rolname, 'public'), ', ' order by g.rolname)
  from pg_language l cross join aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) x left join pg_roles g on g.oid = x.grantee
 where l.lanname in ('sql', 'plpgsql') group by l.lanname;
