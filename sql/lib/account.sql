-- Internal functions about accounts.

-- True when the digest is that of the account's trade password.  Refuses 400 none given, 4003 none set, 4004 locked; a wrong one
-- is counted, refused (4002) at the end of the transaction, and answered false: the caller returns at once.
create or replace function im.trade_verify(account bigint, given text) returns boolean
language plpgsql as $$
declare
  kept im.trade_password;
  wrong_now integer;
begin
  if given is null then
    raise sqlstate 'I0400' using message = 'tradePassword', hint = 'no trade password is given';
  end if;
  select * into kept from im.trade_password t where t.account_id = account for update;
  if not found then
    raise sqlstate 'I4003' using hint = 'no trade password is set';
  elsif kept.locked_until > now() then
    raise sqlstate 'I4004' using hint = 'the trade password is locked';
  elsif kept.digest = given then
    if kept.wrong > 0 then
      update im.trade_password t set wrong = 0, locked_until = null where t.account_id = account;
    end if;
    return true;
  end if;
  -- A lock that has run out forgives the tries before it.
  wrong_now := case when kept.locked_until is null then kept.wrong else 0 end + 1;
  update im.trade_password t
     set wrong = wrong_now,
         locked_until = case when wrong_now >= im.setting_int('trade.wrong_limit')
                             then now() + im.setting_interval('trade.lock') end
   where t.account_id = account;
  perform im.refuse_later(4002, 'the trade password is wrong');
  return false;
end $$;

create or replace function im.account_banned(status text, banned_until timestamptz) returns boolean
language sql stable as $$
  select status = 'banned' and coalesce(banned_until > now(), true)
$$;

-- Whether a moderator has muted the account; the lock of enter() has waited for him.
create or replace function im.account_muted(account bigint) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.account_mute m where m.account_id = account and m.until > clock_timestamp());
end $$;

-- Refuses 3006 a message of his; the record of a call (8) is nobody's words.
create or replace function im.account_speaks(account bigint, type_number integer) returns boolean
language plpgsql stable as $$
begin
  if type_number <> 8 and im.account_muted(account) then
    raise sqlstate 'I3006' using hint = 'a moderator has muted the account';
  end if;
  return true;
end $$;

-- What a refused log-in says besides: why, and until when.
create or replace function im.account_ban_text(a im.account) returns text
language plpgsql stable as $$
begin
  return coalesce(nullif(concat_ws(', ', nullif(a.ban_reason, ''), im.time_text(a.banned_until)), ''), 'I1003');
end $$;

-- Where a password comes from: an address, of IPv6 the network, which is one customer's.
create or replace function im.login_origin(address inet) returns text
language plpgsql immutable as $$
begin
  return case family(address) when 6 then network(set_masklen(address, 64))::text else host(address) end;
end $$;

-- Counts a wrong password: of whom ('user 10001', 'admin 1'; null: nobody there is), from where (an origin, or 'session 7'),
-- and of both together.
create or replace function im.login_failed(who text, origin text) returns void
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('login.window');
  counted text;
begin
  foreach counted in array array[who, origin, who || ' ' || origin] loop
    insert into im.login_failure as f (key, count, since)
    select counted, 1, now() where counted is not null
    on conflict on constraint login_failure_pkey do update
      set count = case when f.since < oldest then 1 else f.count + 1 end,
          since = case when f.since < oldest then now() else f.since end;
  end loop;
end $$;

-- How often, within the window.
create or replace function im.login_failures(counted text) returns integer
language plpgsql stable as $$
begin
  return coalesce((select f.count from im.login_failure f
                    where f.key = counted and f.since >= now() - im.setting_interval('login.window')), 0);
end $$;

-- A right password forgets the wrong ones before it, but not what the address did to others.
create or replace function im.login_forgive(who text, origin text) returns void
language plpgsql as $$
begin
  delete from im.login_failure f where f.key in (who, who || ' ' || origin);
end $$;

-- Whether the account has logged in from there before, and did not end that for fear of somebody.
create or replace function im.login_known(account bigint, origin text) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.session s
                  where s.account_id = account and im.login_origin(s.address) = origin
                    and coalesce(s.revoke_reason, 'logout') in ('logout', 'expired'));
