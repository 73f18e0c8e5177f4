-- The roles of the programs: log in, use schema api, nothing else.  Passwords are set by whoever deploys.
-- :timezone is the zone in which clients see times.

\if :{?timezone}
\else
  \set timezone 'Asia/Shanghai'
\endif
select set_config('im.deploy_timezone', :'timezone', true) \gset ignored_

do $$
declare
  program text;
  role text;
begin
  execute format('revoke temporary, connect on database %I from public', current_database());
  revoke connect on database postgres from public;
  foreach program in array array['auth', 'user', 'wallet', 'friend', 'group', 'message', 'socket', 'webrtc',
                                 'redpacket', 'file', 'system', 'backstage', 'clerk'] loop
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
    execute format('alter role %I set idle_in_transaction_session_timeout = %L', role, '10s');
    -- A refusal is an exception by design: the program logs it, the server must not.
    execute format('alter role %I set log_min_messages = fatal', role);
    execute format('alter role %I set log_min_error_statement = panic', role);
  end loop;
end $$;
