-- Backstage: numbers, which imclerk has counted, and what it has proven of the ledger.

-- GET /im/stat/overview  admin_stat_overview(:me)
-- How things stand, as of time.
-- Refuses: 403 without stat.read
-- Writes: nothing
-- Tells: nobody
create function api.admin_stat_overview(me bigint)
returns table (users bigint, "activeToday" bigint, "registeredToday" bigint, online bigint, "onlinePeak" bigint, messages bigint,
               "messagesToday" bigint, "moneyIn" numeric, "moneyOut" numeric, "moneyHeld" numeric, "redPacketsToday" bigint,
               "redPacketAmountToday" numeric, "complaintsOpen" bigint, "reviewsOpen" bigint, "time" timestamptz)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'stat.read');
  return query
    select n.users, coalesce(d.active, 0), coalesce(d.registered, 0), n.online, coalesce(d.online_peak, 0),
           (select coalesce(sum(a.messages), 0)::bigint from im.stat_day a),
           coalesce(d.messages, 0), -im.ledger_sum('{cash_in}'), im.ledger_sum('{cash_out}'),
           im.ledger_sum('{available,frozen,escrow}'), coalesce(d.packets, 0), coalesce(d.packet_amount::numeric, 0.00),
           n.complaints, n.reviews, nullif(n.at, '-infinity')
      from im.stat_now n
      left join im.stat_day d on d.day = current_date;
end $$;

-- GET /im/stat/day/list
--   admin_stat_day_list(:me, :after, format?, page?, size?, sort?, order?, startTime?, endTime?)
-- What was counted of each day, the newest first.
-- Refuses: 403 without stat.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_stat_day_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, first im.moment_from, last im.moment_to)
returns table (total text, day date, registered bigint, active bigint, "onlinePeak" bigint, messages bigint, "moneyIn" numeric,
               "moneyOut" numeric, "redPackets" bigint, "redPacketAmount" numeric)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'stat.read', 'im.stat_day_list', '{day}', '{day}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_from('day', first), im.list_until('day', last)]);
end $$;

-- GET /im/fund/check  admin_fund_check(:me)
-- Proves the ledger on from where it was proven; problem and row are those of the first row that is wrong, null when none
-- is.  complete is false when more has been booked than is looked at at once: ask again.
-- Refuses: 403 without fund.check
-- Writes: follower, follower_gap, ledger_proof, ledger_total, stat_day
-- Tells: nobody
create function api.admin_fund_check(me bigint)
returns table (ok boolean, complete boolean, problem text, "row" text, "entryCount" bigint, "postingCount" bigint,
               available numeric, frozen numeric, escrow numeric, "cashIn" numeric, "cashOut" numeric, vip numeric)
language plpgsql rows 1 security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'fund.check');
  perform from im.follower f where f.name = 'ledger' for update;       -- the clerk's turn is over
  update im.ledger_proof p set problem = null, subject = null where p.problem is not null;
  for n in 1 .. 10 loop
    exit when im.ledger_go_on(1000) = 0;
  end loop;
  return query
    select p.problem is null, p.problem is null and not im.follow_waits('ledger', 'im.journal'), p.problem, p.subject,
           p.entries, p.postings, im.ledger_sum('{available}'), im.ledger_sum('{frozen}'), im.ledger_sum('{escrow}'),
           im.ledger_sum('{cash_in}'), im.ledger_sum('{cash_out}'), im.ledger_sum('{vip}')
      from im.ledger_proof p;
end $$;
