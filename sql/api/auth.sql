-- Accounts.  The program verifies passwords and signs tokens; what they mean is decided here.

-- POST /register  auth_register(username|userName!, :hash, nickName[20]!?, email?, phone?, :address, captchaId?, captchaCode?)
-- Makes an account and answers its id; the nick name is the user name when absent, the phone number too if it is a mobile's.
-- Refuses: 400 username is a mobile number, and phone another, or phone is no number anywhere; 403 nobody registers by himself here; 1004 name taken; 1005 phone or e-mail taken; 1006 captcha required after
--   many failures of the address
-- Writes: account; captcha (used up)
-- Tells: nobody
create function api.auth_register(username im.username, hash text, nickName im.nickname, email im.email,
                                  phone im.phone, address inet default null, captchaId uuid default null,
                                  captchaCode im.captcha_code default null)
returns table ("userId" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  taken text;
  code integer;
  own text := case when im.name_key(auth_register.username) ~ '^[0-9]{7,}$' then im.phone_key(auth_register.username) end;
begin
  auth_register.phone := nullif(auth_register.phone, '');
  if im.phone_key(auth_register.phone) is null and auth_register.phone is not null then
    raise sqlstate 'I0400' using message = 'phone', hint = 'there is no such telephone number';
  end if;
  if own is not null and own <> coalesce(im.phone_key(auth_register.phone), own) then
    raise sqlstate 'I0400' using message = 'username', hint = 'the user name is a mobile number, and not the account''s own';
  elsif own is not null then
    auth_register.phone := coalesce(auth_register.phone, auth_register.username::text::im.phone);
  end if;
  if im.setting_text('register.open') <> 'on' then
    raise sqlstate 'I0403' using hint = 'nobody registers by himself here';
  elsif not im.captcha_solved(captchaId, captchaCode) and im.login_guard(null, im.login_origin(address), 1) <> 0 then
    perform im.refuse_later(1006, 'after so many failures of the address a captcha is wanted to register');
    return;
  end if;
  code := im.name_refusal(auth_register.username, auth_register.email, auth_register.phone);
  if code is not null then
    perform im.refuse_later(code, 'an account closed lately holds the name, phone or e-mail');
    return;
  end if;
  return query
    insert into im.account (username, password_hash, nick_name, email, phone)
    values (auth_register.username, hash, coalesce(nickName, auth_register.username), nullif(auth_register.email, ''),
            auth_register.phone)
    returning id;
exception when unique_violation then        -- what the captcha was shown for has been tried
  get stacked diagnostics taken = constraint_name;
  delete from im.captcha c where c.id = captchaId;
  perform im.refuse_later(right(taken, 4)::integer, taken);
end $$;

-- POST /login, first half  auth_login_find(username|userName, :address, captchaId?, captchaCode?)
-- Whose name, phone or e-mail this is, the hash to compare with, and whether a captcha was solved; no row when nobody's.
-- Refuses: 1006 captcha required or wrong; 1007 too many failures of that address, and no captcha solved
-- Writes: captcha (used up)
-- Tells: nobody
create function api.auth_login_find(username im.login_name, address inet, captchaId uuid default null,
                                    captchaCode im.captcha_code default null)
returns table (account bigint, hash text, solved boolean)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  found_id bigint;
  found_hash text;
  key text := im.name_key(username);
  number text := im.phone_key(username);
  passed boolean := im.captcha_solved(captchaId, captchaCode);
  refusal integer := 0;
begin
  if key like '%@%' then
    select a.id, a.password_hash into found_id, found_hash from im.account a where a.email_key = key;
  else
    select a.id, a.password_hash into found_id, found_hash from im.account a where a.username_key = key;
    if found_id is null and number is not null then
      select a.id, a.password_hash into found_id, found_hash from im.account a where a.phone_key = number;
    end if;
  end if;
  if not passed then
    refusal := im.login_guard('user ' || found_id, im.login_origin(address), im.setting_int('login.lock_after'),
                              im.login_known(found_id, im.login_origin(address)));
  end if;
  if refusal <> 0 then
    perform im.login_refuse(refusal);
  elsif found_id is not null then
    return query select found_id, found_hash, passed;
  end if;
end $$;

-- POST /login, second half  auth_login_done(:account, :matched, :address, :device, :hash, :solved, :fresh)
-- Opens a session when the password matched, and the hash that it was compared with is the account's still; counts the
-- failure when not.  fresh, if any, is what that password is hashed to now.
-- Refuses: 1001 unknown user; 1002 wrong password; 1003 banned; 1006, 1007 too many failures meanwhile
-- Writes: session, login_failure, login_failure_address; fresh: account
-- Tells: nobody
create function api.auth_login_done(account bigint, ok boolean, address inet, device text, hash text, solved boolean,
                                    fresh text default null)
returns table ("userId" bigint, ver integer, session bigint, generation integer, "issuedAt" bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  found_account im.account;
  who text := 'user ' || account;
  origin text := im.login_origin(address);
  refusal integer;
  matched boolean;
begin
  if account is not null then
    perform pg_advisory_xact_lock_shared(account);
    select * into found_account from im.account a where a.id = auth_login_done.account for no key update;
  end if;
  -- Many guesses at once are all let in before the first of them is counted: who is late learns nothing of his.
  refusal := case when solved then 0 else im.login_guard(who, origin, im.setting_int('login.lock_after'), im.login_known(account, origin)) end;
  matched := account is not null and ok is true and found_account.password_hash is not distinct from hash;
  if not matched then
    perform im.login_failed(who, origin);
  end if;
  if refusal <> 0 then
    perform im.login_refuse(refusal);
    return;
  elsif not matched then
    perform im.login_refuse(case when account is null then 1001 else 1002 end);
    return;
  elsif im.account_banned(found_account.status, found_account.banned_until) then
    raise sqlstate 'I1003' using message = im.account_ban_text(found_account), hint = 'the account is banned';
  end if;
  perform im.login_forgive(who, origin);
  if fresh is not null then
    update im.account a set password_hash = fresh where a.id = auth_login_done.account;
  end if;
  return query
    insert into im.session as s (account_id, address, renewed_from, device)
    values (auth_login_done.account, auth_login_done.address, auth_login_done.address, left(coalesce(auth_login_done.device, ''), 200))
    returning s.account_id, found_account.version, s.id, s.generation, extract(epoch from s.refreshed_at)::bigint;
end $$;

-- PUT /setTradePwd, first half; PUT /modifyPwd, first half; POST /user/close, first half
--   auth_password_hash(:me, :session)
-- The hash to compare a login password with.
-- Refuses: 1007 too many failures of this session
-- Writes: nothing
-- Tells: nobody
create function api.auth_password_hash(me bigint, my_session bigint) returns text
language plpgsql stable security definer set search_path = im, pg_temp as $$
begin
  perform im.login_session_guard(my_session);
  return (select a.password_hash from im.account a where a.id = me);
end $$;

-- PUT /setTradePwd, second half  auth_trade_set(:me, :session, tradePassword#, oldTradePassword#?, :matched, :same)
-- Sets the trade password: the first one freely, another one for the old one or the login password, which also ends the
-- account's other sessions.  It is not the login password.
-- Refuses: 400 oldTradePassword (neither shown), tradePassword (the login password); 1002 wrong password; 1007 too many
--   failures of this session meanwhile; 4002 wrong old one; 4004 locked
-- Writes: connection, trade_password, outbox; sync_list of the first; session of another one; login_failure of a wrong login
--   password, or none
-- Tells: the account, the first one: SYSTEM_MESSAGE SELF; another one: SYSTEM_MESSAGE KICK
create function api.auth_trade_set(me bigint, my_session bigint, digest text, old_digest text, password_ok boolean,
                                   same boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.login_session_guard(my_session);
  if password_ok is null then     -- what is taken is not the login password: a guess at that, by whoever has the token
    perform im.login_failed(null, 'session ' || my_session);
  end if;
  insert into im.trade_password (account_id, digest) values (me, auth_trade_set.digest)
  on conflict on constraint trade_password_pkey do nothing;
  if found and same then
    raise sqlstate 'I0400' using message = 'tradePassword', hint = 'the first trade password is the log-in password';
  elsif found then
    perform im.sync_touch(array[me], 'SELF');
    perform im.tell(array[me], 'SYSTEM_MESSAGE', json_build_object('event', 'SELF', 'hasTradePassword', true));
    return;
  elsif password_ok is false then
    perform im.login_failed('user ' || me, 'session ' || my_session);
    perform im.refuse_later(1002, 'the log-in password that is to change the trade password is wrong');
    return;
  elsif password_ok is null and old_digest is null then
    raise sqlstate 'I0400' using message = 'oldTradePassword', hint = 'neither the old trade password nor the log-in password is shown';
  elsif password_ok is null and not im.trade_verify(me, old_digest) then
    return;
  elsif same then
    raise sqlstate 'I0400' using message = 'tradePassword', hint = 'the new trade password is the log-in password';
  end if;
  update im.trade_password t
     set digest = auth_trade_set.digest, wrong = 0, locked_until = null, updated_at = now()
   where t.account_id = me;
  perform im.session_end_others(me, my_session, 'trade');
end $$;

-- PUT /modifyPwd, second half  auth_password_change(:me, :session, :matched, :hash, :old, :trade)
-- A new password for the old one, whose hash is the account's still; every token of the account ends with the old one.  It
-- is not the trade password.
-- Refuses: 400 newPassword (the trade password); 1002 wrong old password; 1007 too many failures of this session meanwhile
-- Writes: connection, account, session, outbox; login_failure of a wrong one
-- Tells: the account, SYSTEM_MESSAGE KICK
create function api.auth_password_change(me bigint, my_session bigint, ok boolean, hash text, old_hash text, trade_digest text)
returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.login_session_guard(my_session);
  update im.account a set password_hash = hash where a.id = me and a.password_hash = old_hash and ok;
  if not found then
    perform im.login_failed('user ' || me, 'session ' || my_session);
    perform im.refuse_later(1002, 'the old password is wrong, or has been changed meanwhile');
    return;
  elsif exists (select from im.trade_password t where t.account_id = me and t.digest = trade_digest) then
    raise sqlstate 'I0400' using message = 'newPassword', hint = 'the new password is the trade password';
  end if;
  perform im.login_forgive('user ' || me, 'session ' || my_session);
  perform im.account_expel(me, 'password', 'KICK', 'password');
end $$;

-- POST /user/close, second half  auth_close(:me, :session, :matched, :old)
-- Closes the caller's account for good.
-- Refuses: 1002 wrong password; 1007 too many failures of this session meanwhile; 4006 money, open orders or red packets left
-- Writes: account, session, connection, member, chat_group, conversation, message, tally, friendship, friend_request, blacklist, file, presence,
--   trade_password, account_mute, notice_due, notice_got, idempotency, name_held, outbox, audit, audit_head, sync_list; login_failure of a wrong one
-- Tells: the account, SYSTEM_MESSAGE KICK; friends, FRIEND_REQUEST DELETE; members of its groups, GROUP_MESSAGE MANAGER,
--   QUIT, MESSAGE
create function api.auth_close(me bigint, my_session bigint, ok boolean, old_hash text) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.login_session_guard(my_session);
  if not ok or not exists (select from im.account a where a.id = me and a.password_hash = old_hash) then
    perform im.login_failed('user ' || me, 'session ' || my_session);
    perform im.refuse_later(1002, 'the password that is to close the account is wrong');
    return;
  end if;
  perform im.account_close(me);
  perform im.audit_write(null, 'user.close', 'user ' || me, null, '{"by": "owner"}', null);
end $$;
