-- Accounts with a session each, the first two friends, the third and fourth, and so on; @ACCOUNTS@ of them.  By the
-- functions that clients reach, but without the 40 ms that hashing a password takes.  Enough of them that PostgreSQL
-- uses its indexes, as it would with a million; what is still empty is left unanalyzed, for it will not stay so.
create temporary table bench (place integer, account bigint, session bigint);

do $$
declare
  one bigint;
  last bigint;
  opened bigint;
begin
  for n in 1 .. @ACCOUNTS@ loop
    select r."userId" into one from api.auth_register('bench' || n, 'no password', 'bench', null, null) r;
    select d.session into opened from api.auth_login_done(one, true, '127.0.0.1', 'bench') d;
    insert into bench values (n, one, opened);
    if n % 2 = 0 then
      perform api.friend_request_apply(last, one, null);
      perform api.friend_request_apply(one, last, null);
    end if;
    last := one;
  end loop;
end $$;

delete from im.outbox;
analyze im.account, im.session, im.conversation, im.member, im.friendship;
select account, session from bench order by place;
