-- The one way that the backstage lists anything.
--
-- A list is a view im.<thing>_list, whose columns are those of the answer, a route of shape SHEET, and an api function
-- that hands im.list() the view, its key, the columns it may be sorted by, and a condition for each filter that was
-- given.  The text of the query is made for what is asked, so that the planner knows what is filtered and may use the
-- index that is right for it; identifiers are ours, and whatever a client has sent is quoted by the functions below.
--
-- A page is found by its keys alone, which an index has (write the view's joins as left joins: the planner leaves out
-- those that no condition looks at), and only then are its rows read.  Rows are counted up to setting list.exact; how
-- many more there are is the planner's estimate.  An export goes on, batch by batch, behind the last row of the batch
-- before: each row that fits all the while is in it once, and nobody holds more than a batch of them.

-- A condition: the column is this.  Null when nothing is asked.
create or replace function im.list_is(name text, wanted anyelement) returns text
language plpgsql immutable as $$
begin
  return case when wanted is not null then format('%I = %L', name, wanted) end;
end $$;

-- The row is one of those whose key is found so: of a query that answers keys, with %L where the value belongs.
create or replace function im.list_in(key text, query text, wanted anyelement) returns text
language plpgsql immutable as $$
begin
  return case when wanted is not null then format('%I in (%s)', key, format(query, wanted)) end;
end $$;

-- A day or a second that there is.  Refuses 400 with the field's name.
create or replace function im.list_moment(given text, field text) returns timestamp
language plpgsql stable as $$
begin
  return given::timestamp;
exception when datetime_field_overflow or invalid_datetime_format then
  raise sqlstate 'I0400' using message = field;
end $$;

-- From the beginning of the first to the end of the last: of a day all of it, of a second all of it.
create or replace function im.list_from(name text, first im.moment_from) returns text
language plpgsql stable as $$
begin
  return case when first is not null then format('%I >= %L', name, im.list_moment(first, 'startTime')::timestamptz) end;
end $$;

create or replace function im.list_until(name text, last im.moment_to) returns text
language plpgsql stable as $$
begin
  return case when last is not null then format('%I < %L', name,
    (im.list_moment(last, 'endTime') + case length(last) when 10 then interval '1 day' else interval '1 second' end)::timestamptz) end;
end $$;

-- How many rows fit: exactly up to setting list.exact, beyond it what the planner expects.
create or replace function im.list_total(view regclass, fitting text) returns bigint
language plpgsql as $$
declare
  exact integer := im.setting_int('list.exact');
  counted bigint;
  plan json;
begin
  execute format('select count(*) from (select from %s where %s limit %s) x', view, fitting, exact + 1) into counted;
  if counted <= exact then
    return counted;
  end if;
  execute format('explain (format json) select from %s where %s', view, fitting) into plan;
  return greatest(counted, (plan->0->'Plan'->>'Plan Rows')::bigint);
end $$;

-- One page: the total first, then the rows; one row with the total alone when there are none.
create or replace function im.list_page(view regclass, key text, fitting text, sorted text, ask im.list_ask) returns text
language plpgsql as $$
begin
  return format('select %L::text, v.* from (select) one left join (
      select r.* from (select %I from %s where %s order by %s limit %s offset %s) p join %s r using (%I) order by %s
    ) v on true', im.list_total(view, fitting), key, view, fitting, sorted, im.page_limit(ask.size),
    im.page_offset(ask.page, ask.size), view, key, (select string_agg('r.' || s, ', ') from unnest(string_to_array(sorted, ', ')) s));
end $$;

-- One batch of an export: where each row stands first, which is what the next batch goes on behind.
create or replace function im.list_batch(view regclass, key text, fitting text, sort text, sorted text, ask im.list_ask)
returns text
language plpgsql stable as $$
declare
  stood json := ask.after::json;
  behind text := 'true';
begin
  if ask.after is not null then
    behind := format('(%I, %I) %s (%L, %L)', sort, key, case ask.direction when 'asc' then '>' else '<' end, stood->>0, stood->>1);
  end if;
  return format('select json_build_array(%I::text, %I::text)::text, v.* from %s v where %s and %s order by %s limit %s',
    sort, key, view, fitting, behind, sorted, im.setting_int('list.batch'));
end $$;

-- The query of a list.  sorts: the columns it may be sorted by, none of which is ever null; the first unless asked
-- otherwise, downwards unless asked otherwise.  An export is recorded, since so much leaves the house with it.
-- Refuses 403 without the permission (null: none is needed), 400 sort.
create or replace function im.list(admin bigint, permission text, view regclass, key text, sorts text[], ask im.list_ask,
                                   conditions text[]) returns text
language plpgsql as $$
declare
  fitting text := coalesce(nullif(array_to_string(conditions, ' and '), ''), 'true');
  sort text := coalesce(ask.sort, sorts[1]);
  sorted text;
begin
  if permission is not null then
    perform im.permit(admin, permission);
  end if;
  if sort <> all (sorts) then
    raise sqlstate 'I0400' using message = 'sort';
  end if;
  sorted := format('%I %s', sort, coalesce(ask.direction, 'desc'))
            || case when sort <> key then format(', %I %s', key, coalesce(ask.direction, 'desc')) else '' end;
  if ask.format is distinct from 'csv' then
    return im.list_page(view, key, fitting, sorted, ask);
  elsif ask.after is null then
    perform im.audit_write(admin, coalesce(permission, 'self'), 'export ' || substring(view::text from '(\w+)_list$'), null,
      jsonb_build_object('filter', fitting, 'order', sorted), null);
  end if;
  return im.list_batch(view, key, fitting, sort, sorted, ask);
end $$;