end $$;

-- What stands before a password (0: nothing) when no captcha was solved.  An account is locked for the origin that guessed
-- only.  Guesses from wherever end in the captcha; but where the account is known, only those from there count, so that no
-- stranger makes its owner solve one.
create or replace function im.login_guard(who text, origin text, lock_after integer, known boolean default false) returns integer
language plpgsql stable as $$
declare
  captcha_after integer := im.setting_int('login.captcha_after');
  here integer := im.login_failures(who || ' ' || origin);
begin
  if here >= lock_after then
    return 1007;
  elsif here >= captcha_after or (not known and im.login_failures(who) >= captcha_after)
     or im.login_failures(origin) >= im.setting_int('login.captcha_after_address') then
    return 1006;
  end if;
  return 0;
end $$;

-- Refuses a log-in with one of these codes, later.
create or replace function im.login_refuse(code integer) returns void
language plpgsql as $$
begin
  case code
    when 1001 then perform im.refuse_later(1001, 'nobody has that name');
    when 1002 then perform im.refuse_later(1002, 'the password of a log-in is wrong');
    when 1003 then perform im.refuse_later(1003, 'the administrator who logs in is disabled');
    when 1006 then perform im.refuse_later(1006, 'after so many failures of the account or the address a captcha is wanted');
    when 1007 then perform im.refuse_later(1007, 'the address has guessed at the account too often');
    when 1008 then perform im.refuse_later(1008, 'the code of a log-in is missing, wrong or used');
  end case;
end $$;

-- Refuses 1007 a session, whoever holds its token, that has guessed its account's password too often.
create or replace function im.login_session_guard(session bigint) returns void
language plpgsql stable as $$
begin
  if im.login_failures('session ' || session) >= im.setting_int('login.lock_after') then
    raise sqlstate 'I1007' using hint = 'the session has guessed too often';
  end if;
end $$;

-- True when the captcha is right.  It is used up by being tried.
-- Chinese input methods type full-width letters, and a blank behind them: NFKC makes both plain.
create or replace function im.captcha_solved(captcha uuid, code text) returns boolean
language plpgsql as $$
declare
  answer text;
begin
  delete from im.captcha c
   where c.id = captcha and c.created_at >= now() - im.setting_interval('captcha.ttl')
  returning c.answer into answer;
  return coalesce(lower(answer) = lower(btrim(normalize(code, nfkc), e' \t\r\n')), false);
end $$;

-- Ends one session, and closes its sockets.
create or replace function im.session_end(ended bigint, why text) returns void
language plpgsql as $$
declare
  account bigint;
begin
  update im.session s set revoked_at = now(), revoke_reason = why where s.id = ended and s.revoked_at is null
  returning s.account_id into account;
  perform im.connection_close(array(select c.id from im.connection c where c.account_id = account and c.session_id = ended));
end $$;

-- Ends a session of which somebody else has a token, and says so: to its sockets why they are closed, and to the account in a
-- notice, which waits for whoever is not there.
create or replace function im.session_stolen(stolen im.session) returns void
language plpgsql as $$
begin
  perform im.tell_sockets(
    array(select c.id from im.connection c where c.account_id = stolen.account_id and c.session_id = stolen.id and c.ended_at is null),
    'SYSTEM_MESSAGE', json_build_object('event', 'KICK', 'reason', 'reuse'));
  perform im.session_end(stolen.id, 'reuse');
  perform im.notice_tell(null, array[stolen.account_id], 'SECURITY', im.setting_text('session.reuse_title'),
    replace(im.setting_text('session.reuse_text'), '{device}', stolen.device));
end $$;

-- Ends the account's other sessions, and tells their sockets why.
create or replace function im.session_end_others(account bigint, mine bigint, why text) returns void
language plpgsql as $$
declare
  other bigint;
begin
  perform im.tell_sockets(
    array(select c.id from im.connection c where c.account_id = account and c.session_id <> mine and c.ended_at is null),
    'SYSTEM_MESSAGE', json_build_object('event', 'KICK', 'reason', why));
  for other in select s.id from im.session s where s.account_id = account and s.id <> mine and s.revoked_at is null order by s.id loop
    perform im.session_end(other, why);
  end loop;
