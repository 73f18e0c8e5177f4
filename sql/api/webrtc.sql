-- Calls: of two friends, and of a group.

-- POST /webrtc/private/setup, for its callId  webrtc_private_setup(:me, friendId, mode)
-- Calls a friend.  Who is being called by that friend gets that call: then it is both's, and either accepts it.
-- Refuses: 400 oneself; 2001 not friends; 2003 blocked either way; 6001 either is in a call, or the friend is banned
-- Writes: call, call_party, call_seen, outbox
-- Tells: the friend, RTC_CALL SETUP; never PRIVATE_MESSAGE MESSAGE
create function api.webrtc_private_setup(me bigint, friendId im.id, mode im.call_mode) returns table ("callId" uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call;
  pair im.conversation;
begin
  if friendId = me then
    raise sqlstate 'I0400' using message = 'friendId', hint = 'one does not call oneself';
  end if;
  perform im.pair_lock(me, friendId);
  pair := im.pair_find(me, friendId);
  if pair.closed is not null then
    perform im.private_closed(me, friendId, null);
  elsif exists (select from im.account a where a.id = friendId and im.account_banned(a.status, a.banned_until)) then
    raise sqlstate 'I6001' using hint = 'who is called is banned';
  end if;
  perform from im.conversation v where v.id = pair.id for no key update;
  update im.call x set crossed = true
   where x.conversation_id = pair.id and x.state = 'ringing' and x.callee_id = me and not x.crossed returning * into c;
  if found then
    perform im.call_seen(me, c.id, false);
    perform im.call_tell_setup(c, me);
  else
    c := im.call_make(pair.id, null, me, friendId, mode);
  end if;
  return query select c.id;
end $$;

-- POST /webrtc/private/accept, for its callId  webrtc_private_accept(:me, callId)
-- The callee takes the call.
-- Refuses: 404 no such call of this account; 2001 no friends any more; 2003 blocked meanwhile; 6002 it does not ring, or
--   is not the caller's to accept
-- Writes: call, call_party, call_seen, outbox
-- Tells: both, RTC_CALL ACCEPT
create function api.webrtc_private_accept(me bigint, callId uuid) returns table ("callId" uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, webrtc_private_accept.callId, false);
begin
  perform im.call_answerable(c, me);
  perform im.call_open(c);
  update im.call x set state = 'accepted', accepted_at = clock_timestamp() where x.id = c.id;
  update im.call_party p set state = 'in' where p.call_id = c.id;
  perform im.call_tell_all(c, 'ACCEPT', me);
  return query select c.id;
end $$;

-- POST /webrtc/private/reject  webrtc_private_reject(:me, callId, reason*?)
-- The callee declines.
-- Refuses: 404 no such call of this account; 6002 it does not ring, or is not the caller's to reject
-- Writes: call, call_party, call_seen, call_signal, conversation, message, tally, outbox; never file_message
-- Tells: both, RTC_CALL REJECT and PRIVATE_MESSAGE MESSAGE, its record; never GROUP_MESSAGE
create function api.webrtc_private_reject(me bigint, callId uuid, reason im.reason) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, callId, false);
begin
  perform im.call_answerable(c, me);
  perform im.call_end(c, 'rejected', 'REJECT', me, jsonb_build_object('reason', reason));
end $$;

-- POST /webrtc/private/cancel  webrtc_private_cancel(:me, callId)
-- The caller gives up while it rings.
-- Refuses: 404 no such call of this account; 6002 it does not ring, or is not the callee's to cancel
-- Writes: call, call_party, call_seen, call_signal, conversation, message, tally, outbox; never file_message
-- Tells: both, RTC_CALL CANCEL and PRIVATE_MESSAGE MESSAGE, its record; never GROUP_MESSAGE
create function api.webrtc_private_cancel(me bigint, callId uuid) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, callId, false);
begin
  if me <> c.caller_id and not c.crossed then
    raise sqlstate 'I6002' using hint = 'only the caller cancels';
  end if;
  perform im.call_end(c, 'cancelled', 'CANCEL', me);
end $$;

-- POST /webrtc/private/handup  webrtc_private_handup(:me, callId)
-- Either ends a call that was accepted.
-- Refuses: 404 no such call of this account; 6002 it was not accepted, or is over
-- Writes: call, call_party, call_seen, call_signal, conversation, message, tally, outbox; never file_message
-- Tells: both, RTC_CALL HANDUP and PRIVATE_MESSAGE MESSAGE, its record; never GROUP_MESSAGE
create function api.webrtc_private_handup(me bigint, callId uuid) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, callId, false);
begin
  perform im.call_end(c, 'ended', 'HANDUP', me);
end $$;

-- POST /webrtc/private/offer  webrtc_private_offer(:me, callId, offer)
-- Hands a session description on to the other, as it is.
-- Refuses: 404 no such call of this account; 429 too many signals; 6002 it was not accepted, or is over
-- Writes: call_party, call_seen, call_signal, outbox
-- Tells: the other, RTC_CALL OFFER; CANDIDATE of those that came before it; never ANSWER
create function api.webrtc_private_offer(me bigint, callId uuid, offer im.sdp) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.call_signal(me, callId, false, null, 'OFFER', offer, null);
end $$;

