-- The list of conversations, and what each of them is set to.

-- GET /conversation/list  conversation_list(:me, page?, size?, changedSince?)
-- What a first screen shows: every chat and group with its last message (of a text the beginning), the topped and the
-- latest first.  name is the remark, nick name or group name; targetId the friend or the group.  All of them, or a page;
-- or those that have changed since message_sync said changedSince.
-- Refuses: nothing but 400
-- Writes: nothing
-- Tells: nobody
create function api.conversation_list(me bigint, page integer, size integer, changedSince im.sync_since)
returns setof im.conversation_shown
language plpgsql stable rows 50 security definer set search_path = im, pg_temp as $$
declare
  since xid8 := (im.sync_from(changedSince)).since;
  wanted bigint[] := array(
    select c.id
      from im.member b
      join im.conversation c on c.id = b.conversation_id and c.closed is distinct from 'dissolved'
      left join im.friendship f on c.group_id is null and f.account_id = me
       and f.friend_id = case me when c.low_id then c.high_id else c.low_id end
      left join im.message m on m.conversation_id = c.id and m.seq = c.last_seq and m.seq > b.joined_seq
     where b.account_id = me and b.left_at is null and (b.changed >= since or c.changed >= since)
       and (c.group_id is not null or f.account_id is not null or c.last_seq > 0)
     order by b.topped desc, coalesce(m.sent_at, b.joined_at) desc, c.id desc
     limit case when num_nonnulls(page, size) > 0 then im.page_limit(size) end offset im.page_offset(page, size));
begin
  return query
    select s.* from unnest(wanted) with ordinality w(id, place)
      join im.conversation_state(me, wanted) s on s."conversationId" = w.id
     order by w.place;
end $$;

-- PUT /conversation/set  conversation_set(:me, conversationId, isTop?, isDnd?)
-- Whether a conversation is shown first, and whether it disturbs.
-- Refuses: 404 no such conversation of the caller
-- Writes: member, outbox
-- Tells: the caller's devices, PRIVATE_MESSAGE or GROUP_MESSAGE SET
create function api.conversation_set(me bigint, conversationId im.id, isTop boolean, isDnd boolean) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member;
begin
  update im.member b set topped = coalesce(isTop, b.topped), dnd = coalesce(isDnd, b.dnd)
   where b.conversation_id = conversationId and b.account_id = me and b.left_at is null
     and not exists (select from im.conversation c where c.id = b.conversation_id and c.closed = 'dissolved')
  returning * into mine;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such conversation of the caller';
  end if;
  perform im.member_tell_set(mine);
end $$;
