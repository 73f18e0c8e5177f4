-- Groups: what is shown of them.  Their state (banned, dissolved, muted) is their conversation's.

create table im.chat_group (
  id bigint generated always as identity (start with 1001) constraint chat_group_pkey primary key,
  conversation_id bigint not null constraint chat_group_conversation unique references im.conversation,
  owner_id bigint not null references im.account,
  group_name im.group_name not null,
  group_avatar im.image not null default '',
  group_notice im.group_notice not null default '',
  top_message im.top_message,
  member_count integer not null constraint chat_group_member_count check (member_count >= 0),
  ban_reason im.reason,
  created_at timestamptz not null default now(),
  changed xid8 not null default pg_current_xact_id()      -- what is shown of it, or of a member (im.group_tell)
) with (fillfactor = 80);
create index chat_group_owner on im.chat_group (owner_id);
create index chat_group_created on im.chat_group (created_at, id);
create index chat_group_size on im.chat_group (member_count, id);
create index chat_group_search on im.chat_group using gin (im.bigram(im.fold(group_name)));

alter table im.conversation add constraint conversation_group_fkey
  foreign key (group_id) references im.chat_group deferrable initially deferred;
