-- Internal functions about notices.

drop view if exists im.notice_list, im.notice_find, im.notice_template_list, im.notice_some_list, im.notice_all_list;

create view im.notice_list as
  select n.id, n.kind::text, n.title::text, n.content::text, case when n.everybody then 'all' else 'some' end as audience,
         array_to_json(n.user_ids) as "userIds", array_to_json(n.group_ids) as "groupIds", n.recipients as "recipientCount",
         case when n.sent_at is not null then 2 when n.cancelled_at is not null then 3 else 1 end as status,
         n.admin_id as "adminId", n.created_at as "createTime", n.send_at as "sendTime", n.sent_at as "sentTime"
    from im.notice n;

create view im.notice_find as
  select n.id, n.created_at as "createTime", n.kind::text, n.sent_at, n.cancelled_at from im.notice n;

create view im.notice_template_list as
  select t.id, t.name::text, t.title::text, t.content::text, t.admin_id as "adminId", t.created_at as "createTime",
         t.updated_at as "updateTime"
    from im.notice_template t;

-- Whom a notice is for, and whether he has it: that is to some, and one to everybody, who had an account then.
create view im.notice_some_list as
  select n.id as "noticeId", w.account_id as "userId", a.username::text, a.nick_name::text as "nickName", w.got_at is not null as got,
         w.got_at as "gotTime"
    from im.notice n
    join (select d.seq, d.account_id, null::timestamptz as got_at from im.notice_due d
          union all
          select g.seq, g.account_id, g.got_at from im.notice_got g) w on w.seq = n.seq
    join im.account a on a.id = w.account_id;

create view im.notice_all_list as
  select n.id as "noticeId", a.id as "userId", a.username::text, a.nick_name::text as "nickName", a.notice_seen >= n.seq as got,
         null::timestamptz as "gotTime"
    from im.notice n
    join im.account a on a.created_at <= n.sent_at and a.status <> 'closed'
   where n.everybody;

-- Those that wait (1), were sent (2), were cancelled (3).
create or replace function im.notice_in_status(wanted integer) returns text
language plpgsql immutable as $$
begin
  return case wanted when 1 then 'sent_at is null and cancelled_at is null'
    when 2 then 'sent_at is not null'
    when 3 then 'cancelled_at is not null'
    else case when wanted is not null then 'false' end end;
end $$;

-- How many notices the account has not got.  Without any this is one comparison, and a look at an index that is empty.
create or replace function im.notice_pending(me bigint) returns bigint
language plpgsql stable as $$
begin
  return (select case when a.notice_seen < h.everybody
                      then (select count(*) from im.notice n where n.everybody and n.seq > a.notice_seen) else 0 end
                 + (select count(*) from im.notice_due d where d.account_id = a.id)
            from im.account a, im.notice_head h
           where a.id = me);
end $$;

-- Whom a notice is for, as things are now.
create or replace function im.notice_audience(n im.notice) returns bigint[]
language plpgsql stable as $$
begin
  return array(
    select a.id from im.account a
     where a.status <> 'closed'
       and a.id in (select unnest(n.user_ids)
                    union
                    select m.account_id
                      from im.conversation c
                      join im.member m on m.conversation_id = c.id and m.left_at is null and m.role is not null
                     where c.group_id = any (n.group_ids) and c.closed is distinct from 'dissolved')
     order by a.id);
end $$;

-- Sends a notice: from here on it has its number, whoever is meant and online is told at once, and the others find it.
create or replace function im.notice_go(n im.notice) returns void
language plpgsql as $$
declare
  whom bigint[] := case when not n.everybody then im.notice_audience(n) end;
  data json;
begin
  update im.notice_head h set seq = h.seq + 1, everybody = case when n.everybody then h.seq + 1 else h.everybody end
  returning h.seq into n.seq;
  update im.notice x
     set seq = n.seq, sent_at = clock_timestamp(),
         recipients = case when n.everybody then (select count(*) from im.account a where a.status <> 'closed') else cardinality(whom) end
   where x.id = n.id;
  insert into im.notice_due (account_id, seq) select w, n.seq from unnest(whom) w;
  select json_build_object('event', 'NOTICE', 'seq', s.seq, 'kind', s.kind, 'title', s.title, 'content', s.content,
                           'sendTime', im.time_text(s."sendTime")) into data
    from im.notice_shown s where s.seq = n.seq;
  if n.everybody then
    perform im.tell_everybody('SYSTEM_MESSAGE', data);
  else
    perform im.tell(whom, 'SYSTEM_MESSAGE', data);
  end if;
end $$;

-- Makes a notice to these and sends it.
create or replace function im.notice_tell(admin bigint, whom bigint[], notice_kind text, title text, content text) returns void
language plpgsql as $$
declare
  n im.notice;
begin
  insert into im.notice (kind, title, content, everybody, user_ids, admin_id)
  values (notice_kind, notice_tell.title, notice_tell.content, false, whom, admin) returning * into n;
  perform im.notice_go(n);
end $$;

-- Puts values where a template has {names}.  Refuses 400 values when one is missing, or is no text.
create or replace function im.notice_fill(template text, given json) returns text
language plpgsql immutable as $$
declare
  piece text;
  name text;
  filled text := '';
begin
  for piece in select m[1] from regexp_matches(template, '(\{\w{1,32}\}|[^{]+|\{)', 'g') m loop
    name := substring(piece from '^\{(\w+)\}$');
    if name is not null and (given is null or json_typeof(given) <> 'object'
                             or json_typeof(given -> name) is distinct from 'string') then
      raise sqlstate 'I0400' using message = 'values', hint = 'a place of the template has no text';
    end if;
    filled := filled || coalesce(given ->> name, piece);
  end loop;
  return filled;
end $$;

-- A template by its id, held.  Refuses 404.
create or replace function im.notice_template_take(template bigint, field text) returns im.notice_template
language plpgsql as $$
declare
  taken im.notice_template;
begin
  select * into taken from im.notice_template t where t.id = template for update;
  if not found then
    raise sqlstate 'I0404' using message = coalesce(field, 'I0404'), hint = 'no such template of notices';
  end if;
  return taken;
end $$;

-- Job of imclerk: sends what is due, and forgets what is old.
create or replace function im.due_notice() returns bigint
language plpgsql as $$
declare
  n im.notice;
  done bigint := 0;
  gone bigint;
begin
  for n in select * from im.notice x
            where x.sent_at is null and x.cancelled_at is null and x.send_at <= now()
            order by x.send_at, x.id limit 20 for update skip locked loop
    perform im.notice_go(n);
    done := done + 1;
  end loop;
  delete from im.notice x
   where x.id in (select o.id from im.notice o where o.sent_at < now() - im.setting_interval('notice.keep') order by o.sent_at limit 20);
  get diagnostics gone = row_count;
  return done + gone;
end $$;
