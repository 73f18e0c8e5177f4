-- Internal functions about calls: their parties, their signals, and their end.

-- An event of a call.  more are its further fields, after those that every event has.
create or replace function im.call_json(c im.call, event text, actor bigint, more jsonb default '{}') returns json
language plpgsql stable as $$
begin
  return (jsonb_build_object('event', event, 'callId', c.id, 'groupId', c.group_id, 'fromId', actor) || more)::json;
end $$;

create or replace function im.call_tell(c im.call, recipients bigint[], event text, actor bigint, more jsonb default '{}')
returns void
language plpgsql as $$
begin
  perform im.tell(recipients, 'RTC_CALL', im.call_json(c, event, actor, more));
end $$;

-- What concerns everybody whom the call concerns: both of a private one, all members of a group.
create or replace function im.call_tell_all(c im.call, event text, actor bigint, more jsonb default '{}') returns void
language plpgsql as $$
begin
  if c.group_id is null then
    perform im.call_tell(c, array[c.caller_id, c.callee_id], event, actor, more);
  else
    perform im.tell_conversation(c.conversation_id, null, 'RTC_CALL', im.call_json(c, event, actor, more));
  end if;
end $$;

-- Who is in it, the smaller id first.
create or replace function im.call_people(call uuid) returns bigint[]
language plpgsql stable as $$
begin
  return coalesce((select array_agg(p.account_id order by p.account_id) from im.call_party p
                    where p.call_id = call and p.state = 'in'), '{}');
end $$;

-- A call of the kind (null: of either) that concerns this account: as a party or, of a group, as a present member.
-- Refuses 404.
create or replace function im.call_find(me bigint, call uuid, of_group boolean) returns im.call
language plpgsql stable as $$
declare
  c im.call;
begin
  select * into c from im.call x
   where x.id = call and (x.group_id is not null) = coalesce(of_group, x.group_id is not null);
  if not found or not im.call_concerns(c, me) then
    raise sqlstate 'I0404' using hint = 'no such call of the caller';
  end if;
  return c;
end $$;

create or replace function im.call_concerns(c im.call, account bigint) returns boolean
language plpgsql stable as $$
begin
  return case when c.group_id is null then account in (c.caller_id, c.callee_id)
    else exists (select from im.member m join im.conversation v on v.id = m.conversation_id
                  where m.conversation_id = c.conversation_id and m.account_id = account and m.left_at is null
                    and v.closed is distinct from 'dissolved') end;
end $$;

-- Waits for what these parties (null: all) are doing in it, and has them wait.
create or replace function im.call_parties_lock(call uuid, accounts bigint[] default null) returns void
language plpgsql as $$
begin
  perform from im.call_party p where p.call_id = call and (accounts is null or p.account_id = any (accounts))
    order by p.account_id for no key update;
end $$;

-- call_find with its locks, for an act that changes who is in it.  Refuses 404; 6002 when it is over.
create or replace function im.call_take(me bigint, call uuid, of_group boolean) returns im.call
language plpgsql as $$
declare
  c im.call := im.call_find(me, call, of_group);
begin
  perform from im.conversation v where v.id = c.conversation_id for no key update;
  select * into c from im.call x where x.id = c.id for no key update;
  if not im.call_concerns(c, me) then
    raise sqlstate 'I0404' using hint = 'the call has ceased to concern the caller';
  elsif c.ended_at is not null then
    raise sqlstate 'I6002' using hint = 'the call is over';
  end if;
  perform im.call_parties_lock(c.id);
  return c;
end $$;

-- Nobody comes into a call of a chat that is closed: 2001, 2003, 3004.  Who is in it may still leave.
create or replace function im.call_open(c im.call) returns void
language plpgsql stable as $$
declare
  closed text := (select v.closed from im.conversation v where v.id = c.conversation_id);
begin
  if closed is not null then
    raise exception using errcode = case closed when 'blocked' then 'I2003' when 'banned' then 'I3004' else 'I2001' end;
  end if;
end $$;

-- The private call is this account's to answer (its callee's; either's when both have called), and rings.  Refuses 6002.
create or replace function im.call_answerable(c im.call, account bigint) returns void
language plpgsql stable as $$
begin
  if c.state <> 'ringing' or (account <> c.callee_id and not c.crossed)
     or now() >= c.created_at + im.setting_interval('call.ring') then
    raise sqlstate 'I6002' using hint = case when c.state <> 'ringing' then 'the call does not ring any more' else 'the call does not ring for who answers' end;
  end if;
end $$;

-- Makes a call with these parties, the smaller id first so that two made at once wait for each other in one order.
-- Refuses 6001, by the indexes, when somebody is in a call, or the chat has one.
create or replace function im.call_make(conversation bigint, chat_group bigint, caller bigint, callee bigint, mode integer)
returns im.call
language plpgsql as $$
declare
  c im.call;
begin
  insert into im.call (conversation_id, group_id, caller_id, callee_id, mode)
  values (conversation, chat_group, caller, callee, mode) returning * into c;
  insert into im.call_party (call_id, account_id, state)
  select c.id, a.id, case a.id when caller then 'in' else 'ringing' end
    from unnest(array_remove(array[caller, callee], null)) a(id) order by a.id;
  perform im.call_tell_setup(c, caller);
  return c;
