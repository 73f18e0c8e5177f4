-- Messages of the house to its users: notices.

-- GET /message/system/pullOfflineMessage  message_system_pull(:me)
-- Notices that the account has not got yet, the oldest first, at most a thousand.  Reading them acknowledges nothing.
-- Refuses: nothing
-- Writes: nothing
-- Tells: nobody
create function api.message_system_pull(me bigint) returns setof im.notice_shown
language plpgsql stable rows 10 security definer set search_path = im, pg_temp as $$
declare
  seen bigint := (select a.notice_seen from im.account a where a.id = me);
begin
  return query
    select s.*
      from (select n.seq from im.notice n where n.everybody and n.seq > seen
            union all
            select d.seq from im.notice_due d where d.account_id = me) due
      join im.notice_shown s on s.seq = due.seq
     order by s.seq
     limit im.setting_int('message.pull_limit');
end $$;

-- PUT /message/system/readed  message_system_readed(:me, maxSeq?)
-- The account has got the notices up to that one; never goes back, never past the newest.
-- Refuses: nothing but 400
-- Writes: account, notice_due, notice_got, outbox
-- Tells: the caller's devices, SYSTEM_MESSAGE READ, when it advanced
create function api.message_system_readed(me bigint, maxSeq im.notice_seq) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  newest im.notice_head := (select h from im.notice_head h);
  moved boolean;
begin
  update im.account a set notice_seen = least(maxSeq, newest.everybody)
   where a.id = me and a.notice_seen < least(maxSeq, newest.everybody);
  moved := found;
  with had as (delete from im.notice_due d where d.account_id = me and (maxSeq is null or d.seq <= maxSeq) returning d.seq)
  insert into im.notice_got (seq, account_id) select h.seq, me from had h;
  if moved or found then
    perform im.tell(array[me], 'SYSTEM_MESSAGE', json_build_object('event', 'READ', 'maxSeq', least(maxSeq, newest.seq)));
  end if;
end $$;
