-- Idempotency-Key: the same key with the same request has the same answer, and its effect once.
--
-- How it fits the pipeline.  The answer is kept by the transaction that has the effect, so the two cannot part; that
-- transaction ends before the program has made JSON of the rows, so what is kept is the row, as jsonb, and an answer
-- given again goes through the same columns as the first.  A function that takes a key ends in
--     (..., key im.idempotency_key, digest im.request_digest)
-- and its route row in (..., :key, :digest):
--     :key     the header Idempotency-Key, or NULL when the client sent none
--     :digest  lower-case hex of HMAC-SHA-256 under IM_TRADE_PEPPER of  method \n path \n body  (the raw bytes).
--              Keyed, because the body has the trade password in it.
-- The function itself reads
--     stored := im.idempotent(me, key, digest);
--     if stored is null then
--       stored := im.idempotent_keep(me, key, im.<what it does>(...));   -- a jsonb object; null: refused later
--     end if;
--     return query select * from jsonb_to_recordset(stored) as r(<the columns>);
-- so that what is kept is an array: of one row, or of none when the answer was a refusal.
--
-- A twin that arrives while the first is running waits at the unique key, then gets the first one's answer; when the
-- first was refused it rolled back, key and all, and the twin runs.  So a refusal is not kept and may be tried again
-- with the same key, but for the one that commits: a wrong trade password (trade_ok() below).
-- Without a key nothing is kept.  Keys belong to the account; those of a service have a prefix of their own.

-- Null: go on, the key is now ours.  Else the kept answer: empty when it was a refusal, which is then set to be
-- given again.  Refuses 400 when the key was used with another request.
create or replace function im.idempotent(account bigint, given_key text, given_digest text) returns jsonb
language plpgsql as $$
declare
  kept im.idempotency;
begin
  if given_key is null then
    return null;
  end if;
  loop
    insert into im.idempotency (account_id, key, digest) values (account, given_key, given_digest)
    on conflict do nothing;
    if found then
      return null;
    end if;
    select * into kept from im.idempotency i where i.account_id = account and i.key = given_key;
    exit when found;                        -- else just purged: try again
  end loop;
  if kept.digest <> given_digest then
    raise sqlstate 'I0400' using message = 'Idempotency-Key', hint = 'the key was used with another request';
  elsif kept.refusal is not null then
    perform im.refuse_later(kept.refusal, 'as the first request with that key');
  end if;
  return coalesce(kept.answer, '[]');
end $$;

-- Keeps the answer, and hands it on as a set of one row; null, when it was refused for later, stays null.
create or replace function im.idempotent_keep(account bigint, given_key text, given_answer jsonb) returns jsonb
language plpgsql as $$
declare
  stored jsonb := '[]' || given_answer;
begin
  if given_key is not null and stored is not null then
    update im.idempotency i set answer = stored where i.account_id = account and i.key = given_key;
  end if;
  return stored;
end $$;

-- im.trade_verify() for a request with a key: a repeated request is not counted as a second wrong try.
create or replace function im.trade_ok(account bigint, given text, given_key text) returns boolean
language plpgsql as $$
begin
  if im.trade_verify(account, given) then
    return true;
  end if;
  update im.idempotency i set refusal = 4002 where i.account_id = account and i.key = given_key;
  return false;
end $$;

-- For the clerk: forgets what is older than promised.
create or replace function im.due_idempotency() returns bigint
language plpgsql as $$
declare
  oldest timestamptz := now() - im.setting_interval('idempotency.ttl');
  purged bigint;
begin
  delete from im.idempotency i
   where i.ctid in (select o.ctid from im.idempotency o where o.created_at < oldest order by o.created_at limit 5000);
  get diagnostics purged = row_count;
  return purged;
end $$;
