-- Sessions, once they are open: refreshed, and ended; and captchas.

-- PUT /refreshToken  session_refresh(:account, :session, :generation)
-- The next pair of tokens.  A refresh token works once; the same one again within ten seconds gets the same pair,
-- later it was stolen, and the whole session ends.
-- Refuses: 401 session over, or token used twice; 1003 banned
-- Writes: connection, session, outbox
-- Tells: nobody
create function api.session_refresh(account bigint, my_session bigint, my_generation integer)
returns table ("userId" bigint, ver integer, session bigint, generation integer, "issuedAt" bigint)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
declare
  mine im.account;
  kept im.session;
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
  elsif kept.generation = my_generation then
    update im.session s set generation = s.generation + 1, refreshed_at = now() where s.id = my_session
    returning * into kept;
  elsif kept.generation > my_generation + 1 or kept.refreshed_at < now() - im.setting_interval('token.grace') then
    perform im.session_end(my_session, 'reuse');
    perform im.refuse_later(401, 'the refresh token was used before: the session ends');
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
