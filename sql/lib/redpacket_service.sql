-- Who stands behind a call on port 8082, and what anyone may learn about a packet.

-- The account that a call acts for: userId, when a living service says so or the caller is that user.
-- Refuses 403 for anybody else; 1001 no such user, 1003 banned; the same lock as enter(), so that a ban waits.
create or replace function im.service_account(me bigint, service bigint, user_id bigint) returns void
language plpgsql as $$
declare
  found_account im.account;
begin
  if service is null and me = user_id then
    return;                                 -- enter() has let this user in
  elsif me is not null
        or not exists (select from im.service s where s.id = service and s.disabled_at is null) then
    raise sqlstate 'I0403' using hint = 'the token is of another account, or the service is disabled';
  end if;
  perform pg_advisory_xact_lock_shared(user_id);
  select * into found_account from im.account a where a.id = user_id and a.status <> 'closed';
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account for the service';
  elsif im.account_banned(found_account.status, found_account.banned_until) then
    raise sqlstate 'I1003' using hint = 'the account for the service is banned';
  end if;
end $$;

-- A service's Idempotency-Keys do not meet those of the user it acts for.
create or replace function im.service_key(service bigint, key text) returns text
language sql immutable as $$
  select case when service is null then key else 'service ' || service || ' ' || key end
$$;

-- A packet for whoever holds its id.
create or replace function im.redpacket_hand_out(me bigint, account bigint, total numeric, count integer, type integer,
                                                 trade text, key text) returns jsonb
language plpgsql as $$
declare
  p im.redpacket;
begin
  perform im.redpacket_check(total, count, type, 'total', 'count');
  if me is not null and not im.trade_ok(account, trade, key) then
    return null;
  end if;
  p := im.redpacket_make(account, total, count, type, null);
  return jsonb_build_object('id', p.id);
end $$;

-- status: 1 open, 2 all robbed, 3 expired.
create or replace function im.redpacket_state(p im.redpacket)
returns table (status integer, remain_count integer, remain_amount numeric)
language plpgsql stable as $$
begin
  return query
    select case when bool_and(s.state = 'claimed') then 2
                when p.closed_at is not null or p.expires_at <= clock_timestamp() then 3 else 1 end,
           (count(*) filter (where s.state = 'free'))::integer,
           coalesce(sum(s.amount) filter (where s.state = 'free'), 0.00)
      from im.redpacket_share s where s.packet_id = p.id;
end $$;

-- The claims of a packet in their order; the luckiest is marked when all are known.
create or replace function im.redpacket_claims(p im.redpacket, packet_status integer) returns json
language plpgsql stable as $$
begin
  return (
    select coalesce(json_agg(json_build_object(
             'userId', a.id, 'nickName', a.nick_name, 'headImage', a.head_image, 'number', s.number,
             'amount', s.amount, 'createTime', im.time_text(s.claimed_at),
             'isBest', packet_status = 2 and p.type = 1 and s.best = 1) order by s.number), '[]')
      from (select c.*, row_number() over (order by c.amount desc, c.number) as best
              from im.redpacket_share c where c.packet_id = p.id and c.state = 'claimed') s
      join im.account a on a.id = s.account_id);
end $$;

-- imctl token service NAME: makes the service, or finds it; answers what goes into its token.
create or replace function im.service_open(of_name text) returns table (id bigint, version integer)
language plpgsql as $$
begin
  return query
    insert into im.service as s (name) values (of_name)
    on conflict on constraint service_name do update set disabled_at = null
    returning s.id, s.version;
end $$;

-- imctl token revoke NAME: every token of the service ends.
create or replace function im.service_close(of_name text) returns void
language plpgsql as $$
begin
  update im.service s set version = s.version + 1, disabled_at = now() where s.name = of_name;
  if not found then
    raise exception 'no service named %', of_name;
  end if;
end $$;
