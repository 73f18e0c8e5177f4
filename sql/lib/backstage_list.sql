-- What the lists of the backstage show (list.sql): a view each, with the columns of the answer.

drop view if exists im.user_list, im.group_list, im.group_member_list, im.admin_list, im.admin_session_list,
  im.admin_login_list, im.audit_list, im.recharge_list, im.withdraw_list,
  im.fund_list, im.redpacket_list, im.user_find, im.group_find, im.redpacket_find, im.message_list, im.message_find,
  im.word_list, im.word_find, im.stat_day_list, im.file_list, im.file_list_find, im.recharge_find, im.withdraw_find,
  im.admin_login_find, im.fund_find;

create view im.user_list as
  select a.id, a.username::text, a.nick_name::text as "nickName", a.head_image::text as "headImage", a.email::text,
         a.phone::text, a.sex::integer,
         case when a.status = 'closed' then 'closed' when im.account_banned(a.status, a.banned_until) then 'banned' else 'normal' end as status,
         case when im.account_banned(a.status, a.banned_until) then a.banned_until end as "bannedUntil",
         case when im.account_banned(a.status, a.banned_until) then a.ban_reason::text end as "banReason",
         coalesce(p.online, false) as online, a.vip_until as "vipExpireTime", a.created_at as "createTime"
    from im.account a
    left join im.presence p on p.account_id = a.id;

create view im.user_find as
  select a.id, a.created_at as "createTime", a.phone_key as phone, a.email_key as email, a.status, a.banned_until,
         a.username_key, a.nick_name_key, a.username_key || e'\n' || a.nick_name_key as names, p.online
    from im.account a
    left join im.presence p on p.account_id = a.id;

create view im.group_list as
  select g.id, g.group_name::text as "groupName", g.group_avatar::text as "groupAvatar", g.owner_id as "ownerId",
         a.username::text as "ownerName", g.member_count as "memberCount", coalesce(c.closed, 'normal') as status,
         g.ban_reason::text as "banReason", c.muted as "isMuted", g.created_at as "createTime"
    from im.chat_group g
    left join im.conversation c on c.id = g.conversation_id
    left join im.account a on a.id = g.owner_id;

create view im.group_find as
  select g.id, g.created_at as "createTime", g.member_count as "memberCount", g.owner_id as "ownerId", c.closed,
         im.fold(g.group_name) as name
    from im.chat_group g
    left join im.conversation c on c.id = g.conversation_id;

create view im.group_member_list as
  select m.account_id as "userId", c.group_id as "groupId", a.username::text, a.nick_name::text as "nickName",
         a.head_image::text as "headImage", m.role, coalesce(m.muted_until > now(), false) as "isMuted", m.joined_at as "joinTime"
    from im.member m
    left join im.conversation c on c.id = m.conversation_id
    left join im.account a on a.id = m.account_id
   where m.left_at is null and m.role is not null;

create view im.admin_list as
  select a.id, a.name::text, a.role::text, a.disabled_at is not null as disabled, a.totp_secret is not null as totp,
         a.account_id as "userId",
         (select max(s.created_at) from im.admin_session s where s.admin_id = a.id) as "lastLoginTime", a.created_at as "createTime"
    from im.admin a;

create view im.admin_session_list as
  select s.id, s.admin_id as "adminId", a.name::text, host(s.address) as address, s.device, s.created_at as "loginTime",
         s.used_at as "useTime", s.ended_at as "endTime"
    from im.admin_session s
    left join im.admin a on a.id = s.admin_id;

create view im.admin_login_list as
  select l.id, l.admin_id as "adminId", a.name::text, host(l.address) as address, l.device, l.result::integer,
         l.created_at as "createTime"
    from im.admin_login l
    left join im.admin a on a.id = l.admin_id;

create view im.admin_login_find as
  select l.id, l.admin_id as "adminId", host(l.address) as address, l.result, l.created_at as "createTime" from im.admin_login l;

create view im.audit_list as
  select u.id, u.admin_id as "adminId", a.name::text, u.action, u.target, u.before, u.after, u.reason, host(u.address) as address,
         u.created_at as "createTime", encode(u.hash, 'hex') as hash, im.audit_text(u) as covers
    from im.audit u
    left join im.admin a on a.id = u.admin_id;

create view im.recharge_list as
  select o.id, o.account_id as "userId", a.username::text, o.amount::numeric, o.pay_type::text as "payType",
         o.chain_type::text as "chainType", o.from_address::text as "fromAddress", o.status::integer, o.tx_hash::text as "txHash",
         o.approved_by as "approvedBy", f.name::text as "approvedByName", o.admin_id as "adminId", d.name::text as "adminName",
         o.reason::text, o.created_at as "createTime", o.decided_at as "decideTime"
    from im.recharge o
    left join im.account a on a.id = o.account_id
    left join im.admin f on f.id = o.approved_by
    left join im.admin d on d.id = o.admin_id;

