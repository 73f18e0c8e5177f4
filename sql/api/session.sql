-- Sessions, once they are open: refreshed, and ended; and captchas.

-- PUT /refreshToken  session_refresh(:account, :session, :generation, :address)
-- The next pair of tokens.  A refresh token works once; the same one again within ten seconds gets the same pair.  Later it is
-- as good as the newest where that was given, to another tab of the same device; elsewhere somebody has stolen one of the two,
-- and that session ends, and no other.
-- Refuses: 401 session over, or token used again elsewhere; 1003 banned
-- Writes: connection, session, outbox; when it ends: notice, notice_head, notice_due
-- Tells: when it ends: its sockets, SYSTEM_MESSAGE KICK; the account, SYSTEM_MESSAGE NOTICE
create function api.session_refresh(account bigint, my_session bigint, my_generation integer, address inet)
returns table ("userId" bigint, ver integer, session bigint, generation integer, "issuedAt" bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  mine im.account;
  kept im.session;
  here boolean;
  lately boolean;
begin
  perform pg_advisory_xact_lock_shared(account);
  select * into mine from im.account a where a.id = account;
  if im.account_banned(mine.status, mine.banned_until) then
    raise sqlstate 'I1003' using message = im.account_ban_text(mine), hint = 'the account that refreshes is banned';
  end if;
  select * into kept from im.session s
   where s.id = my_session and s.account_id = account and s.revoked_at is null for update;
  if not found or kept.generation < my_generation
     or kept.refreshed_at < now() - im.setting_interval('token.session_ttl') then
    raise sqlstate 'I0401' using hint = 'the session of the refresh token is over, or its generation unknown';
  end if;
  here := coalesce(im.login_origin(kept.renewed_from) = im.login_origin(session_refresh.address), false);
  lately := kept.refreshed_at >= now() - im.setting_interval('token.grace');
  if kept.generation = my_generation or (here and not lately) then
    update im.session s set generation = s.generation + 1, refreshed_at = now(), renewed_from = session_refresh.address
     where s.id = my_session returning * into kept;
  elsif not lately or (kept.generation > my_generation + 1 and not here) then
    perform im.session_stolen(kept);
    perform im.refuse_later(401, 'the refresh token was used before, and its successor given elsewhere: the session ends');
    return;
  end if;
  return query select account, mine.version, kept.id, kept.generation, extract(epoch from kept.refreshed_at)::bigint;
end $$;

-- POST /logout  session_logout(:me, :session, all?)
-- Ends this device's session, or every session of the account, and closes the sockets.
-- Refuses: nothing
-- Writes: connection, session, outbox; all: account
-- Tells: all: the account, SYSTEM_MESSAGE KICK
create function api.session_logout(me bigint, my_session bigint, everywhere boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  if everywhere then
    perform im.account_expel(me, 'logout', 'KICK', 'logout');
  else
    perform im.session_end(my_session, 'logout');
  end if;
end $$;

-- GET /captcha  session_captcha_create(:answer)
-- Keeps the answer of a picture just drawn and answers its id.
-- Refuses: nothing
-- Writes: captcha
-- Tells: nobody
create function api.session_captcha_create(answer text) returns uuid
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  captcha uuid;
begin
  insert into im.captcha (answer) values (session_captcha_create.answer) returning id into captcha;
  return captcha;
end $$;
