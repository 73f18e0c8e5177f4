-- Once, on a database that was restored, before anybody reaches it.  What was done after the backup is lost here and still
-- known to others: numbers that were given out then must not come again, or the token of an account that is lost would be
-- that of the next one who registers, and a device would take a new message for one that it has.

update im.session set revoked_at = now(), revoke_reason = 'expired' where revoked_at is null;
update im.admin_session set ended_at = now() where ended_at is null;
insert into im.restored default values;
delete from im.outbox;          -- tells sockets that are no more

do $$
declare
  sequence regclass;
begin
  for sequence in select c.oid::regclass from pg_class c where c.relkind = 'S' and c.relnamespace = 'im'::regnamespace loop
    perform setval(sequence, coalesce(pg_sequence_last_value(sequence), 0) + 100000000);
  end loop;
end $$;

update im.notice_head set seq = seq + 100000000;
select im.seq_jump();