end $$;

-- Every token of the account is void from the end of this transaction on; its sockets are told why, and closed.
create or replace function im.account_expel(account bigint, why text, event text, told_reason text) returns void
language plpgsql as $$
begin
  update im.account a set version = a.version + 1, updated_at = now() where a.id = account;
  update im.session s set revoked_at = now(), revoke_reason = why where s.account_id = account and s.revoked_at is null;
  perform im.tell(array[account], 'SYSTEM_MESSAGE', json_build_object('event', event, 'reason', told_reason));
  perform im.connection_close(array(select im.connection_living(account)));
end $$;

-- Job of imclerk: forgets sessions long over, captchas nobody answered, failures out of their window, names held long enough.
create or replace function im.due_account() returns bigint
language plpgsql as $$
declare
  unsolved timestamptz := now() - im.setting_interval('captcha.ttl');
  failed timestamptz := now() - im.setting_interval('login.window');
  refreshed timestamptz := now() - im.setting_interval('token.session_ttl') - interval '1 day';
  gone bigint := 0;
  n bigint;
begin
  delete from im.captcha c
   where c.id in (select o.id from im.captcha o where o.created_at < unsolved order by o.created_at limit 5000);
  get diagnostics n = row_count;
  gone := gone + n;
  delete from im.login_failure f
   where f.key in (select o.key from im.login_failure o where o.since < failed order by o.since limit 5000);
  get diagnostics n = row_count;
  gone := gone + n;
  delete from im.session s
   where s.id in (select o.id from im.session o where o.refreshed_at < refreshed order by o.refreshed_at limit 1000);
  get diagnostics n = row_count;
  gone := gone + n;
  delete from im.name_held h where h.digest in (select o.digest from im.name_held o where o.until < now() limit 1000);
  get diagnostics n = row_count;
  return gone + n;
end $$;

-- For the backstage: the account writes no messages until then (null: until lifted).  Waits as a ban does.  Refuses 1001.
create or replace function im.account_mute(account bigint, until timestamptz, why text) returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(account);
  if not exists (select from im.account a where a.id = account and a.status <> 'closed') then
    raise sqlstate 'I1001' using hint = 'no such account to mute';
  end if;
  insert into im.account_mute as m (account_id, until, reason) values (account, coalesce(account_mute.until, 'infinity'), why)
  on conflict on constraint account_mute_pkey do update set until = excluded.until, reason = excluded.reason;
end $$;

-- For the backstage: bans an account until then (null: until lifted), ends its sessions and closes its sockets.
-- Waits for what the account is just doing, so that nothing of it commits after the ban.  Refuses 1001.
create or replace function im.account_ban(account bigint, until timestamptz, why text) returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(account);
  update im.account a set status = 'banned', banned_until = until, ban_reason = why where a.id = account and a.status <> 'closed';
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account to ban';
  end if;
  perform im.account_expel(account, 'ban', 'BANNED', why);
end $$;

-- Refuses 1001; lifting a ban that is not there changes nothing.
create or replace function im.account_unban(account bigint) returns void
language plpgsql as $$
begin
  update im.account a set status = 'normal', banned_until = null, ban_reason = null where a.id = account and a.status <> 'closed';
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account to unban';
  end if;
end $$;

-- After each deployment: the keys of telephone numbers that other tables of libphonenumber have made.  Not asked of those of
-- Chinese mobiles, which nearly all are.  Whose number is another's by now, or none, keeps the key that it had.
create or replace function im.phone_rekey() returns integer
language plpgsql as $$
declare
  account bigint;
  changed integer := 0;
begin
  for account in select a.id from im.account a where a.phone_key !~ '^\+861[0-9]{10}$' and a.phone_key is distinct from im.phone_key(a.phone) loop
    begin
      update im.account a set phone = a.phone where a.id = account;
      changed := changed + 1;
    exception when unique_violation or check_violation then
      raise notice 'account % keeps the key of its telephone number', account;
    end;
  end loop;
  return changed;
end $$;
select im.phone_rekey();
