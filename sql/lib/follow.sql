-- Reading a table once, in the order of its ids, while others add to it.
--
-- An id is drawn before its transaction commits, so 11 may be there when 10 is not yet.  Whoever remembers only how far it
-- has read would then miss 10.  An id that is missing is remembered, until no transaction runs any more that could bring it.

-- The ids that this follower has not read yet, the late ones first; at most so many besides them.  {} when there are none;
-- null when somebody else is reading for it at this moment.  source has a column id, drawn from a sequence after the
-- transaction's first write.
create or replace function im.follow(follower text, source regclass, at_most integer) returns bigint[]
language plpgsql as $$
declare
  settled xid8 := pg_snapshot_xmin(pg_current_snapshot());     -- whatever is older has ended, and is seen below
  behind bigint;
  late bigint[];
  fresh bigint[];
begin
  select f.id into behind from im.follower f where f.name = follower for update skip locked;
  if not found then
    return null;
  end if;
  update im.follower_gap g set xid = pg_current_xact_id() where g.name = follower and g.xid is null;
  execute format('with come as (delete from im.follower_gap g using %s s where g.name = $1 and s.id = g.id returning g.id)
    select coalesce(array_agg(c.id order by c.id), ''{}'') from come c', source) into late using follower;
  delete from im.follower_gap g where g.name = follower and g.xid < settled;
  execute format('select coalesce(array_agg(x.id order by x.id), ''{}'')
    from (select s.id from %s s where s.id > $1 order by s.id limit $2) x', source) into fresh using behind, at_most;
  if fresh <> '{}' then
    -- Where more than a thousand are missing they were never drawn: a backup was put back, or old months were deleted.
    insert into im.follower_gap (name, id)
    select follower, generate_series(greatest(r.before + 1, r.id - 1000), r.id - 1)
      from (select u.id, lag(u.id, 1, behind) over (order by u.id) as before from unnest(fresh) u(id)) r
     where r.id > r.before + 1;
    update im.follower f set id = fresh[cardinality(fresh)] where f.name = follower;
  end if;
  return late || fresh;
end $$;

-- Whether there is anything to read, without writing.
create or replace function im.follow_waits(follower text, source regclass) returns boolean
language plpgsql as $$
declare
  waits boolean;
begin
  execute format('select exists (select from im.follower_gap g where g.name = $1)
    or (select f.id from im.follower f where f.name = $1) < coalesce((select max(s.id) from %s s), 0)', source) into waits using follower;
  return waits;
end $$;