end $$;

create or replace function im.call_tell_setup(c im.call, actor bigint) returns void
language plpgsql as $$
declare
  more jsonb := jsonb_build_object('mode', c.mode, 'createTime', im.time_text(c.created_at));
begin
  if c.group_id is null then
    perform im.call_tell(c, array_remove(array[c.caller_id, c.callee_id], actor), 'SETUP', actor, more);
  else
    perform im.call_tell_all(c, 'SETUP', actor, more);
  end if;
end $$;

-- Ends a call: nobody is in it any more, its signals go, the chat gets its record, and everybody is told.  The call is
-- locked, with its conversation.
create or replace function im.call_end(c im.call, new_state text, event text, actor bigint, more jsonb default '{}')
returns void
language plpgsql as $$
begin
  update im.call x set state = new_state, ended_at = clock_timestamp() where x.id = c.id returning * into c;
  update im.call_party p set state = 'out' where p.call_id = c.id and p.state in ('ringing', 'in');
  delete from im.call_signal s where s.call_id = c.id;
  perform im.call_tell_all(c, event, actor, more);
  perform im.call_record(c);
end $$;

-- The message of type 8 that a call leaves.  A chat that nobody can write to, or a caller who cannot, gets none.
create or replace function im.call_record(c im.call) returns void
language plpgsql as $$
declare
  content text := json_build_object('callId', c.id, 'mode', c.mode,
    'outcome', case c.state when 'ended' then 'answered' when 'timeout' then 'missed' else c.state end,
    'duration', floor(extract(epoch from c.ended_at - c.accepted_at))::integer)::text;
begin
  if c.group_id is null then
    perform im.private_append(c.caller_id, c.callee_id, content, 8, null, null);
  else
    perform im.group_append(c.caller_id, c.group_id, content, 8, null, null);
  end if;
exception when sqlstate 'I2001' or sqlstate 'I2003' or sqlstate 'I3001' or sqlstate 'I3002' or sqlstate 'I3004'
  or sqlstate 'I3006' then
  null;
end $$;

-- Somebody leaves a call in progress, or his own that still rings.  A private one is over then; a group's goes on until
-- nobody is in it.  The call is locked, with its conversation.
create or replace function im.call_leave(c im.call, account bigint) returns void
language plpgsql as $$
begin
  if c.group_id is not null then
    update im.call_party p set state = 'out' where p.call_id = c.id and p.account_id = account;
    delete from im.call_signal s where s.call_id = c.id and account in (s.sender_id, s.receiver_id);
    perform im.call_tell(c, im.call_people(c.id) || account, 'LEAVE', account);
  end if;
  if c.group_id is null or im.call_people(c.id) = '{}' then
    perform im.call_end(c, case c.state when 'ringing' then 'cancelled' else 'ended' end,
                        case c.state when 'ringing' then 'CANCEL' else 'HANDUP' end, account);
  end if;
end $$;

-- Somebody comes into a group's call, which is accepted with the first.  Refuses 6001 when he is in another, or there
-- are too many; 6002 when he is in it.
create or replace function im.call_enter(c im.call, account bigint) returns void
language plpgsql as $$
declare
  people bigint[] := im.call_people(c.id);
begin
  if account = any (people) then
    raise sqlstate 'I6002' using hint = 'who comes in is in the call already';
  elsif cardinality(people) >= im.setting_int('call.people_limit') then
    raise sqlstate 'I6001' using hint = 'the call has as many people as it may';
  end if;
  insert into im.call_party as p (call_id, account_id, state) values (c.id, account, 'in')
  on conflict on constraint call_party_pkey do update set state = 'in';
  if c.state = 'ringing' then
    update im.call x set state = 'accepted', accepted_at = clock_timestamp() where x.id = c.id;
  end if;
  perform im.call_tell(c, people || account, 'JOIN', account);
end $$;

-- Whether a group's call still rings for this account: the time is not over, and it has neither come nor declined.
create or replace function im.call_rings(c im.call, account bigint) returns boolean
language plpgsql stable as $$
begin
  return now() < c.created_at + im.setting_interval('call.ring')
     and not exists (select from im.call_party p where p.call_id = c.id and p.account_id = account);
end $$;

create or replace function im.call_signal_json(c im.call, s im.call_signal) returns json
language plpgsql stable as $$
begin
  return case s.kind when 'OFFER' then im.call_signal_event(c, s, 'OFFER')
    when 'ANSWER' then im.call_signal_event(c, s, 'ANSWER') else im.call_signal_event(c, s, 'CANDIDATE') end;
end $$;

-- As call_json, but what is in it stays as it came: jsonb would write out a number of eight characters with all its noughts.
create or replace function im.call_signal_event(c im.call, s im.call_signal, event text) returns json
language plpgsql stable as $$
begin
  return json_build_object('event', event, 'callId', c.id, 'groupId', c.group_id, 'fromId', s.sender_id, 'seq', s.seq,
    lower(event), coalesce(to_json(s.sdp), s.candidate));
