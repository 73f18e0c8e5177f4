-- Backstage: notices and their templates.

-- POST /im/notice/send  admin_notice_send(:me, title?, content?, templateId?, values?, userIds?, groupIds?, sendTime?)
-- Sends a notice to everybody, or to these users and the members of these groups, at once or at a time to come.  Its words
-- are given, or those of a template with values in its places.
-- Refuses: 403 without notice.send; 400 title, content (missing), values (one is missing), sendTime; 404 templateId
-- Writes: notice, notice_head, notice_due, outbox, audit, audit_head
-- Tells: whoever it is for, SYSTEM_MESSAGE NOTICE
create function api.admin_notice_send(me bigint, new_title im.notice_title, new_content im.notice_content, template im.id,
  given json, users im.some_ids, groups im.notice_groups, moment im.moment_at)
returns table (id bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  t im.notice_template;
  n im.notice;
begin
  perform im.permit(me, 'notice.send');
  if template is not null then
    t := im.notice_template_take(template, 'templateId');
    new_title := coalesce(new_title, im.notice_fill(t.title, given));
    new_content := coalesce(new_content, im.notice_fill(t.content, given));
  end if;
  if new_title is null or new_content is null then
    raise sqlstate 'I0400' using message = case when new_title is null then 'title' else 'content' end, hint = 'a notice without words';
  end if;
  insert into im.notice (kind, title, content, everybody, user_ids, group_ids, admin_id, send_at)
  values ('NOTICE', new_title, new_content, users is null and groups is null, users, groups, me,
          coalesce(im.moment(moment, 'sendTime')::timestamptz, now()))
  returning * into n;
  if n.send_at <= now() then
    perform im.notice_go(n);
  end if;
  perform im.audit_write(me, 'notice.send', 'notice ' || n.id, null, jsonb_strip_nulls(jsonb_build_object('title', n.title,
    'everybody', n.everybody, 'userIds', users::bigint[], 'groupIds', groups::bigint[], 'sendTime', n.send_at)), null);
  return query select n.id;
end $$;

-- POST /im/notice/cancel  admin_notice_cancel(:me, id)
-- A notice that waits for its time is not sent.
-- Refuses: 403 without notice.send; 404 no such notice; 9001 it was sent or cancelled
-- Writes: notice, audit, audit_head
-- Tells: nobody
create function api.admin_notice_cancel(me bigint, of_notice im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  perform im.permit(me, 'notice.send');
  update im.notice n set cancelled_at = now() where n.id = of_notice;
  if not found then
    raise sqlstate 'I0404' using hint = 'no such notice';
  end if;
  perform im.audit_write(me, 'notice.send', 'notice ' || of_notice, null, '{"cancelled": true}', null);
end $$;

-- GET /im/notice/list
--   admin_notice_list(:me, :after, format?, page?, size?, sort?, order?, kind?, status?, startTime?, endTime?)
-- The notices, those that decisions of complaints made too.
-- Refuses: 403 without notice.read; 400 sort, startTime, endTime
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_notice_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_kind im.notice_kind, in_status integer, first im.moment_from, last im.moment_to)
returns table (total text, id bigint, kind text, title text, content text, audience text, "userIds" json, "groupIds" json,
               "recipientCount" bigint, status integer, "adminId" bigint, "createTime" timestamptz, "sendTime" timestamptz,
               "sentTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'notice.read', 'im.notice_list', '{id}', '{id,createTime}',
    (format, after, page, size, sort, direction)::im.list_ask,
    array[im.list_is('kind', of_kind::text), im.notice_in_status(in_status), im.list_from('createTime', first),
          im.list_until('createTime', last)], 'im.notice_find');
end $$;

-- GET /im/notice/recipient/list
--   admin_notice_recipient_list(:me, :after, format?, page?, size?, sort?, order?, id, got?)
-- Whom a notice that was sent is for, and who of them has got it.
-- Refuses: 403 without notice.read; 400 sort; 404 no such notice
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_notice_recipient_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_notice im.id, has boolean)
returns table (total text, "noticeId" bigint, "userId" bigint, username text, "nickName" text, got boolean, "gotTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  everyone boolean := (select n.everybody from im.notice n where n.id = of_notice);
begin
  perform im.permit(me, 'notice.read');
  if everyone is null then
    raise sqlstate 'I0404' using hint = 'no such notice, whose recipients are asked for';
  end if;
  return query execute im.list(me, 'notice.read', case when everyone then 'im.notice_all_list' else 'im.notice_some_list' end::regclass,
    '{noticeId,userId}', '{userId}', (format, after, page, size, sort, coalesce(direction, 'asc'))::im.list_ask,
    array[im.list_is('noticeId', of_notice::bigint), im.list_is('got', has)]);
end $$;

-- GET /im/notice/template/list
--   admin_notice_template_list(:me, :after, format?, page?, size?, sort?, order?, name?)
-- The templates.
-- Refuses: 403 without notice.read; 400 sort
-- Writes: audit, audit_head
-- Tells: nobody
create function api.admin_notice_template_list(me bigint, after text, format im.list_format, page integer, size integer,
  sort im.list_sort, direction im.list_order, of_name im.list_text)
returns table (total text, id bigint, name text, title text, content text, "adminId" bigint, "createTime" timestamptz,
               "updateTime" timestamptz)
language plpgsql security definer set search_path = im, pg_temp as $$
begin
  return query execute im.list(me, 'notice.read', 'im.notice_template_list', '{id}', '{id,name}',
    (format, after, page, size, sort, direction)::im.list_ask, array[im.list_is('name', of_name::text)]);
end $$;

-- POST /im/notice/template/add  admin_notice_template_add(:me, name, title, content)
-- Keeps words for notices; {name} in them is a place that sending fills in.
-- Refuses: 403 without notice.send; 1004 name taken
-- Writes: notice_template, audit, audit_head
-- Tells: nobody
create function api.admin_notice_template_add(me bigint, new_name im.template_name, new_title im.notice_title,
                                              new_content im.notice_content)
returns table (id bigint)
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  t im.notice_template;
begin
  perform im.permit(me, 'notice.send');
  insert into im.notice_template (name, title, content, admin_id) values (new_name, new_title, new_content, me) returning * into t;
  perform im.audit_write(me, 'notice.send', 'template ' || t.id, null, jsonb_build_object('name', t.name, 'title', t.title), null);
  return query select t.id;
end $$;

-- POST /im/notice/template/update  admin_notice_template_update(:me, id, name?, title?, content?)
-- Changes what is given; what was sent by it stays.
-- Refuses: 403 without notice.send; 404 no such template; 1004 name taken
-- Writes: notice_template, audit, audit_head
-- Tells: nobody
create function api.admin_notice_template_update(me bigint, template im.id, new_name im.template_name,
                                                 new_title im.notice_title, new_content im.notice_content) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  was im.notice_template;
begin
  perform im.permit(me, 'notice.send');
  was := im.notice_template_take(template, null);
  update im.notice_template t
     set name = coalesce(new_name, t.name), title = coalesce(new_title, t.title), content = coalesce(new_content, t.content),
         admin_id = me, updated_at = now()
   where t.id = template;
  perform im.audit_write(me, 'notice.send', 'template ' || template, jsonb_build_object('name', was.name, 'title', was.title, 'content', was.content),
    jsonb_strip_nulls(jsonb_build_object('name', new_name, 'title', new_title, 'content', new_content)), null);
end $$;

-- POST /im/notice/template/delete  admin_notice_template_delete(:me, id)
-- Forgets a template.
-- Refuses: 403 without notice.send; 404 no such template
-- Writes: notice_template, audit, audit_head
-- Tells: nobody
create function api.admin_notice_template_delete(me bigint, template im.id) returns void
language plpgsql security definer set search_path = im, pg_temp as $$
declare
  was im.notice_template;
begin
  perform im.permit(me, 'notice.send');
  was := im.notice_template_take(template, null);
  delete from im.notice_template t where t.id = template;
  perform im.audit_write(me, 'notice.send', 'template ' || template, jsonb_build_object('name', was.name), null, null);
end $$;
