-- Internal functions about how many messages there are.

-- How many messages of others stand after the one seq and up to the other, and are not recalled, nor notes of who came or left
-- (type 9), which nobody has said.  From 0 on: from the last
-- block before on, and what the blocks have.
create or replace function im.message_count(conversation bigint, me bigint, after bigint, upto bigint) returns bigint
language plpgsql stable as $$
declare
  whole bigint := case after when 0 then upto / im.tally_block() else 0 end;
begin
  if whole = 0 then
    return (select count(*) from im.message m
             where m.conversation_id = conversation and m.seq > after and m.seq <= upto and m.sender_id <> me and m.recalled_at is null
               and m.message_type <> 9);
  end if;
  return (select count(*) from im.message m
           where m.conversation_id = conversation and m.seq > greatest(after, whole * im.tally_block()) and m.seq <= upto
             and m.sender_id <> me and m.recalled_at is null and m.message_type <> 9)
       + coalesce((select t.n from im.tally t
                    where t.conversation_id = conversation and t.account_id = 0 and t.block = whole), 0)
       - coalesce((select t.n from im.tally t
                    where t.conversation_id = conversation and t.account_id = me and t.block <= whole
                    order by t.block desc limit 1), 0);
end $$;

-- A message that is recalled counts no more; under its conversation's lock.  So many rows as blocks have come since.
create or replace function im.tally_forget(m im.message) returns void
language plpgsql as $$
begin
  update im.tally t set n = t.n - 1
   where t.conversation_id = m.conversation_id and t.account_id in (0, m.sender_id)
     and t.block >= (m.seq + im.tally_block() - 1) / im.tally_block();
end $$;
