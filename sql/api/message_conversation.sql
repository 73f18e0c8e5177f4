-- The list of conversations, and what each of them is set to.

-- GET /conversation/list  conversation_list(:me, page?, size?, changedSince?)
-- What a first screen shows: every chat and group with its last message (of a text the beginning), the topped and the
-- latest first.  name is the remark, nick name or group name; targetId the friend or the group.  All of them, or a page;
-- or those that have changed since message_sync said changedSince.  Not one that is hidden.
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
       and (b.hidden_seq >= c.last_seq) is not true
     order by b.topped desc, coalesce(m.sent_at, b.joined_at) desc, c.id desc
     limit im.list_limit(page, size) offset im.page_offset(page, size));
begin
  return query
    select s.* from unnest(wanted) with ordinality w(id, place)
      join im.conversation_state(me, wanted) s on s."conversationId" = w.id
     order by w.place;
end $$;

-- PUT /conversation/set  conversation_set(:me, conversationId, isTop?, isDnd?, isHidden?)
-- Whether a conversation is shown first, whether it disturbs, and whether it is hidden until its next message.
-- Refuses: 404 no such conversation of the caller
-- Writes: member, outbox
-- Tells: the caller's devices, PRIVATE_MESSAGE or GROUP_MESSAGE SET
create function api.conversation_set(me bigint, conversationId im.id, isTop boolean, isDnd boolean, isHidden boolean default null) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  mine im.member;
begin
  update im.member b set topped = coalesce(isTop, b.topped), dnd = coalesce(isDnd, b.dnd),
    hidden_seq = case isHidden when true then (select c.last_seq from im.conversation c where c.id = b.conversation_id) when false then null
      else b.hidden_seq end
   where b.conversation_id = conversationId and b.account_id = me and b.left_at is null
     and not exists (select from im.conversation c where c.id = b.conversation_id and c.closed = 'dissolved')
  returning * into mine;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such conversation of the caller';
  end if;
  perform im.member_tell_set(mine);
end $$;

-- GET /message/search  message_search(:me, text, conversationId?, beforeId?, size?)
-- Messages that the caller may see in whose text these letters and digits stand, in whatever case and width and with whatever
-- between them; the newest first.  A message is found within seconds of its being sent.
-- Refuses: 400 text has less than two letters or digits
-- Writes: nothing
-- Tells: nobody
create function api.message_search(me bigint, text im.search_name, conversationId im.id, beforeId im.message_id, size integer)
returns setof im.synced_message
language plpgsql stable rows 20 security definer set search_path = im, pg_temp as $$
declare
  wanted text := im.search_text(text);
begin
  if length(wanted) < 2 then
    raise sqlstate 'I0400' using message = 'text', hint = 'less than two letters or digits are searched for';
  end if;
  return query
    select v.*
      from im.message_text t
      join im.member b on b.conversation_id = t.conversation_id and b.account_id = me and b.left_at is null
      join im.conversation c on c.id = t.conversation_id and c.closed is distinct from 'dissolved'
      join im.message m on m.id = t.id and m.seq > b.joined_seq and m.recalled_at is null
      join im.synced_message v on v."conversationId" = m.conversation_id and v.seq = m.seq
     where im.neighbours(t.words) @> im.search_pairs(wanted) and strpos(t.words, wanted) > 0
       and t.id < coalesce(beforeId, 9223372036854775807) and t.conversation_id = coalesce(conversationId, t.conversation_id)
     order by t.id desc
     limit im.page_limit(size);
end $$;
