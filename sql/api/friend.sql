-- Friends: applications, the list, remarks, blacklist.

-- POST /friend/request/apply  friend_request_apply(:me, friendId, applyInfo?)
-- Asks to be friends and answers the request's id; asking again while one is pending answers that one.  When the
-- other has asked already, this approves it.
-- Refuses: 400 oneself; 1001 no such user; 2002 already friends; 2003 blocked either way; 2005 too many pending
-- Writes: friend_request; when crossing: conversation, member, friendship; outbox
-- Tells: both, FRIEND_REQUEST APPLY, or APPROVE when crossing
create function api.friend_request_apply(me bigint, friendId im.id, applyInfo im.apply_info)
returns table ("requestId" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request;
begin
  if friendId = me then
    raise sqlstate 'I0400' using message = 'friendId';
  end if;
  perform im.pair_lock(me, friendId);
  if not exists (select from im.account a where a.id = friendId) then
    raise sqlstate 'I1001';
  elsif exists (select from im.friendship f where f.account_id = me and f.friend_id = friendId) then
    raise sqlstate 'I2002';
  elsif im.pair_blocked(me, friendId) then
    raise sqlstate 'I2003';
  end if;
  select * into r from im.friend_request q
   where least(q.from_id, q.to_id) = least(me, friendId)
     and greatest(q.from_id, q.to_id) = greatest(me, friendId) and q.status = 1;
  if found and im.friend_request_over(r.created_at) then
    update im.friend_request q set status = 5, decided_at = now() where q.id = r.id;
  elsif r.from_id = me then
    return query select r.id;
    return;
  elsif r.to_id = me then
    perform im.friend_request_grant(r);
    return query select r.id;
    return;
  end if;
  if (select count(*) from im.friend_request q
       where q.from_id = me and q.status = 1 and not im.friend_request_over(q.created_at))
     >= im.setting_int('friend.pending_limit') then
    raise sqlstate 'I2005';
  end if;
  insert into im.friend_request (from_id, to_id, apply_info) values (me, friendId, coalesce(applyInfo, ''))
  returning * into r;
  perform im.friend_request_tell(r, 'APPLY');
  return query select r.id;
end $$;

-- POST /friend/request/approve  friend_request_approve(:me, requestId)
-- The receiver of a request makes it a friendship.
-- Refuses: 404 no such request to this account; 2003 blocked either way; 2004 not pending
-- Writes: friend_request, conversation, member, friendship, outbox
-- Tells: both, FRIEND_REQUEST APPROVE
create function api.friend_request_approve(me bigint, requestId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request := im.friend_request_take(requestId, 'to', me);
begin
  if im.pair_blocked(r.from_id, r.to_id) then
    raise sqlstate 'I2003';
  end if;
  perform im.friend_request_grant(r);
end $$;

-- GET /friend/list  friend_list(:me)
-- Friends by the name shown (remark, else nick name).  A friend with a block either way looks offline.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.friend_list(me bigint)
returns table (id bigint, username text, "nickName" text, "headImage" text, remark text, "isOnline" boolean,
               "onlineStatus" text)
language plpgsql stable rows 100 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text, f.remark::text, o.seen,
           case when o.seen then p.status::text else 'OFFLINE' end
      from im.friendship f
      join im.account a on a.id = f.friend_id
      join im.conversation c on c.id = f.conversation_id
      left join im.presence p on p.account_id = f.friend_id
     cross join lateral (select coalesce(p.online and c.closed is null, false) as seen) o
     where f.account_id = me
     order by coalesce(nullif(f.remark, ''), a.nick_name), a.id;
end $$;