-- POST /webrtc/private/answer  webrtc_private_answer(:me, callId, answer)
-- Hands the answer to an offer on to the other, as it is.
-- Refuses: 404 no such call of this account; 429 too many signals; 6002 there was no offer, or the call is over
-- Writes: call_party, call_seen, call_signal, outbox
-- Tells: the other, RTC_CALL ANSWER; CANDIDATE of those that came before it; never OFFER
create function api.webrtc_private_answer(me bigint, callId uuid, answer im.sdp) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.call_signal(me, callId, false, null, 'ANSWER', answer, null);
end $$;

-- POST /webrtc/private/heartbeat  webrtc_private_heartbeat(:me, callId, candidate?)
-- The caller of this is still there; a candidate is handed on to the other, as it is.
-- Refuses: 404 no such call of this account; 429 too many signals; 6002 the call is over, or, with a candidate, not accepted
-- Writes: call_party, call_seen, call_signal, outbox; without a candidate call_seen alone
-- Tells: the other, RTC_CALL CANDIDATE, once an offer or answer was told; never OFFER, ANSWER
create function api.webrtc_private_heartbeat(me bigint, callId uuid, candidate im.candidate) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  if candidate is not null then
    perform im.call_signal(me, callId, false, null, 'CANDIDATE', null, candidate);
  elsif not im.call_seen(me, callId, false) then
    raise sqlstate 'I6002' using hint = 'who says that he is there is not in the call';
  end if;
end $$;

-- GET /webrtc/call/{callId}  webrtc_call(:me, :callId)
-- A call, who is in it, and what was signalled to the caller of this: for its parties, and members of its group.
-- Refuses: 404 no such call of this account
-- Writes: nothing
-- Tells: nobody
create function api.webrtc_call(me bigint, callId uuid) returns setof im.call_view
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
begin
  return next im.call_view(im.call_find(me, callId, null), me);
end $$;

-- GET /webrtc/current  webrtc_current(:me)
-- The call that the account is in, or that rings for it alone; as webrtc_call, or null.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.webrtc_current(me bigint) returns setof im.call_view
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
declare
  c im.call;
begin
  select x.* into c
    from im.call_party p
    join im.call x on x.id = p.call_id and x.ended_at is null
   where p.account_id = me and p.state in ('ringing', 'in');
  if found and im.call_concerns(c, me) then
    return next im.call_view(c, me);
  end if;
end $$;

-- POST /webrtc/group/setup, for its callId  webrtc_group_setup(:me, groupId, mode)
-- Calls a group, whose members are all told.  A group has one call; another is refused, and can be joined by what
-- group_find answers.
-- Refuses: 3001 no such group; 3002 not a member; 3004 group banned; 3006 muted; 6001 the group has a call, or the caller
--   is in one
-- Writes: call, call_party, call_seen, outbox
-- Tells: members, RTC_CALL SETUP
create function api.webrtc_group_setup(me bigint, groupId im.id, mode im.call_mode) returns table ("callId" uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member := im.group_take(me, groupId, 1, false);
begin
  perform im.group_speaks(mine.role, mine.muted_until, (select v.muted from im.conversation v where v.id = mine.conversation_id));
  return query select (im.call_make(mine.conversation_id, groupId, me, null, mode)).id;
end $$;

-- POST /webrtc/group/accept, for its callId  webrtc_group_accept(:me, callId)
-- A member for whom it rings comes in.
-- Refuses: 404 no call of a group of this account; 3004 group banned; 6001 in another call, or there are too many; 6002 it
--   does not ring for this account
-- Writes: call, call_party, call_seen, outbox
-- Tells: who is in it, RTC_CALL JOIN
create function api.webrtc_group_accept(me bigint, callId uuid) returns table ("callId" uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, webrtc_group_accept.callId, true);
begin
  perform im.call_open(c);
  if not im.call_rings(c, me) then
    raise sqlstate 'I6002' using hint = 'it does not ring for who accepts';
  end if;
  perform im.call_enter(c, me);
  return query select c.id;
end $$;

-- POST /webrtc/group/reject  webrtc_group_reject(:me, callId)
-- A member for whom it rings declines; joining later is possible.
-- Refuses: 404 no call of a group of this account; 6002 it does not ring for this account
-- Writes: call_party, call_seen, outbox
-- Tells: who is in it and the caller of this, RTC_CALL REJECT
create function api.webrtc_group_reject(me bigint, callId uuid) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, callId, true);
begin
  if not im.call_rings(c, me) then
    raise sqlstate 'I6002' using hint = 'it does not ring for who rejects';
  end if;
  insert into im.call_party (call_id, account_id, state) values (c.id, me, 'rejected');
  perform im.call_tell(c, im.call_people(c.id) || me, 'REJECT', me);
end $$;

