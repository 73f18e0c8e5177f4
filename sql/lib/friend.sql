-- Internal functions about friendship.

-- A request as clients see it; nickName and headImage are those of the other side.
create or replace function im.friend_request_json(request im.friend_request, viewer bigint, event text) returns json
language plpgsql stable as $$
declare
  other im.account;
begin
  select * into other from im.account a
   where a.id = case viewer when request.from_id then request.to_id else request.from_id end;
  return json_build_object(
    'event', event, 'requestId', request.id, 'fromId', request.from_id, 'toId', request.to_id,
    'nickName', other.nick_name, 'headImage', other.head_image, 'applyInfo', request.apply_info,
    'status', request.status, 'reason', request.reason, 'createTime', im.time_text(request.created_at));
end $$;

create or replace function im.friend_request_tell(request im.friend_request, event text) returns void
language plpgsql as $$
begin
  perform im.tell(array[request.from_id], 'FRIEND_REQUEST', im.friend_request_json(request, request.from_id, event));
  perform im.tell(array[request.to_id], 'FRIEND_REQUEST', im.friend_request_json(request, request.to_id, event));
end $$;

create or replace function im.friend_request_over(created_at timestamptz) returns boolean
language plpgsql stable as $$
begin
  return created_at < now() - im.setting_interval('friend.request_ttl');
end $$;

-- Refuses 2005 and 429 when the account has asked too many, or the same too often: an application rings at whoever it is to,
-- and so does taking it back.  Needs pair_lock().
create or replace function im.friend_request_allow(me bigint, friend bigint) returns void
language plpgsql as $$
begin
  if (select count(*) from im.friend_request q
       where q.from_id = me and q.status = 1 and not im.friend_request_over(q.created_at)) >= im.setting_int('friend.pending_limit') then
    raise sqlstate 'I2005' using hint = 'too many applications of the caller are pending';
  elsif (select count(*) from im.friend_request q where q.from_id = me and q.created_at > now() - interval '1 hour')
     >= im.setting_int('friend.hour_limit') then
    raise sqlstate 'I0429' using hint = 'too many applications of the caller within an hour';
  elsif (select count(*) from im.friend_request q
          where q.from_id = me and q.to_id = friend and q.created_at > now() - interval '1 day') >= im.setting_int('friend.pair_limit') then
    raise sqlstate 'I0429' using hint = 'too many applications to the same person within a day';
  elsif (select count(*) from im.friend_request q where q.from_id = me and q.to_id = friend and q.status = 3)
     >= im.setting_int('friend.reject_limit') then
    raise sqlstate 'I0429' using hint = 'the person has declined so many applications of the caller';
  end if;
end $$;

-- The request, locked, with its pair.  Refuses 404 when it is not addressed to (or not sent by) this account,
-- 2004 when it is no longer pending.
create or replace function im.friend_request_take(request bigint, side text, me bigint) returns im.friend_request
language plpgsql as $$
declare
  r im.friend_request;
begin
  select * into r from im.friend_request q
   where q.id = request and me = case side when 'from' then q.from_id else q.to_id end;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such application of or to the caller';
  end if;
  perform im.pair_lock(r.from_id, r.to_id);
  select * into r from im.friend_request q where q.id = request for update;
  if r.status <> 1 or im.friend_request_over(r.created_at) then
    raise sqlstate 'I2004' using hint = 'the application has been decided or is over';
  end if;
  return r;
end $$;

-- Makes the two of a pending request friends.  Needs pair_lock().
create or replace function im.friend_request_grant(request im.friend_request) returns void
language plpgsql as $$
declare
  pair bigint := im.pair_conversation(request.from_id, request.to_id);
begin
  update im.friend_request q set status = 2, decided_at = now() where q.id = request.id returning * into request;
  insert into im.friendship (account_id, friend_id, conversation_id)
  values (request.from_id, request.to_id, pair), (request.to_id, request.from_id, pair);
  perform im.pair_refresh(request.from_id, request.to_id);
  perform im.friend_request_tell(request, 'APPROVE');
  perform im.presence_tell_pair(request.from_id, request.to_id);
end $$;

-- Job of imclerk: requests nobody answered are over, and those decided long ago go.
create or replace function im.due_friend_request() returns bigint
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('friend.request_ttl');
  kept timestamptz := now() - im.setting_interval('friend.request_keep');
  n bigint;
  gone bigint;
begin
  delete from im.friend_request q
   where q.id in (select x.id from im.friend_request x where x.status <> 1 and x.decided_at < kept
                   order by x.decided_at limit 500 for update skip locked);
  get diagnostics gone = row_count;
  update im.friend_request q set status = 5, decided_at = now()
   where q.id in (select x.id from im.friend_request x where x.status = 1 and x.created_at < oldest
                   order by x.created_at limit 500 for update skip locked);
  get diagnostics n = row_count;
  return gone + n;
end $$;
