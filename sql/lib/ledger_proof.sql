-- The proof of the ledger that goes on where it ended: what has been booked since is looked at, each row once.  If what was
-- proven held and every entry since holds by itself and follows its purses' postings before it, all holds.  That what was
-- proven has not been touched since, and that no order lacks its entry, only the whole proof sees (ledger_check.sql).

-- The account and the amount that an entry has to have, by what it is about; no row when there is no such thing.
create or replace function im.entry_cause(kind text, subject text) returns table (account_id bigint, amount numeric)
language plpgsql stable as $$
declare
  packet uuid := substring(subject from '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')::uuid;
  share integer := substring(subject from '^[0-9a-f-]{36} ([0-9]{1,4})$')::integer;
  order_id bigint := substring(subject from '^[0-9]{1,18}$')::bigint;
begin
  if kind = 'recharge' then
    return query select r.account_id, r.amount::numeric from im.recharge r where r.id = order_id and r.status = 2;
  elsif kind like 'withdraw%' then
    return query select w.account_id, case kind when 'withdraw_paid' then -w.amount else w.amount end::numeric from im.withdraw w
                  where w.id = order_id and case kind when 'withdraw_paid' then w.status = 4
                                                      when 'withdraw_returned' then w.status in (3, 5) else true end;
  elsif kind = 'vip' then
    return query select v.account_id, -v.amount::numeric from im.vip_purchase v where v.id = order_id;
  elsif kind = 'redpacket_robbed' then
    return query select s.account_id, s.amount::numeric from im.redpacket_share s
                  where s.packet_id = packet and s.number = share and s.state = 'claimed';
  else
    return query select p.sender_id, case kind when 'redpacket_sent' then -p.total else p.refunded end::numeric
                   from im.redpacket p where p.id = packet;
  end if;
end $$;

-- Each of these entries sums to zero over at least two postings.
create or replace function im.ledger_prove_sum(entries bigint[]) returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select 'postings do not sum to zero', format('entry %s', j.id)
      from im.journal j
      left join im.posting x on x.journal_id = j.id
     where j.id = any (entries)
     group by j.id
    having coalesce(sum(x.amount), 1) <> 0 or count(x.amount) < 2
     order by j.id limit 1;
end $$;

-- Each of their postings follows the one before it of its purse, which holds what its last one says.
create or replace function im.ledger_prove_chain(entries bigint[]) returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select case when x.serial > 1 and y.serial is null then 'a posting before this one is missing'
                else 'balance is not the one before plus the amount' end, format('posting %s of purse %s', x.serial, x.purse_id)
      from im.posting x
      left join im.posting y on y.purse_id = x.purse_id and y.serial = x.serial - 1
     where x.journal_id = any (entries)
       and ((x.serial > 1 and y.serial is null) or x.balance <> coalesce(y.balance, 0) + x.amount)
     order by x.purse_id, x.serial limit 1;
  return query
    select 'balance is not that of its last posting', format('purse %s', p.id)
      from im.purse p
      left join im.posting y on y.purse_id = p.id and y.serial = p.serial
     where p.id in (select x.purse_id from im.posting x where x.journal_id = any (entries))
       and (p.balance is distinct from y.balance or (p.account_id is not null and p.balance < 0)
            or exists (select from im.posting z where z.purse_id = p.id and z.serial > p.serial))
     order by p.id limit 1;
end $$;

-- Each of them is about something, with its account and its amount.
create or replace function im.ledger_prove_cause(entries bigint[]) returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select 'entry without its cause, or of another amount or account', concat_ws(' ', j.kind, j.subject)
      from im.journal j
     where j.id = any (entries) and j.kind <> 'adjustment'
       and not exists (
         select from im.posting x
           join im.purse p on p.id = x.purse_id
            and p.kind = case when j.kind in ('withdraw', 'withdraw_paid') then 'frozen' else 'available' end
           join im.entry_cause(j.kind, j.subject) c on c.account_id = p.account_id and c.amount = x.amount
          where x.journal_id = j.id)
     order by j.id limit 1;
