-- What a device has missed.

-- POST /message/sync  message_sync(:me, since?, have?)
-- What has changed since the device was told since, a page of it: lists to be read again (lists, groups), conversations that
-- are gone, conversations as they are now, and messages: those recalled, and after have, [[conversationId, seq], ...], the
-- oldest that the device lacks, its account's own as well.  Reading it acknowledges nothing.  The last of several pages says
-- that there is more when something has changed since the first: a device may have been away in between.
-- Refuses: 400 have is out of form
-- Writes: nothing
-- Tells: nobody
create function api.message_sync(me bigint, told im.sync_since, have json)
returns table (since text, more boolean, lists json, groups json, gone json, conversations json, messages json)
language plpgsql stable rows 1 security definer set search_path = im, pg_temp as $$
declare
  place im.sync_place := im.sync_from(told);
begin
  return query
    with page as materialized (select p.* from im.sync_page(me, place) p),
    last as (select p.id, p.seq from page p where not p.cut order by p.id desc, p.seq desc limit 1),
    lacked as materialized (select m.* from im.sync_messages(me, have) m where have is not null)
    select concat_ws('.', im.sync_era(), case when exists (select from page p where p.cut)
             then (select concat_ws('.', place.since, place.next, l.id, l.seq) from last l) else place.next::text end),
           exists (select from page p where p.cut) or exists (select from lacked m where m.cut)
             or (place.started and im.sync_news(me, concat_ws('.', im.sync_era(), place.next))),
           coalesce((select json_agg(l.list order by l.list) from im.sync_list l
                      where l.account_id = me and l.changed >= place.since and not place.started), '[]'),
           coalesce((select json_agg(p.group_id order by p.id) from page p where not p.cut and p.group_id is not null), '[]'),
           coalesce((select json_agg(p.id order by p.id) from page p
                      where not p.cut and p.seq = 0 and p.part is null), '[]'),
           coalesce((select json_agg(p.part order by p.id) from page p
                      where not p.cut and p.seq = 0 and p.part is not null), '[]'),
           coalesce((select json_agg(x.part order by x.id, x.seq)
                       from (select distinct on (u.id, u.seq) u.*
                               from (select p.id, p.seq, p.part from page p where not p.cut and p.seq > 0
                                      union all
                                     select m.id, m.seq, m.part from lacked m where not m.cut) u) x), '[]');
end $$;
