-- The one way that the backstage lists anything.
--
-- A list is a view im.<thing>_list, whose columns are those of the answer, a route of shape SHEET, and an api function
-- that hands im.list() the view, its keys, the columns it may be sorted by, and a condition for each filter that was
-- given.  Where a filter is not about a column of the answer, or not about one that has an index, a second view,
-- im.<thing>_find, has what the conditions are about.  The text of the query is made for what is asked, so that the
-- planner knows what is filtered and may use the index that is right for it; identifiers are ours, and whatever a client
-- has sent is quoted by the functions below.
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

-- Any other condition, with %1$L where what was asked belongs.
create or replace function im.list_where(condition text, wanted anyelement) returns text
language plpgsql immutable as $$
begin
  return case when wanted is not null then format(condition, wanted) end;
end $$;

create or replace function im.list_from(name text, first im.moment_from) returns text
language plpgsql stable as $$
begin
  return case when first is not null then format('%I >= %L', name, im.moment_begin(first)) end;
end $$;

create or replace function im.list_until(name text, last im.moment_to) returns text
language plpgsql stable as $$
begin
  return case when last is not null then format('%I < %L', name, im.moment_end(last)) end;
end $$;

-- How many rows the planner expects.
create or replace function im.list_expected(searched regclass, fitting text) returns bigint
language plpgsql as $$
declare
  plan json;
begin
  execute format('explain (format json) select from %s where %s', searched, fitting) into plan;
  return (plan->0->'Plan'->>'Plan Rows')::bigint;
end $$;

-- How many rows fit: exactly up to setting list.exact, beyond it what the planner expects.
create or replace function im.list_total(searched regclass, fitting text) returns bigint
language plpgsql as $$
declare
  exact integer := im.setting_int('list.exact');
  counted bigint;
begin
  execute format('select count(*) from (select from %s where %s limit %s) x', searched, fitting, exact + 1) into counted;
  return case when counted <= exact then counted else greatest(counted, im.list_expected(searched, fitting)) end;
end $$;

-- The condition of a text, and what there is of it at most.  Words that are rare are found by their pairs.  Of common ones that
-- would be a large part of the table for each page, and to ask for the pairs of every row costs more than to look for the words:
-- these are met soon by going along the list's order.  wanted: so many rows are.  fitting: the other conditions.
create or replace function im.list_said(searched regclass, fitting text, words im.list_words, wanted bigint,
                                        out condition text, out many bigint) returns record
language plpgsql as $$
begin
  condition := concat_ws(' and ', words.pairs, words.said);
  if words.pairs is not null then
    many := im.list_expected(searched, fitting || ' and ' || words.pairs);
    if wanted * im.list_expected(searched, fitting) < 2 * many * many then
      condition := words.said;
    end if;
  end if;
end $$;

-- Columns with a comma between, each with this before and that behind it.
create or replace function im.list_columns(names text[], prefix text, suffix text) returns text
language plpgsql immutable as $$
begin
  return (select string_agg(prefix || quote_ident(c.name) || suffix, ', ' order by c.n) from unnest(names) with ordinality c(name, n));
end $$;

-- One page: the total first, then the rows; one row with the total alone when there are none.  sorted: the columns of its
-- order, the last of which are the keys.  passed: so many rows of the list before the page the conditions have left out already.
create or replace function im.list_page(shown regclass, searched regclass, keys text[], fitting text, sorted text[], ask im.list_ask,
                                        total bigint, passed bigint default 0) returns text
language plpgsql as $$
declare
  way text := ' ' || ask.direction;
begin
  return format('select %L::text, v.* from (select) one left join (
      select r.* from (select %s from %s where %s order by %s limit %s offset %s) p join %s r using (%s) order by %s
    ) v on true', total, im.list_columns(keys, '', ''), searched, fitting, im.list_columns(sorted, '', way),
    im.page_limit(ask.size), im.page_offset(ask.page, ask.size) - passed, shown, im.list_columns(keys, '', ''), im.list_columns(sorted, 'r.', way));
