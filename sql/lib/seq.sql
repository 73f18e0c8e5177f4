-- Internal functions about seq, the numbers of a conversation's messages: 1, 2, 3 and so on, but for those that are skipped
-- because a restored backup does not know whether they were given out (sql/restored.sql).

-- How many numbers up to that one messages have.
create or replace function im.seq_rank(skipped int8multirange, seq bigint) returns bigint
language plpgsql immutable as $$
begin
  if skipped is null then
    return seq;
  end if;
  return seq - coalesce((select sum(least(upper(r) - 1, seq) - lower(r) + 1) from unnest(skipped) r where lower(r) <= seq), 0)::bigint;
end $$;

-- And the other way round: the number of the message before which there are one less than so many.
create or replace function im.seq_ranked(skipped int8multirange, rank bigint) returns bigint
language plpgsql immutable as $$
declare
  seq bigint := rank;
  hole int8range;
begin
  for hole in select r from unnest(skipped) r order by r loop
    if lower(hole) <= seq then
      seq := seq + upper(hole) - lower(hole);
    end if;
  end loop;
  return seq;
end $$;

-- What the last one was before the last was taken.
create or replace function im.seq_before(last_seq bigint, skipped int8multirange) returns bigint
language plpgsql immutable as $$
begin
  if last_seq = upper(skipped) then
    return (select max(lower(r)) from unnest(skipped) r) - 1;
  end if;
  return last_seq - 1;
end $$;

-- Leaves a hundred million out in every conversation: whoever has shown number 57 of a message that a restore has lost would
-- drop another 57.  last_seq stays what a message has.  They go on at the beginning of a block, and what stands before the
-- hole is counted as if its block were full (schema/tally.sql).
create or replace function im.seq_jump() returns void
language plpgsql as $$
begin
  with jump as (
    update im.conversation c set skipped = coalesce(c.skipped, '{}') + int8multirange(int8range(c.last_seq + 1,
             ((greatest(c.last_seq, upper(c.skipped)) + 100000000) / im.tally_block() + 1) * im.tally_block() + 1))
    returning c.id, upper(c.skipped) / im.tally_block() as block
  )
  insert into im.tally (conversation_id, account_id, block, n)
  select j.id, s.account, j.block, s.n + coalesce((
           select t.n from im.tally t where t.conversation_id = j.id and t.account_id = s.account order by t.block desc limit 1), 0)
    from jump j
   cross join lateral (
     select coalesce(m.sender_id, 0) account, count(*) filter (where m.recalled_at is null) n
       from im.message m
      where m.conversation_id = j.id
        and m.seq > im.tally_block() * coalesce((select max(t.block) from im.tally t where t.conversation_id = j.id and t.account_id = 0), 0)
      group by grouping sets ((m.sender_id), ())) s;
end $$;
