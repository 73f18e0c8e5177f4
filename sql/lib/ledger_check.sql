-- The proof of the whole ledger: everything that money can get wrong, from the rows themselves.

-- Every purse is the chain of its postings.
create or replace function im.ledger_check_chain() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    with link as (
      select x.*, lag(x.balance, 1, 0.00) over w as before, row_number() over w as place
        from im.posting x window w as (partition by x.purse_id order by x.serial)
    )
    select case when l.serial <> l.place then 'a posting before this one is missing'
                else 'balance is not the one before plus the amount' end,
           format('posting %s of purse %s', l.serial, l.purse_id)
      from link l
     where l.serial <> l.place or l.balance <> l.before + l.amount
     order by l.purse_id, l.serial limit 1;
  return query
    select 'balance is not that of its last posting', format('purse %s', p.id)
      from im.purse p
      left join im.posting x on x.purse_id = p.id and x.serial = p.serial
     where p.balance <> coalesce(x.balance, 0)
        or p.serial <> (select coalesce(max(y.serial), 0) from im.posting y where y.purse_id = p.id)
        or (p.account_id is not null and p.balance < 0)
     order by p.id limit 1;
end $$;

-- Every entry sums to zero, and so do all purses together.
create or replace function im.ledger_check_sum() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select 'postings do not sum to zero', format('entry %s', j.id)
      from im.journal j
      left join im.posting x on x.journal_id = j.id
     group by j.id
    having coalesce(sum(x.amount), 1) <> 0 or count(x.amount) < 2
     order by j.id limit 1;
  return query
    select 'posting without an entry', format('posting %s of purse %s', x.serial, x.purse_id)
      from im.posting x
     where not exists (select from im.journal j where j.id = x.journal_id)
     order by x.journal_id limit 1;
  return query
    select 'all purses together are not zero', (select sum(p.balance) from im.purse p)::text
     where (select sum(p.balance) from im.purse p) <> 0;
end $$;

-- Every posting says whose it is as its purse and its entry do, so that no list leaves one out.
create or replace function im.ledger_check_people() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select 'posting says otherwise whose it is than its purse and entry', format('posting %s of purse %s', x.serial, x.purse_id)
      from im.posting x
      join im.purse p on p.id = x.purse_id
      join im.journal j on j.id = x.journal_id
     where case when p.account_id is null then x.account_id is not null
                else (x.account_id, x.purse, x.type::integer, x.created_at) is distinct from (p.account_id, p.kind, im.fund_type(j.kind), j.created_at) end
     order by x.journal_id, x.purse_id limit 1;
end $$;

-- The amount that an entry moved to or from a kind of purse.
create or replace function im.entry_amount(entry bigint, purse_kind text) returns numeric
language plpgsql stable as $$
begin
  return (select coalesce(sum(x.amount), 0.00)
            from im.posting x join im.purse p on p.id = x.purse_id
           where x.journal_id = entry and p.kind = purse_kind);
end $$;

-- Every order has the entries its state asks for, of its amount and its account, and there are no others.
create or replace function im.ledger_check_orders() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    with expected (kind, subject, account_id, purse, amount) as (
      select 'recharge', r.id::text, r.account_id, 'available', r.amount::numeric from im.recharge r where r.status = 2
      union all select 'withdraw', w.id::text, w.account_id, 'frozen', w.amount from im.withdraw w
      union all select 'withdraw_paid', w.id::text, w.account_id, 'frozen', -w.amount from im.withdraw w where w.status = 4
      union all select 'withdraw_returned', w.id::text, w.account_id, 'available', w.amount
                  from im.withdraw w where w.status in (3, 5)
      union all select 'vip', v.id::text, v.account_id, 'available', -v.amount from im.vip_purchase v
      union all select 'redpacket_sent', p.id::text, p.sender_id, 'available', -p.total from im.redpacket p
      union all select 'redpacket_robbed', s.packet_id || ' ' || s.number, s.account_id, 'available', s.amount
                  from im.redpacket_share s where s.state = 'claimed'
      union all select 'redpacket_refunded', p.id::text, p.sender_id, 'available', p.refunded
                  from im.redpacket p where p.refunded > 0
    ), booked as (
      select j.id, j.kind, j.subject, p.account_id, p.kind as purse, x.amount
        from im.journal j
        join im.posting x on x.journal_id = j.id
        join im.purse p on p.id = x.purse_id
       where p.account_id is not null and j.kind <> 'adjustment'
         and (p.kind = 'available') = (j.kind not in ('withdraw', 'withdraw_paid'))
    )
    select case when b.id is null then 'has no entry' when e.kind is null then 'entry without its cause'
                else 'entry of another amount or account' end,
           concat_ws(' ', coalesce(e.kind, b.kind), coalesce(e.subject, b.subject))
      from expected e
      full join booked b on b.kind = e.kind and b.subject = e.subject and b.purse = e.purse
     where (e.account_id, e.amount) is distinct from (b.account_id, b.amount)
     order by b.id nulls first, 2 limit 1;
end $$;

-- Every packet is the sum of its shares, escrow is what nobody has claimed, and what is frozen is being withdrawn.
create or replace function im.ledger_check_holdings() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query
    select 'shares, claims and refund do not make the total', format('redpacket %s', p.id)
      from im.redpacket p
      left join im.redpacket_share s on s.packet_id = p.id
     group by p.id
    having sum(s.amount) is distinct from p.total or count(s.number) <> p.count
        or coalesce(sum(s.amount) filter (where s.state = 'refunded'), 0) <> p.refunded
        or (p.closed_at is not null and bool_or(s.state = 'free'))
     order by p.created_at, p.id limit 1;
  return query
    select 'escrow is not the sum of the unclaimed shares', im.purse_total('escrow')::text
     where im.purse_total('escrow')
           <> (select coalesce(sum(s.amount), 0) from im.redpacket_share s where s.state = 'free');
  return query
    select 'frozen is not the sum of the withdrawals under way', format('account %s', coalesce(f.account_id, w.account_id))
      from (select p.account_id, p.balance from im.purse p where p.kind = 'frozen') f
      full join (select o.account_id, sum(o.amount) as amount from im.withdraw o
                  where o.status in (1, 2) group by o.account_id) w on w.account_id = f.account_id
     where coalesce(f.balance, 0) <> coalesce(w.amount, 0)
     order by 2 limit 1;
end $$;

-- imctl ledger check: no row when everything holds, else the first wrong row of each rule that does not.
-- One snapshot sees it all (the function is stable), so it may run under load.
create or replace function im.ledger_check() returns table (problem text, subject text)
language plpgsql stable as $$
begin
  return query select * from im.ledger_check_sum();
  return query select * from im.ledger_check_chain();
  return query select * from im.ledger_check_people();
  return query select * from im.ledger_check_orders();
  return query select * from im.ledger_check_holdings();
end $$;