-- POST /webrtc/group/join, for its callId  webrtc_group_join(:me, callId)
-- A member comes in while the call lives, also after having declined or left.
-- Refuses: 404 no call of a group of this account; 3004 group banned; 6001 in another call, or there are too many; 6002 in
--   it already, or it is over
-- Writes: call, call_party, call_seen, outbox
-- Tells: who is in it, RTC_CALL JOIN
create function api.webrtc_group_join(me bigint, callId uuid) returns table ("callId" uuid)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, webrtc_group_join.callId, true);
begin
  perform im.call_open(c);
  perform im.call_enter(c, me);
  return query select c.id;
end $$;

-- POST /webrtc/group/handup  webrtc_group_handup(:me, callId)
-- Who is in it leaves; with the last the call is over.
-- Refuses: 404 no call of a group of this account; 6002 not in it, or it is over
-- Writes: call, call_party, call_seen, call_signal, conversation, message, tally, outbox; never file_message
-- Tells: who is in it and who leaves, RTC_CALL LEAVE; with the last one members, RTC_CALL HANDUP, or CANCEL when nobody
--   came, and GROUP_MESSAGE MESSAGE, its record; never PRIVATE_MESSAGE
create function api.webrtc_group_handup(me bigint, callId uuid) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  c im.call := im.call_take(me, callId, true);
begin
  if not me = any (im.call_people(c.id)) then
    raise sqlstate 'I6002' using hint = 'who hangs up is not in the call';
  end if;
  perform im.call_leave(c, me);
end $$;

-- POST /webrtc/group/offer  webrtc_group_offer(:me, callId, toUserId, offer)
-- Hands a session description on to one who is in the call, as it is.
-- Refuses: 404 no call of a group of this account; 429 too many signals; 6002 either is not in it
-- Writes: call_party, call_seen, call_signal, outbox
-- Tells: the one named, RTC_CALL OFFER; CANDIDATE of those that came before it; never ANSWER
create function api.webrtc_group_offer(me bigint, callId uuid, toUserId im.user_id, offer im.sdp) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.call_signal(me, callId, true, toUserId, 'OFFER', offer, null);
end $$;

-- POST /webrtc/group/answer  webrtc_group_answer(:me, callId, toUserId, answer)
-- Hands the answer to an offer on to who sent it, as it is.
-- Refuses: 404 no call of a group of this account; 429 too many signals; 6002 either is not in it, or there was no offer
-- Writes: call_party, call_seen, call_signal, outbox
-- Tells: the one named, RTC_CALL ANSWER; CANDIDATE of those that came before it; never OFFER
create function api.webrtc_group_answer(me bigint, callId uuid, toUserId im.user_id, answer im.sdp) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.call_signal(me, callId, true, toUserId, 'ANSWER', answer, null);
end $$;

-- POST /webrtc/group/candidate  webrtc_group_candidate(:me, callId, toUserId, candidate)
-- Hands a candidate on to one who is in the call, as it is.
-- Refuses: 404 no call of a group of this account; 429 too many signals; 6002 either is not in it
-- Writes: call_party, call_seen, call_signal, outbox
-- Tells: the one named, RTC_CALL CANDIDATE, once an offer or answer was told; never OFFER, ANSWER
create function api.webrtc_group_candidate(me bigint, callId uuid, toUserId im.user_id, candidate im.candidate) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.call_signal(me, callId, true, toUserId, 'CANDIDATE', null, candidate);
end $$;

-- POST /webrtc/group/heartbeat  webrtc_group_heartbeat(:me, callId)
-- The caller of this is still in it.
-- Refuses: 404 no call of a group of this account; 6002 not in it, or it is over
-- Writes: call_seen
-- Tells: nobody
create function api.webrtc_group_heartbeat(me bigint, callId uuid) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  if not im.call_seen(me, callId, true) then
    raise sqlstate 'I6002' using hint = 'who says that he is there is not in the call of the group';
  end if;
end $$;

-- (several of webrtc_private_heartbeat at once)  webrtc_private_heartbeat_many
-- Those that are there and say no more are seen; the others are left to webrtc_private_heartbeat, as is whose row somebody else
-- has at the moment, so that it waits for nobody.  Accounts are let in as by enter(), but for its lock: a ban takes them out of
-- the call by itself.
-- Refuses: nothing
-- Writes: call_seen
-- Tells: nobody
create function api.webrtc_private_heartbeat_many(accounts bigint[], vers integer[], sessions bigint[], calls uuid[], candidates text[])
returns table (refusal integer, txid text, channels text, body text, nth integer)
language plpgsql rows 10 security definer set search_path = im, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return query
    with there as materialized (
      select u.nth, s.call_id, s.account_id
        from unnest(accounts, vers, sessions, calls, candidates) with ordinality u(account, ver, session, call, candidate, nth)
        join im.account a on a.id = u.account and a.version = u.ver and a.status = 'normal'
        join im.session e on e.id = u.session and e.account_id = u.account and e.revoked_at is null
        join im.call_seen s on s.call_id = u.call and s.account_id = u.account and s.conversation_id is null
       where u.candidate is null
         for no key update of s skip locked
    ), seen as (
      update im.call_seen s set seen_at = now() from (select distinct t.call_id, t.account_id from there t) t
       where s.call_id = t.call_id and s.account_id = t.account_id
    )
    select null::integer, null::text, null::text, null::text, t.nth::integer from there t;
end $$;
