-- Friends: applications, the list, remarks, blacklist.

-- POST /friend/request/apply  friend_request_apply(:me, friendId, applyInfo|remark*?)
-- Asks to be friends and answers the request's id; asking again while one is pending answers that one, with what is said
-- now, of which the other's devices are not told: what rings there is counted.  When the other has asked already, this
-- approves it.
-- Refuses: 400 oneself; 1001 no such user; 2002 already friends; 2003 blocked either way; 2005 too many pending;
--   429 too many within an hour, to the same within a day, or declined by the same
-- Writes: friend_request; when crossing: conversation, member, friendship, sync_list; outbox
-- Tells: both, FRIEND_REQUEST APPLY; when crossing APPROVE, and ONLINE (never OFFLINE) of whoever is
create function api.friend_request_apply(me bigint, friendId im.id, applyInfo im.apply_info)
returns table ("requestId" bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request;
begin
  if friendId = me then
    raise sqlstate 'I0400' using message = 'friendId', hint = 'one is not a friend of oneself';
  end if;
  perform im.pair_lock(me, friendId);
  if not exists (select from im.account a where a.id = friendId and a.status <> 'closed') then
    raise sqlstate 'I1001' using hint = 'no such account to apply to';
  elsif exists (select from im.friendship f where f.account_id = me and f.friend_id = friendId) then
    raise sqlstate 'I2002' using hint = 'they are friends already';
  elsif im.pair_blocked(me, friendId) then
    raise sqlstate 'I2003' using hint = 'one has blocked the other, who applies';
  end if;
  select * into r from im.friend_request q
   where least(q.from_id, q.to_id) = least(me, friendId)
     and greatest(q.from_id, q.to_id) = greatest(me, friendId) and q.status = 1;
  if found and im.friend_request_over(r.created_at) then
    update im.friend_request q set status = 5, decided_at = now() where q.id = r.id and q.status = 1;
  elsif r.from_id = me then
    update im.friend_request q set apply_info = applyInfo where q.id = r.id and q.apply_info <> applyInfo;
    if found then
      r.apply_info := applyInfo;
      perform im.tell(array[me], 'FRIEND_REQUEST', im.friend_request_json(r, me, 'APPLY'));
    end if;
    return query select r.id;
    return;
  elsif r.to_id = me then
    perform im.friend_request_grant(r);
    return query select r.id;
    return;
  end if;
  perform im.friend_request_allow(me, friendId);
  insert into im.friend_request (from_id, to_id, apply_info) values (me, friendId, coalesce(applyInfo, ''))
  returning * into r;
  perform im.friend_request_tell(r, 'APPLY');
  return query select r.id;
end $$;

-- POST /friend/request/approve  friend_request_approve(:me, requestId|id)
-- The receiver of a request makes it a friendship.
-- Refuses: 404 no such request to this account; 2003 blocked either way; 2004 not pending
-- Writes: friend_request, conversation, member, friendship, sync_list, outbox
-- Tells: both, FRIEND_REQUEST APPROVE, and ONLINE (never OFFLINE) of whoever is
create function api.friend_request_approve(me bigint, requestId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request := im.friend_request_take(requestId, 'to', me);
begin
  if im.pair_blocked(r.from_id, r.to_id) then
    raise sqlstate 'I2003' using hint = 'one has blocked the other since the application';
  end if;
  perform im.friend_request_grant(r);
end $$;

-- GET /friend/list  friend_list(:me, page?, size?)
-- Friends by the name shown (remark, else nick name), all of them or a page.  A friend with a block either way looks offline.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.friend_list(me bigint, page integer default null, size integer default null)
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
     order by coalesce(nullif(f.remark, ''), a.nick_name), a.id
     limit im.list_limit(page, size) offset im.page_offset(page, size);
end $$;

-- POST /friend/request/reject  friend_request_reject(:me, requestId|id, reason*?)
-- The receiver of a request declines it.
-- Refuses: 404 no such request to this account; 2004 not pending
-- Writes: friend_request, sync_list, outbox
-- Tells: both, FRIEND_REQUEST REJECT
create function api.friend_request_reject(me bigint, requestId im.id, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request := im.friend_request_take(requestId, 'to', me);
begin
  update im.friend_request q set status = 3, decided_at = now(), reason = friend_request_reject.reason
   where q.id = r.id returning * into r;
  perform im.friend_request_tell(r, 'REJECT');
end $$;

-- POST /friend/request/recall  friend_request_recall(:me, requestId|id)
-- The sender of a request takes it back.
-- Refuses: 404 no such request of this account; 2004 not pending
-- Writes: friend_request, sync_list, outbox
-- Tells: both, FRIEND_REQUEST RECALL
create function api.friend_request_recall(me bigint, requestId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  r im.friend_request := im.friend_request_take(requestId, 'from', me);
begin
  update im.friend_request q set status = 4, decided_at = now() where q.id = r.id returning * into r;
  perform im.friend_request_tell(r, 'RECALL');
end $$;

-- GET /friend/request/list  friend_request_list(:me, page?, size?)
-- Requests sent and received: on the first page all that are pending, so that nobody buries them, then those that are decided,
-- of which there are pages; each the newest first.  nickName and headImage are the other side's.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.friend_request_list(me bigint, page integer default null, size integer default null)
returns table ("requestId" bigint, "fromId" bigint, "toId" bigint, "nickName" text, "headImage" text,
               "applyInfo" text, status smallint, reason text, "createTime" timestamptz)
language plpgsql stable rows 50 security definer set search_path = im, pg_temp as $$
declare
  oldest timestamptz := now() - im.setting_interval('friend.request_ttl');
  skipped bigint := im.page_offset(page, size);
  wanted bigint := skipped + im.page_limit(size);
begin
  return query
    with pending as (
      select x.* from im.friend_request x where x.from_id = me and x.status = 1 and x.created_at >= oldest and skipped = 0
      union all
      select x.* from im.friend_request x where x.to_id = me and x.status = 1 and x.created_at >= oldest and skipped = 0
    ), decided as (
      (select x.* from im.friend_request x
        where x.from_id = me and (x.status <> 1 or x.created_at < oldest) order by x.id desc limit wanted)
      union all
      (select x.* from im.friend_request x
        where x.to_id = me and (x.status <> 1 or x.created_at < oldest) order by x.id desc limit wanted)
    )
    select q.id, q.from_id, q.to_id, a.nick_name::text, a.head_image::text, q.apply_info::text,
           case when q.waits or q.status <> 1 then q.status else 5::smallint end, q.reason::text, q.created_at
      from (select true as waits, p.* from pending p
            union all
            (select false, d.* from decided d order by d.id desc limit im.page_limit(size) offset skipped)) q
      join im.account a on a.id = case me when q.from_id then q.to_id else q.from_id end
     order by q.waits desc, q.id desc;
end $$;

-- DELETE /friend/delete/{friendId}  friend_delete(:me, :friendId)
-- Ends a friendship on both sides; each keeps the messages.
-- Refuses: 2001 not friends
-- Writes: friendship, conversation, sync_list, outbox
-- Tells: both, FRIEND_REQUEST DELETE
create function api.friend_delete(me bigint, friendId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.pair_lock(me, friendId);
  delete from im.friendship f
   where (f.account_id = me and f.friend_id = friendId) or (f.account_id = friendId and f.friend_id = me);
  if not found then
    raise sqlstate 'I2001' using hint = 'no such friend to remove';
  end if;
  perform im.pair_refresh(me, friendId);
  perform im.tell(array[me, friendId], 'FRIEND_REQUEST',
                  json_build_object('event', 'DELETE', 'fromId', me, 'toId', friendId));
end $$;

-- PUT /friend/remark  friend_remark(:me, friendId, remark[20])
-- The name under which the caller sees a friend; empty removes it.
-- Refuses: 2001 not friends
-- Writes: friendship, member, sync_list, outbox
-- Tells: the caller's devices, FRIEND_REQUEST REMARK
create function api.friend_remark(me bigint, friendId im.id, remark im.remark) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  update im.friendship f set remark = friend_remark.remark where f.account_id = me and f.friend_id = friendId;
  if not found then
    raise sqlstate 'I2001' using hint = 'no such friend to remark on';
  end if;
  update im.member b set changed = pg_current_xact_id()     -- its conversation has another name now
   where b.account_id = me and b.conversation_id = (select f.conversation_id from im.friendship f where f.account_id = me and f.friend_id = friendId);
  perform im.tell(array[me], 'FRIEND_REQUEST', json_build_object('event', 'REMARK', 'friendId', friendId, 'remark', friend_remark.remark));
end $$;

-- POST /blacklist/add  blacklist_add(:me, targetId|userId)
-- Blocks somebody, friend or not: no requests, messages or calls either way.  Blocking again changes nothing.
-- Refuses: 400 targetId (oneself, or the list is full); 1001 no such user
-- Writes: blacklist, conversation, sync_list, outbox
-- Tells: the caller's devices, FRIEND_REQUEST BLOCK; both when they are friends, OFFLINE (never ONLINE) of whoever is online
create function api.blacklist_add(me bigint, targetId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.pair_lock(me, targetId);
  if not exists (select from im.account a where a.id = targetId) then
    raise sqlstate 'I1001' using hint = 'no such account to block';
  elsif (select count(*) from im.blacklist b where b.account_id = me) >= im.setting_int('blacklist.limit')
        and not exists (select from im.blacklist b where b.account_id = me and b.target_id = targetId) then
    raise sqlstate 'I0400' using message = 'targetId', hint = 'the caller has blocked as many as he may';
  end if;
  insert into im.blacklist (account_id, target_id) values (me, targetId)
  on conflict on constraint blacklist_pkey do nothing;
  if found then
    perform im.pair_refresh(me, targetId);
    perform im.presence_tell_pair(me, targetId);
    perform im.tell(array[me], 'FRIEND_REQUEST', json_build_object('event', 'BLOCK', 'targetId', targetId));
  end if;
end $$;

-- DELETE /blacklist/remove/{targetId}  blacklist_remove(:me, :targetId)
-- Lifts a block.  Lifting one that is not there changes nothing.
-- Refuses: nothing but 400
-- Writes: blacklist, conversation, sync_list, outbox
-- Tells: the caller's devices, FRIEND_REQUEST UNBLOCK; both when they are friends, ONLINE of whoever is online, OFFLINE while
--   the other's block stands
create function api.blacklist_remove(me bigint, targetId im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.pair_lock(me, targetId);
  delete from im.blacklist b where b.account_id = me and b.target_id = targetId;
  if found then
    perform im.pair_refresh(me, targetId);
    perform im.presence_tell_pair(me, targetId);
    perform im.tell(array[me], 'FRIEND_REQUEST', json_build_object('event', 'UNBLOCK', 'targetId', targetId));
  end if;
end $$;

-- GET /blacklist/list  blacklist_list(:me)
-- Whom the caller has blocked, the latest first.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.blacklist_list(me bigint)
returns table (id bigint, username text, "nickName" text, "headImage" text, "createTime" timestamptz)
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
begin
  return query
    select a.id, a.username::text, a.nick_name::text, a.head_image::text, b.created_at
      from im.blacklist b
      join im.account a on a.id = b.target_id
     where b.account_id = me
     order by b.created_at desc, a.id;
end $$;
