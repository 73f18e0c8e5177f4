-- Who there is, and what each may do by himself.  Run by the superuser; everything after it belongs to im_owner.
-- The roles of the programs log in, use schema api, and nothing else.  Passwords are set by whoever deploys.
-- :programs are those of the file programs that have a role, :timezone is the zone in which clients see times.

\if :{?timezone}
\else
  \set timezone 'Asia/Shanghai'
\endif
select set_config('im.deploy_timezone', :'timezone', true), set_config('im.deploy_programs', :'programs', true) as programs \gset ignored_

-- im_owner owns the schema and cannot leave it: its functions are what an injection would run in.
alter role im_owner nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
grant pg_read_all_stats, pg_signal_backend to im_owner;     -- im.due_backend
do $$
begin
  execute format('grant connect, create on database %I to im_owner', current_database());
  execute format('revoke temporary, connect on database %I from public', current_database());
end $$;
revoke connect on database postgres, template1 from public;     -- where nothing of the below is taken away

-- Whoever copies the cluster, and whoever watches it: neither sees a table.
select 'create role im_backup login replication' where not exists (select from pg_roles where rolname = 'im_backup') \gexec
select 'create role im_monitor login' where not exists (select from pg_roles where rolname = 'im_monitor') \gexec
grant pg_monitor to im_monitor;
grant pg_read_all_settings to im_backup;
do $$
begin
  execute format('grant connect on database %I to im_monitor, im_backup', current_database());
end $$;
revoke all on schema public from public;

do $$
declare
  program text;
  role text;
begin
  foreach program in array string_to_array(trim(current_setting('im.deploy_programs')), ' ') loop
    role := 'im_' || program;
    if not exists (select from pg_roles where rolname = role) then
      execute format('create role %I login nosuperuser nocreatedb nocreaterole noinherit', role);
    end if;
    execute format('grant connect on database %I to %I', current_database(), role);
    execute format('alter role %I set timezone = %L', role, current_setting('im.deploy_timezone'));
    execute format('alter role %I set datestyle = %L', role, 'ISO, YMD');
    execute format('alter role %I set search_path = api', role);
    execute format('alter role %I set statement_timeout = %L', role, '5s');
    execute format('alter role %I set lock_timeout = %L', role, '2s');
    -- Compiling a plan costs more than any request.
    execute format('alter role %I set jit = off', role);
    -- A plan that was made while a table was small would go on reading it from end to end.  The backstage, the clerk and
    -- metrics have questions about whole tables.
    if program not in ('backstage', 'clerk', 'metrics') then
      execute format('alter role %I set enable_seqscan = off', role);
    end if;
    execute format('alter role %I set idle_in_transaction_session_timeout = %L', role, '10s');
    -- A refusal is an exception by design: the program logs it, the server must not.
    execute format('alter role %I set log_min_messages = fatal', role);
    execute format('alter role %I set log_min_error_statement = panic', role);
  end loop;
end $$;

-- What PostgreSQL gives to everybody and no program needs: large objects, which fill the disk; advisory locks, on which
-- a log-in waits; sleeping, notifying, ending others of one's role, writing to the log of changes; code of one's own.
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid from pg_proc p
     where p.pronamespace = 'pg_catalog'::regnamespace
       and p.proname ~ '^(lo_|lo(read|write)$|be_lo_|pg_(try_)?advisory_|pg_sleep|pg_notify$|pg_(cancel|terminate)_backend$|pg_logical_emit_message$|pg_export_snapshot$)'
       and (p.proacl is null or exists (select from aclexplode(p.proacl) x where x.grantee = 0))
  loop
    execute format('revoke execute on function %s from public', f);
    execute format('grant execute on function %s to im_owner', f);
  end loop;
end $$;
-- And what pgbackrest asks for.
grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(), pg_create_restore_point(text),
  pg_try_advisory_lock(bigint) to im_backup;
revoke usage on language plpgsql, sql from public;
grant usage on language plpgsql, sql to im_owner;