end $$;

-- One batch of an export: where each row stands first, which is what the next batch goes on behind.
create or replace function im.list_batch(shown regclass, searched regclass, keys text[], fitting text, sorted text[], ask im.list_ask)
returns text
language plpgsql stable as $$
declare
  way text := ' ' || ask.direction;
  behind text := 'true';
begin
  if ask.after is not null then
    behind := format('(%s) %s (%s)', im.list_columns(sorted, '', ''), case ask.direction when 'asc' then '>' else '<' end,
      (select string_agg(quote_literal(a.value), ', ' order by a.n) from json_array_elements_text(ask.after::json) with ordinality a(value, n)));
  end if;
  return format('select json_build_array(%s)::text, r.* from (select %s from %s where %s and %s order by %s limit %s) p
      join %s r using (%s) order by %s', im.list_columns(sorted, 'r.', '::text'), im.list_columns(keys, '', ''), searched, fitting, behind,
    im.list_columns(sorted, '', way), im.setting_int('list.batch'), shown, im.list_columns(keys, '', ''), im.list_columns(sorted, 'r.', way));
end $$;

-- The query of a list.  shown: the view of the answer; searched: that whose columns the conditions are about, where it is
-- another.  keys: what makes a row unique.  sorts: the columns it may be sorted by, none of which is ever
-- null; the first unless asked otherwise, downwards unless asked otherwise.  Both views have keys and sorts.  words: what is
-- looked for in a text; of more than twice list.exact the total is an estimate without counting.  An export is
-- recorded, since so much leaves the house with it.
-- Refuses 403 without the permission (null: none is needed), 400 sort.
create or replace function im.list(admin bigint, permission text, shown regclass, keys text[], sorts text[], ask im.list_ask,
                                   conditions text[], searched regclass default null, words im.list_words default null) returns text
language plpgsql as $$
declare
  exact integer := im.setting_int('list.exact');
  csv boolean := ask.format is not distinct from 'csv';
  wanted bigint := case when csv then im.setting_int('list.batch') else im.page_offset(ask.page, ask.size) + im.page_limit(ask.size) end;
  fitting text := coalesce(nullif(array_to_string(conditions, ' and '), ''), 'true');
  sort text := coalesce(ask.sort, sorts[1]);
  sorted text[] := sort || array_remove(keys, sort);
  condition text;
  many bigint;
begin
  if permission is not null then
    perform im.permit(admin, permission);
  end if;
  if sort <> all (sorts) then
    raise sqlstate 'I0400' using message = 'sort', hint = 'the list is not sorted by that';
  end if;
  searched := coalesce(searched, shown);
  ask.direction := coalesce(ask.direction, 'desc');
  if words.place is not null and not csv then
    return im.list_page(shown, searched, keys, concat_ws(' and ', fitting, words.place), sorted, ask,
      coalesce(words.total, greatest(exact + 1, im.list_expected(searched, concat_ws(' and ', fitting, words.pairs)))), words.passed);
  elsif words.said is not null then
    select l.condition, l.many into condition, many from im.list_said(searched, fitting, words, wanted) l;
  end if;
  if not csv then
    if coalesce(many <= 2 * exact, true) then
      many := im.list_total(searched, concat_ws(' and ', fitting, words.pairs, words.said));
    end if;
    -- Behind the last of few nothing is looked for, which would be to look at all of them again.
    return im.list_page(shown, searched, keys,
      concat_ws(' and ', fitting, condition, case when many <= least(exact, im.page_offset(ask.page, ask.size)) then 'false' end), sorted, ask, many);
  elsif ask.after is null then
    perform im.audit_write(admin, coalesce(permission, 'self'), 'export ' || substring(shown::text from '(\w+)_list$'), null,
      jsonb_build_object('filter', concat_ws(' and ', fitting, words.said), 'order', im.list_columns(sorted, '', ' ' || ask.direction)), null);
  end if;
  return im.list_batch(shown, searched, keys, concat_ws(' and ', fitting, condition), sorted, ask);
end $$;