end $$;

create or replace function im.ledger_prove(entries bigint[]) returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query select * from im.ledger_prove_sum(entries);
  return query select * from im.ledger_prove_chain(entries);
  return query select * from im.ledger_prove_cause(entries);
end $$;

-- What is proven is added to what was.
create or replace function im.ledger_add(entries bigint[]) returns void
language plpgsql as $$
declare
  added bigint;
begin
  select count(*) into added from im.posting x where x.journal_id = any (entries);
  update im.ledger_proof set entries = ledger_proof.entries + cardinality(ledger_add.entries), postings = postings + added;
  insert into im.ledger_total as t (kind, amount)
  select p.kind, sum(x.amount)
    from im.posting x
    join im.purse p on p.id = x.purse_id
   where x.journal_id = any (ledger_add.entries)
   group by p.kind
  on conflict (kind) do update set amount = t.amount + excluded.amount;
end $$;

-- Proves on, at most so many entries, and answers how many.  Where one does not hold it stays before that, and says so.
create or replace function im.ledger_go_on(at_most integer) returns bigint
language plpgsql as $$
declare
  entries bigint[];
  bad record;
begin
  entries := coalesce(im.follow('ledger', 'im.journal', at_most), '{}');
  if entries = '{}' then
    return 0;
  end if;
  select p.problem, p.subject into bad from im.ledger_prove(entries) p limit 1;
  if found then
    raise exception using errcode = 'IM001';
  end if;
  perform im.ledger_add(entries);
  perform im.stat_money(entries);
  return cardinality(entries);
exception when sqlstate 'IM001' then
  update im.ledger_proof set problem = bad.problem, subject = bad.subject;
  raise warning 'the ledger does not hold: %: %', bad.problem, bad.subject;
  return 0;
end $$;

-- What imctl ledger check has seen, for im.ledger_proven().
create or replace function im.ledger_seen() returns json
language plpgsql stable as $$
begin
  return (select json_build_object('id', coalesce(max(j.id), 0), 'entries', count(*),
            'postings', (select count(*) from im.posting),
            'totals', (select json_object_agg(t.kind, t.amount)
                         from (select p.kind, sum(p.balance) as amount from im.purse p group by p.kind) t),
            'gaps', (select coalesce(json_agg(g.id), '[]') from (select max(n.id) as last from im.journal n) l,
                       generate_series(greatest(l.last - 1000, 1), l.last) g(id)
                      where not exists (select from im.journal o where o.id = g.id)))
            from im.journal j);
end $$;

-- The whole ledger has been proven as it was then.  Whoever goes on begins there when he is far behind: where a ledger was
-- put back from elsewhere.  The days before are not counted.
create or replace function im.ledger_proven(seen json) returns void
language plpgsql as $$
begin
  update im.follower f set id = (seen->>'id')::bigint where f.name = 'ledger' and f.id < (seen->>'id')::bigint - 100000;
  if not found then
    return;
  end if;
  delete from im.follower_gap g where g.name = 'ledger';
  insert into im.follower_gap (name, id) select 'ledger', g::bigint from json_array_elements_text(seen->'gaps') g;
  update im.ledger_proof set entries = (seen->>'entries')::bigint, postings = (seen->>'postings')::bigint,
                             problem = null, subject = null;
  delete from im.ledger_total;
  insert into im.ledger_total (kind, amount) select t.key, t.value::numeric from json_each_text(seen->'totals') t;
end $$;

-- What purses of these kinds hold together, by the postings that are proven.
create or replace function im.ledger_sum(kinds text[]) returns numeric
language plpgsql stable as $$
begin
  return (select coalesce(sum(t.amount), 0.00) from im.ledger_total t where t.kind = any (kinds));
end $$;
