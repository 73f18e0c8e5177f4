-- How many messages there are, so that nobody counts them one by one.

-- Messages are counted in blocks, when a block is full.  n is how many of the account's (0: of everybody's) stand in this
-- block and all before it, are not recalled and not of type 9.  Everybody has a row of each full block, an account of those in which it wrote.
create table im.tally (
  conversation_id bigint not null,
  account_id bigint not null,
  block bigint not null,                   -- 1: that of the first messages
  n bigint not null,
  constraint tally_pkey primary key (conversation_id, account_id, block)
);

create function im.tally_block() returns integer
language sql immutable parallel safe as $$
  select 1024
$$;

-- Under the conversation's lock, as the message is.
create function im.tally_add() returns trigger
language plpgsql as $$
begin
  insert into im.tally (conversation_id, account_id, block, n)
  select new.conversation_id, s.account, new.seq / im.tally_block(), s.n + coalesce((
           select t.n from im.tally t where t.conversation_id = new.conversation_id and t.account_id = s.account
            order by t.block desc limit 1), 0)
    from (select coalesce(m.sender_id, 0) account, count(*) filter (where m.recalled_at is null and m.message_type <> 9) n
            from im.message m
           where m.conversation_id = new.conversation_id and m.seq > new.seq - im.tally_block() and m.seq <= new.seq
           group by grouping sets ((m.sender_id), ())) s;
  return null;
end $$;
create trigger tally_add after insert on im.message
  for each row when (new.seq % 1024 = 0) execute function im.tally_add();
