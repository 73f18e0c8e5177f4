-- Internal functions about accounts.

-- True when the digest is that of the account's trade password.  Refuses 4003 none set, 4004 locked; a wrong one
-- is counted, refused (4002) at the end of the transaction, and answered false: the caller returns at once.
create or replace function im.trade_verify(account bigint, given text) returns boolean
language plpgsql as $$
declare
  kept im.trade_password;
  wrong_now integer;
begin
  select * into kept from im.trade_password t where t.account_id = account for update;
  if not found then
    raise sqlstate 'I4003';
  elsif kept.locked_until > now() then
    raise sqlstate 'I4004';
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
  perform im.refuse_later(4002);
  return false;
end $$;

create or replace function im.account_banned(status text, banned_until timestamptz) returns boolean
language sql stable as $$
  select status = 'banned' and coalesce(banned_until > now(), true)
$$;