create view im.recharge_find as
  select o.id, o.account_id as "userId", o.status, o.created_at as "createTime" from im.recharge o;

create view im.withdraw_list as
  select o.id, o.account_id as "userId", a.username::text, o.amount::numeric, o.chain_type::text as "chainType",
         o.to_address::text as "toAddress", o.status::integer, o.tx_hash::text as "txHash", o.approved_by as "approvedBy",
         f.name::text as "approvedByName", o.decided_by as "decidedBy", d.name::text as "decidedByName", o.reason::text,
         o.created_at as "createTime", o.decided_at as "decideTime"
    from im.withdraw o
    left join im.account a on a.id = o.account_id
    left join im.admin f on f.id = o.approved_by
    left join im.admin d on d.id = o.decided_by;

create view im.withdraw_find as
  select o.id, o.account_id as "userId", o.status, o.created_at as "createTime" from im.withdraw o;

create view im.fund_list as
  select x.journal_id as id, p.account_id as "userId", x.purse, im.fund_type(j.kind) as type, upper(j.kind) as action,
         j.subject, x.amount::numeric, x.balance::numeric, j.remark, j.created_at as "createTime"
    from im.posting x
    left join im.purse p on p.id = x.purse_id
    left join im.journal j on j.id = x.journal_id
   where x.account_id is not null;

create view im.fund_find as
  select x.journal_id as id, x.purse, x.account_id as "userId", x.type, x.created_at as "createTime"
    from im.posting x
   where x.account_id is not null;

create view im.redpacket_list as
  select r.id as "redPacketId", r.sender_id as "senderId", r.receiver_type::integer as "receiverType", r.receiver_id as "receiverId",
         r.total::numeric as "totalAmount", r.count::integer as "totalCount", r.type::integer as "redPacketType", r.remark::text,
         (select s.status from im.redpacket_state(r) s) as status,
         (select s.remain_count from im.redpacket_state(r) s) as "remainCount",
         (select s.remain_amount from im.redpacket_state(r) s) as "remainAmount",
         r.refunded, r.created_at as "createTime", r.expires_at as "expireTime"
    from im.redpacket r;

create view im.redpacket_find as
  select r.id as "redPacketId", r.sender_id as "senderId", r.created_at as "createTime", r.closed_at, r.expires_at, r.refunded
    from im.redpacket r;

create view im.message_list as
  select m.id, m.conversation_id as "conversationId", m.seq, m.sender_id as "senderId", a.username::text as "senderName",
         case m.sender_id when c.low_id then c.high_id when c.high_id then c.low_id end as "receiverId", c.group_id as "groupId",
         m.content, m.message_type::integer as "messageType", m.sent_at as "sendTime", m.recalled_at is not null as "isRecalled"
    from im.message m
    left join im.conversation c on c.id = m.conversation_id
    left join im.account a on a.id = m.sender_id;

create view im.message_find as
  select t.id, t.conversation_id as "conversationId", t.sender_id as "senderId", t.sent_at as "sendTime", t.private, t.words,
         im.message_times(t.private, t.sent_at) as times, m.content
    from im.message_text t
    left join im.message m on m.id = t.id;

create view im.word_list as
  select w.id, w.word::text, w.enabled, w.created_at as "createTime", w.updated_at as "updateTime"
    from im.sensitive_word w;

create view im.word_find as
  select w.id, w.enabled, w.updated_at as "updateTime", w.word_key as folded
    from im.sensitive_word w;

create view im.file_list as
  select f.id, f.name::text as "fileName", f.kind::text, f.mime as "mimeType", f.size as "fileSize", f.account_id as "userId",
         a.username::text, (select count(*) from im.file_message l where l.file_id = f.id) as "messageCount",
         f.created_at as "createTime"
    from im.file f
    left join im.account a on a.id = f.account_id;

create view im.file_list_find as
  select f.id, f.kind, f.size as "fileSize", f.account_id as "userId", f.created_at as "createTime", f.stored
    from im.file f;

create view im.stat_day_list as
  select d.day, d.registered, d.active, d.online_peak as "onlinePeak", d.messages, d.money_in::numeric as "moneyIn",
         d.money_out::numeric as "moneyOut", d.packets as "redPackets", d.packet_amount::numeric as "redPacketAmount"
    from im.stat_day d;

-- Postings of a time.  Their list goes by id, so that it says as well between which ids they are: an id is drawn in a
-- transaction of that time, and none lasts ten minutes (setting backend.transaction_max).
create or replace function im.fund_between(first im.moment_from, last im.moment_to) returns text
language plpgsql stable as $$
declare
  before bigint := (select j.id from im.journal j where j.created_at < im.moment_begin(first) - interval '10 minutes'
                     order by j.created_at desc limit 1);
  behind bigint := (select j.id from im.journal j where j.created_at > im.moment_end(last) + interval '10 minutes'
                     order by j.created_at limit 1);