end $$;

create or replace function im.call_signal_tell(c im.call, s im.call_signal) returns void
language plpgsql as $$
begin
  perform im.tell(array[s.receiver_id], 'RTC_CALL', im.call_signal_json(c, s));
end $$;

-- Keeps a signal and tells it to its receiver (null: the other one of a private call).  A candidate that is here before
-- its sender's offer or answer waits for it: a browser has no use for one without the other.  Refuses 404, 6002 as
-- call_seen, 6002 when the receiver is not in it, or has sent no offer to answer; 429 too many.
create or replace function im.call_signal(me bigint, call uuid, of_group boolean, receiver bigint, kind text, sdp text,
                                          candidate json) returns void
language plpgsql as $$
declare
  c im.call := im.call_find(me, call, of_group);
  s im.call_signal;
  sent integer;
begin
  receiver := coalesce(receiver, case me when c.caller_id then c.callee_id else c.caller_id end);
  perform im.call_parties_lock(c.id, array[me, receiver]);     -- or the receiver leaves, and it stays
  update im.call_party p set signals = p.signals + 1,
                             bytes = p.bytes + octet_length(coalesce(sdp, candidate::text))
   where p.call_id = c.id and p.account_id = me and p.state = 'in' returning p.signals, p.bytes into s.seq, sent;
  if not found or receiver = me
     or not exists (select from im.call_party p where p.call_id = c.id and p.account_id = receiver and p.state = 'in')
     or (kind = 'ANSWER' and not im.call_described(c.id, receiver, me, array['OFFER'])) then
    raise sqlstate 'I6002' using hint = 'the other one is not in the call, or has made no offer';
  elsif s.seq > im.setting_int('call.signal_limit') or sent > im.setting_int('call.signal_bytes') then
    raise sqlstate 'I0429' using hint = 'the call has had as many signals as it may';
  end if;
  update im.call_seen x set seen_at = now() where x.call_id = c.id and x.account_id = me;
  insert into im.call_signal (call_id, sender_id, seq, receiver_id, kind, sdp, candidate)
  values (c.id, me, s.seq, receiver, kind, sdp, candidate) returning * into s;
  if kind <> 'CANDIDATE' then
    perform im.call_signal_tell(c, s);
    perform im.call_signal_held(c, s);
  elsif im.call_described(c.id, me, receiver, array['OFFER', 'ANSWER']) then
    perform im.call_signal_tell(c, s);
  end if;
end $$;

create or replace function im.call_described(call uuid, sender bigint, receiver bigint, kinds text[]) returns boolean
language plpgsql stable as $$
begin
  return exists (select from im.call_signal s where s.call_id = call and s.sender_id = sender and s.receiver_id = receiver
                    and s.kind = any (kinds));
end $$;

-- The first description of a sender for a receiver: candidates that have waited come after it.
create or replace function im.call_signal_held(c im.call, described im.call_signal) returns void
language plpgsql as $$
declare
  s im.call_signal;
  last integer;
begin
  if exists (select from im.call_signal x
              where x.call_id = c.id and x.sender_id = described.sender_id and x.receiver_id = described.receiver_id
                and x.kind <> 'CANDIDATE' and x.seq < described.seq) then
    return;
  end if;
  for s in select * from im.call_signal x
            where x.call_id = c.id and x.sender_id = described.sender_id and x.receiver_id = described.receiver_id
              and x.seq < described.seq order by x.seq loop
    update im.call_party p set signals = p.signals + 1
     where p.call_id = c.id and p.account_id = s.sender_id returning p.signals into last;
    update im.call_signal x set seq = last
     where x.call_id = c.id and x.sender_id = s.sender_id and x.seq = s.seq returning * into s;
    perform im.call_signal_tell(c, s);
  end loop;
end $$;

-- A call as this account sees it: the signals are those that it has been told of.
create or replace function im.call_view(c im.call, me bigint) returns im.call_view
language plpgsql stable as $$
begin
  return (c.id, c.group_id, c.caller_id, c.callee_id, c.mode, c.state, c.created_at, c.accepted_at, c.ended_at,
    (select coalesce(json_agg(json_build_object('userId', p.account_id, 'state', p.state) order by p.account_id), '[]')
       from im.call_party p where p.call_id = c.id),
    (select coalesce(json_agg(im.call_signal_json(c, s) order by s.sender_id, s.seq), '[]')
       from im.call_signal s
      where s.call_id = c.id and s.receiver_id = me
        and (s.kind <> 'CANDIDATE' or im.call_described(c.id, s.sender_id, me, array['OFFER', 'ANSWER']))))::im.call_view;
end $$;

-- The living call of a group, for its members: {callId, mode, userIds}, or null.
create or replace function im.call_of_group(conversation bigint) returns json
language plpgsql stable as $$
begin
  return (select json_build_object('callId', c.id, 'mode', c.mode, 'userIds', array_to_json(im.call_people(c.id)))
            from im.call c where c.conversation_id = conversation and c.ended_at is null);
end $$;
