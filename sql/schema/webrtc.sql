-- Calls: who is in them, and the signals by which browsers find each other.
-- Locks, in this order everywhere: accounts, conversation, call, parties, the smaller account first.

create domain im.call_mode smallint constraint call_mode_values check (value in (1, 2));
create domain im.sdp text constraint sdp_length check (octet_length(value) between 1 and 65536);
create domain im.candidate json constraint candidate_form
  check (json_typeof(value) in ('object', 'string') and octet_length(value::text) <= 2048);

create table im.call (
  id uuid constraint call_pkey primary key default gen_random_uuid(),
  conversation_id bigint not null references im.conversation,
  group_id bigint references im.chat_group,
  caller_id bigint not null references im.account,
  callee_id bigint references im.account,  -- of a private call
  mode im.call_mode not null,              -- 1 video, 2 voice
  crossed boolean not null default false,  -- both have called: either accepts
  state text not null default 'ringing'
    constraint call_state_values check (state in ('ringing', 'accepted', 'ended', 'rejected', 'cancelled', 'timeout')),
  created_at timestamptz not null default now(),
  accepted_at timestamptz,
  ended_at timestamptz,
  constraint call_kind check ((group_id is null) <> (callee_id is null)),
  constraint "call_friendId_i0400" check (caller_id <> callee_id),
  constraint call_group_state check (group_id is null or (state <> 'rejected' and not crossed)),
  constraint call_times check ((state in ('accepted', 'ended')) = (accepted_at is not null)
                               and (state in ('ringing', 'accepted')) = (ended_at is null))
) with (fillfactor = 80);
create unique index call_living_i6001 on im.call (conversation_id) where ended_at is null;
create index call_ended on im.call (ended_at) where ended_at is not null;

-- Every edge that there is.
create function im.call_edge() returns trigger
language plpgsql as $$
begin
  if (old.state, new.state) in (('ringing', 'accepted'), ('ringing', 'rejected'), ('ringing', 'cancelled'),
                                ('ringing', 'timeout'), ('accepted', 'ended')) then
    return new;
  end if;
  raise sqlstate 'I6002' using hint = 'the call has been decided meanwhile';
end $$;
create trigger call_edge before update of state on im.call for each row execute function im.call_edge();

create table im.call_party (
  call_id uuid not null references im.call on delete cascade,
  account_id bigint not null references im.account,
  -- ringing: the callee of a private call; of a group only who is or was in it, or has declined, has a row.
  state text not null constraint call_party_state_values check (state in ('ringing', 'in', 'out', 'rejected')),
  signals integer not null default 0,      -- how many it has sent, which numbers them
  bytes integer not null default 0,        -- and how long they were together
  constraint call_party_pkey primary key (call_id, account_id)
) with (fillfactor = 50);
-- One call at a time.
create unique index call_party_live_i6001 on im.call_party (account_id) where state in ('ringing', 'in');

-- When each party of a living call was last seen: what its heartbeats write, and nothing else.  Not logged, so that none of
-- them waits for a disk.  It survives the death of any program; a crash of PostgreSQL empties it, and then everybody has
-- his whole time again (im.due_webrtc).
create unlogged table im.call_seen (
  call_id uuid not null,
  account_id bigint not null,
  conversation_id bigint,                  -- of a group's call: where the party has to be a member still
  seen_at timestamptz not null default now(),
  constraint call_seen_pkey primary key (call_id, account_id),
  constraint call_seen_party foreign key (call_id, account_id) references im.call_party on delete cascade
) with (fillfactor = 50);

-- Who comes in, or is called, is seen; who is out has no row.
create function im.call_party_seen() returns trigger
language plpgsql as $$
begin
  if new.state in ('ringing', 'in') then
    insert into im.call_seen as s (call_id, account_id, conversation_id)
    select new.call_id, new.account_id, case when c.group_id is not null then c.conversation_id end
      from im.call c where c.id = new.call_id
    on conflict on constraint call_seen_pkey do update set seen_at = now();
  else
    delete from im.call_seen s where s.call_id = new.call_id and s.account_id = new.account_id;
  end if;
  return null;
end $$;
create trigger call_party_seen after insert or update of state on im.call_party
  for each row execute function im.call_party_seen();

-- Kept for as long as the call lives, so that a page that was loaded again can go on.
create table im.call_signal (
  call_id uuid not null,
  sender_id bigint not null,
  seq integer not null,                    -- in the order of the sender
  receiver_id bigint not null,
  kind text not null constraint call_signal_kind_values check (kind in ('OFFER', 'ANSWER', 'CANDIDATE')),
  sdp im.sdp,
  candidate im.candidate,
  constraint call_signal_pkey primary key (call_id, sender_id, seq),
  constraint call_signal_party foreign key (call_id, sender_id) references im.call_party on delete cascade,
  constraint call_signal_content check (case kind when 'CANDIDATE' then sdp is null and candidate is not null
                                                  else sdp is not null and candidate is null end)
);
create index call_signal_receiver on im.call_signal (call_id, receiver_id);

-- A call as its people see it.  signals are the data of the events that told of them.
create type im.call_view as ("callId" uuid, "groupId" bigint, "callerId" bigint, "calleeId" bigint, mode smallint,
  state text, "createTime" timestamptz, "acceptTime" timestamptz, "endTime" timestamptz, parties json, signals json);

insert into im.setting (name, kind, value, least, most, unit, manual, note) values
  ('call.ring',         'time',   '30 seconds', '0 seconds', '1 hour',    '',        'webrtc(8)', 'a call that nobody accepts for this long is missed'),
  ('call.vanish',       'time',   '60 seconds', '0 seconds', '1 hour',    '',        'webrtc(8)', 'a party without a heartbeat for this long has left its call'),
  ('call.people_limit', 'number', '9',          '2',         '1000',      'people',  'webrtc(8)', 'people in a group call'),
  ('call.signal_limit', 'number', '2000',       '1',         '1000000',   'signals', 'webrtc(8)', 'signals that one party may send in a call'),
  ('call.signal_bytes', 'number', '4194304',    '1',         '100000000', 'bytes',   'webrtc(8)', 'and how long they may be together: all of them are answered at once'),
  ('call.keep',         'time',   '1 day',      '1 minute',  '3650 days', '',        'webrtc(8)', 'how long a call that is over can be read; its record is a message');
