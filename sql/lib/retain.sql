-- What is not kept for ever: messages, as long as setting message.keep says, and what is about them alone; who has read them
-- (reading.keep); the record of administrators' acts (audit.keep).

-- The least seq that a conversation still has, less one; with none left, the last that it had.
create or replace function im.message_floor(conversation bigint) returns bigint
language plpgsql stable as $$
begin
  return coalesce((select min(m.seq) - 1 from im.message m where m.conversation_id = conversation),
                  (select c.last_seq from im.conversation c where c.id = conversation));
end $$;

-- Job of imclerk: removes the oldest messages that are older than that, a few at a time, in the order of their ids, which is
-- that of seq in each conversation: history begins later, and nothing else changes.  Links to files go with them, and with
-- these, in time, the files; what a complaint has copied stays.
create or replace function im.due_message() returns bigint
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('message.keep');
  removed bigint;
begin
  if coalesce((select m.sent_at from im.message m order by m.id limit 1) >= oldest, true) then
    return 0;
  end if;
  with gone as (
    delete from im.message m
     where m.id in (select o.id from (select x.id, x.sent_at from im.message x order by x.id limit 500) o where o.sent_at < oldest)
    returning m.id, m.conversation_id, m.seq),
  texts as (
    delete from im.message_text t using gone g where t.id = g.id),
  readings as (         -- nobody can ask any more who has read them
    delete from im.reading r using (select g.conversation_id, max(g.seq) as seq from gone g group by 1) p
     where r.conversation_id = p.conversation_id and r.seq <= p.seq)
  select count(*) into removed from gone;
  return removed;
end $$;

-- Job of imclerk: forgets who has read messages that are older than that, some messages at a time, in the order of their ids;
-- up to where, its follower's row says.
create or replace function im.due_reading() returns bigint
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('reading.keep');
  upto bigint;
  removed bigint;
begin
  select max(o.id) into upto
    from (select m.id, m.sent_at from im.message m
           where m.id > (select f.id from im.follower f where f.name = 'reading') order by m.id limit 500) o
   where o.sent_at < oldest;
  if upto is null then
    return 0;
  end if;
  delete from im.reading r
   using (select m.conversation_id, max(m.seq) as seq from im.message m
           where m.id > (select f.id from im.follower f where f.name = 'reading') and m.id <= upto group by 1) p
   where r.conversation_id = p.conversation_id and r.seq <= p.seq;
  get diagnostics removed = row_count;
  update im.follower f set id = upto where f.name = 'reading';
  return removed;
end $$;

-- Job of imclerk: lets the record begin behind what is older than that, some rows at a time.
create or replace function im.due_audit() returns bigint
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('audit.keep');
  last record;
  removed bigint;
begin
  select o.id, o.hash into last
    from (select a.id, a.hash, a.created_at from im.audit a order by a.id limit 500) o
   where o.created_at < oldest order by o.id desc limit 1;
  if not found then
    return 0;
  end if;
  update im.audit_tail set id = last.id, hash = last.hash where id < last.id;
  delete from im.audit a where a.id <= last.id;
  get diagnostics removed = row_count;
  return removed;
end $$;