begin
  return nullif(concat_ws(' and ', im.list_from('createTime', first), im.list_until('createTime', last), 'id > ' || before,
                          'id < ' || behind), '');
end $$;

-- Red packets that are open (1), all robbed (2) or expired (3), as im.redpacket_state() says of one.  What closed_at says of
-- nearly all of them comes first: the shares are looked at of those that nobody has closed yet.
create or replace function im.redpacket_in_state(wanted integer) returns text
language plpgsql immutable as $$
declare
  rest text := 'coalesce((select true from im.redpacket_share s where s.packet_id = "redPacketId" and s.state = ''free'' limit 1), false)';
begin
  return case wanted when 1 then 'closed_at is null and expires_at > now() and ' || rest
    when 2 then '(closed_at is not null and refunded = 0 or closed_at is null and not ' || rest || ')'
    when 3 then '(closed_at is not null and refunded > 0 or closed_at is null and expires_at <= now() and ' || rest || ')'
    else case when wanted is not null then 'false' end end;
end $$;

-- Those whose user name or nick name has this in it; with one letter only, those that begin with it.
create or replace function im.user_named(wanted text) returns im.list_words
language plpgsql immutable as $$
declare
  folded text := im.fold(wanted);
begin
  return (im.list_where('im.bigram(names) @> im.bigram(%L)', case when length(folded) > 1 then folded end),
          im.list_where(case length(folded) when 1 then '(username_key ^@ %1$L or nick_name_key ^@ %1$L)'
                                            else 'strpos(names, %1$L) > 0' end, folded), null, null, null)::im.list_words;
end $$;

-- Groups whose name has this in it.
create or replace function im.group_named(wanted text) returns im.list_words
language plpgsql immutable as $$
declare
  folded text := im.fold(wanted);
begin
  return (im.list_where('im.bigram(name) @> im.bigram(%L)', case when length(folded) > 1 then folded end),
          im.list_where(case length(folded) when 1 then 'name ^@ %L' else 'strpos(name, %L) > 0' end, folded), null, null, null)::im.list_words;
end $$;

-- Accounts in that state now: a ban that is over is none.
create or replace function im.user_in_state(wanted text) returns text
language plpgsql immutable as $$
begin
  return case wanted when 'banned' then $q$status = 'banned' and coalesce(banned_until > now(), true)$q$
    when 'normal' then $q$(status = 'normal' or banned_until <= now())$q$
    when 'closed' then $q$status = 'closed'$q$ end;
end $$;

create or replace function im.user_online(wanted boolean) returns text
language plpgsql immutable as $$
begin
  return case wanted when true then 'online' when false then 'online is not true' end;
end $$;

create or replace function im.group_in_state(wanted text) returns text
language plpgsql immutable as $$
begin
  return case wanted when 'normal' then 'closed is null' else im.list_is('closed', wanted) end;
end $$;

-- What a user's detail shows.

create or replace function im.user_sessions(account bigint) returns json
language plpgsql stable as $$
begin
  return (select coalesce(json_agg(json_build_object('id', s.id, 'device', s.device, 'address', host(s.address),
            'loginTime', im.time_text(s.created_at), 'refreshTime', im.time_text(s.refreshed_at),
            'socketCount', (select count(*) from im.connection c where c.account_id = account and c.session_id = s.id
                                                                and c.ended_at is null)) order by s.id desc), '[]')
            from (select * from im.session x where x.account_id = account and x.revoked_at is null order by x.id desc limit 50) s);
end $$;

create or replace function im.user_wallet(account bigint) returns json
language plpgsql stable as $$
begin
  return (select json_build_object('available', coalesce(sum(p.balance) filter (where p.kind = 'available'), 0.00),
                                   'frozen', coalesce(sum(p.balance) filter (where p.kind = 'frozen'), 0.00))
            from im.purse p where p.account_id = account);
end $$;

-- How many complaints there are about a user (1) or a group (2), and how many of them are open.
create or replace function im.complaints_about(kind integer, target bigint) returns json
language plpgsql stable as $$
begin
  return (select json_build_object('about', count(*), 'open', count(*) filter (where c.resolved_at is null))
            from im.complaint c where c.target_type = kind and c.target_id = target);
end $$;

create or replace function im.user_complaints(account bigint) returns json
language plpgsql stable as $$
begin
  return (im.complaints_about(1, account)::jsonb
          || jsonb_build_object('made', (select count(*) from im.complaint c where c.complainer_id = account)))::json;
end $$;

-- Every token of a user ends, and waits for what he is just doing.  Refuses 1001.
create or replace function im.user_expel(account bigint, why text) returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(account);
  if not exists (select from im.account a where a.id = account and a.status <> 'closed') then
    raise sqlstate 'I1001' using hint = 'no such account to expel';
  end if;
  perform im.account_expel(account, why, 'KICK', why);
end $$;
