-- Internal functions about who is online.

-- Tells the friends who can see it that this account is online (its status) or not.  Only friends who are online
-- themselves are told: the others read it in /friend/list.
create or replace function im.presence_tell(account bigint) returns void
language plpgsql as $$
declare
  shown text;
begin
  select case when p.online then p.status else 'OFFLINE' end into shown
    from im.presence p where p.account_id = account;
  perform im.tell(
    (select array_agg(f.friend_id order by f.friend_id)
       from im.friendship f
       join im.conversation c on c.id = f.conversation_id and c.closed is null
       join im.presence p on p.account_id = f.friend_id and p.online
      where f.account_id = account),
    'FRIEND_REQUEST',
    json_build_object('event', case shown when 'OFFLINE' then 'OFFLINE' else 'ONLINE' end,
                      'userId', account, 'onlineStatus', shown));
end $$;

-- Notes that the account is online, with a status if it chose one, and tells friends what changed.  While it has a socket
-- nobody needs to know when it was last seen.
create or replace function im.presence_online(account bigint, chosen text) returns void
language plpgsql as $$
declare
  was im.presence;
begin
  select * into was from im.presence p where p.account_id = account;
  if was.online and was.status = coalesce(chosen, was.status) and (was.seen_at > now() - interval '10 seconds'
          or exists (select from im.connection c where c.account_id = account and c.ended_at is null)) then
    return;
  end if;
  insert into im.presence as p (account_id, online, status) values (account, true, coalesce(chosen, 'ONLINE'))
  on conflict on constraint presence_pkey do update
    set online = true, status = coalesce(chosen, p.status), seen_at = now();
  if was.online is not true or was.status is distinct from coalesce(chosen, was.status) then
    perform im.presence_tell(account);
  end if;
end $$;

-- Notes that the account is gone when no socket of it is left.  The status it chose goes with it.
create or replace function im.presence_offline(account bigint) returns void
language plpgsql as $$
begin
  update im.presence p set online = false, status = 'ONLINE', seen_at = now()
   where p.account_id = account and p.online
     and not exists (select from im.connection c where c.account_id = account);
  if found then
    perform im.presence_tell(account);
  end if;
end $$;

-- Job of imclerk: whoever is online by heartbeats only, and has not sent one for long, is not.
create or replace function im.due_presence() returns bigint
language plpgsql as $$
declare
  silent bigint;
  gone bigint := 0;
begin
  for silent in
    select p.account_id from im.presence p
     where p.online and p.seen_at < now() - interval '75 seconds'
       and not exists (select from im.connection c where c.account_id = p.account_id)
     order by p.account_id limit 500
  loop
    perform im.presence_offline(silent);
    gone := gone + 1;
  end loop;
  return gone;
end $$;

-- After what is between two friends has changed: each is told how the other looks now.
create or replace function im.presence_tell_pair(one bigint, other bigint) returns void
language plpgsql as $$
declare
  them record;
begin
  for them in
    select f.account_id as viewer, f.friend_id as seen,
           case when p.online and c.closed is null then p.status else 'OFFLINE' end as shown
      from im.friendship f
      join im.conversation c on c.id = f.conversation_id
      join im.presence p on p.account_id = f.friend_id and p.online
     where (f.account_id = one and f.friend_id = other) or (f.account_id = other and f.friend_id = one)
  loop
    perform im.tell(array[them.viewer], 'FRIEND_REQUEST',
      json_build_object('event', case them.shown when 'OFFLINE' then 'OFFLINE' else 'ONLINE' end,
                        'userId', them.seen, 'onlineStatus', them.shown));
  end loop;
end $$;
