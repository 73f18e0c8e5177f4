-- Internal functions about closing an account for good.

-- What a name, a number or an address is kept as while nobody may take it.
create or replace function im.name_digest(kind text, name text) returns bytea
language sql immutable as $$
  select sha256(convert_to(kind || ' ' || name, 'UTF8'))
$$;

-- The code with which a registration is refused while a closed account's name is held; null when it is not.
create or replace function im.name_refusal(username text, email text, phone text) returns integer
language plpgsql stable as $$
begin
  return (select case when h.digest = im.name_digest('name', im.fold(username)) then 1004 else 1005 end
            from im.name_held h
           where h.until > now()
             and h.digest in (im.name_digest('name', im.fold(username)), im.name_digest('email', im.name_key(email)), im.name_digest('phone', im.phone_key(phone)))
           order by 1 limit 1);
end $$;

create or replace function im.name_hold(a im.account) returns void
language plpgsql as $$
begin
  insert into im.name_held as h (digest, until)
  select im.name_digest(n.kind, n.name), now() + im.setting_interval('account.name_hold')
    from (values ('name', a.username_key), ('email', a.email_key), ('phone', a.phone_key)) n(kind, name)
   where n.name <> ''
  on conflict on constraint name_held_pkey do update set until = excluded.until;
end $$;

-- No money of the account is left, and none can come: its purses are empty and stay so, since whatever could fill them is
-- over.  Refuses 4006.
create or replace function im.account_settled(account bigint) returns void
language plpgsql as $$
begin
  perform from im.purse p where p.account_id = account order by p.id for update;
  if exists (select from im.purse p where p.account_id = account and p.balance <> 0)
     or exists (select from im.recharge o where o.account_id = account and o.status = 1)
     or exists (select from im.withdraw o where o.account_id = account and o.status in (1, 2))
     or exists (select from im.redpacket r where r.sender_id = account and r.closed_at is null
                   and exists (select from im.redpacket_share s where s.packet_id = r.id and s.state = 'free')) then
    raise sqlstate 'I4006' using hint = 'the account is not settled';
  end if;
end $$;

-- Takes the account out of its groups.  One that it owns passes to the manager, or else the member, who has been in it
-- longest, those who are not banned first; without another member it is dissolved.
create or replace function im.account_leave_groups(account bigint) returns void
language plpgsql as $$
declare
  place im.conversation;
  heir bigint;
begin
  for place in
    select c.* from im.member m join im.conversation c on c.id = m.conversation_id
     where m.account_id = account and m.left_at is null and m.role is not null and c.closed is distinct from 'dissolved'
     order by c.id for no key update of c
  loop
    if (select g.owner_id from im.chat_group g where g.id = place.group_id) = account then
      select m.account_id into heir
        from im.member m join im.account a on a.id = m.account_id
       where m.conversation_id = place.id and m.left_at is null and m.account_id <> account
       order by im.account_banned(a.status, a.banned_until), m.role = 'MEMBER', m.joined_at, m.account_id limit 1;
      if not found then
        update im.conversation c set closed = 'dissolved' where c.id = place.id;
        continue;
      end if;
      perform im.group_transfer(place.id, place.group_id, heir);
    end if;
    perform im.group_part(place.id, account, array[account], 'QUIT');
  end loop;
end $$;

-- Ends what is between the account and others; each keeps the messages.
create or replace function im.account_leave_friends(account bigint) returns void
language plpgsql as $$
declare
  friend bigint;
begin
  update im.conversation c set closed = 'unfriended'
   where c.id in (select f.conversation_id from im.friendship f where f.account_id = account);
  for friend in delete from im.friendship f where f.account_id = account returning f.friend_id loop
    delete from im.friendship f where f.account_id = friend and f.friend_id = account;
    perform im.tell(array[friend], 'FRIEND_REQUEST', json_build_object('event', 'DELETE', 'fromId', account, 'toId', friend));
  end loop;
  delete from im.friend_request q where q.from_id = account or q.to_id = account;
  delete from im.blacklist b where b.account_id = account or b.target_id = account;
end $$;

-- Forgets who it was.  The row stays, for messages and the ledger, under a name that nobody can have chosen.
create or replace function im.account_forget(a im.account) returns void
language plpgsql as $$
begin
  perform im.file_show(a.id, a.head_image, '', 'headImage');
  delete from im.session s where s.account_id = a.id;
  delete from im.trade_password t where t.account_id = a.id;
  delete from im.account_mute m where m.account_id = a.id;
  delete from im.presence p where p.account_id = a.id;
  delete from im.notice_due d where d.account_id = a.id;
  delete from im.notice_got g where g.account_id = a.id;
  delete from im.idempotency i where i.account_id = a.id;
  delete from im.login_failure f where f.key = 'user ' || a.id or f.key like 'user ' || a.id || ' %';
  update im.account x
     set status = 'closed', username = 'closed-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 13),
         nick_name = im.setting_text('account.closed_name'), head_image = '', email = null, phone = null, sex = 0, signature = '',
         password_hash = '', banned_until = null, ban_reason = null, vip_until = null, updated_at = now()
   where x.id = a.id;
end $$;

-- Closes an account for good.  Waits for what it is just doing.  Refuses 1001; 4006 money, open orders or red packets left.
create or replace function im.account_close(account bigint) returns void
language plpgsql as $$
declare
  a im.account;
begin
  perform pg_advisory_xact_lock(account);
  select * into a from im.account x where x.id = account and x.status <> 'closed' for update;
  if not found then
    raise sqlstate 'I1001' using hint = 'no such account to close';
  end if;
  perform im.account_settled(account);
  perform im.account_leave_groups(account);
  perform im.account_leave_friends(account);
  perform im.account_expel(account, 'close', 'KICK', 'close');
  perform im.name_hold(a);
  perform im.account_forget(a);
end $$;
