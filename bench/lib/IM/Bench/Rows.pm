package IM::Bench::Rows;

# As many rows as a large server has after years, made by SQL on a stack that has none.
#
#     IM::Bench::Rows->new(im => $im, count => { accounts => 1e6, messages => 1e7, postings => 1e7, others => 1e6 })->fill;
#
# As whoever loads so much does: no triggers, foreign keys or followers meanwhile, indexes and what is counted afterwards, and
# a PostgreSQL with memory for it, which then gets its settings back.

use Mojo::Base -base, -signatures;
use utf8;
use List::Util qw(min);
use Mojo::File qw(path);
use Time::HiRes qw(time);

has [qw(im count)];
has batch => 1_000_000;    # rows a statement

# A title; how many, in terms of count; what goes into its table, row n of FROM to TO.
my @ROWS = (
    [accounts => 'ACCOUNTS', <<'SQL'],
        insert into im.account (id, username, nick_name, password_hash, email, phone, created_at) overriding system value
        select 1000000 + n, 'user' || n, chr(19968 + (n * 7 % 300)::int) || chr(20200 + (n * 31 % 211)::int) || n % 1000, 'none',
               'mail' || n || '@example.com', (19000000000 + n)::text, now() - (ACCOUNTS - n) * interval '20 seconds' from generate_series(FROM, TO) n
SQL
    [groups => 'PLACES / 2', <<'SQL'],
        with c as (insert into im.conversation (group_id) select 100000 + n from generate_series(FROM, TO) n returning id, group_id)
        insert into im.chat_group (id, conversation_id, owner_id, group_name, member_count, created_at) overriding system value
        select group_id, id, 1000000 + group_id - 99999, '群' || chr((19968 + group_id % 300)::int) || chr((20200 + group_id % 211)::int),
               group_id % 500, now() - group_id * interval '1 minute' from c
SQL
    [pairs => 'PLACES / 2', 'insert into im.conversation (low_id, high_id) select 1000000 + n, 1010000 + n from generate_series(FROM, TO) n'],
    [members => '10000', <<'SQL'],
        insert into im.member (conversation_id, account_id, role, joined_at)
        select (select conversation_id from im.chat_group where id = 100001), 1000000 + n, case n when 2 then 'OWNER' else 'MEMBER' end,
               now() - n * interval '1 minute' from generate_series(FROM, TO) n
SQL
    # The large group (that of 10,000) has every tenth, one who never rests has written every seventh.  你好 is in every third, 下班 in every
    # hundredth, 明天 in every thousandth, 紫藤 in every hundred thousandth; anything else is as rare as some 350,000 different pairs are, which is what chats have.
    [messages => 'MESSAGES', <<'SQL'],
        insert into im.message (conversation_id, seq, id, sender_id, message_type, content, sent_at) overriding system value
        select c.first + case when n % 10 = 0 then 0 else 1 + n % (PLACES - 1) end, 1 + case when n % 10 = 0 then n / 10 else n / (PLACES - 1) end, n + 1,
               case when n % 7 = 0 then 1000002 else 1000001 + n * 7919 % ACCOUNTS end, 1,
               '第' || n || '条 ' || chr(19968 + (n * 7 % 300)::int) || chr(20268 + (n * 31 % 301)::int) || chr(20568 + (n * 89 % 299)::int)
               || chr(20868 + (n * 577 % 293)::int) || chr(21168 + (n * 1009 % 307)::int) || ', ok'
               || case when n % 3 = 0 then ' 你好' else '' end || case when n % 101 = 0 then ' 下班' else '' end || case when n % 1009 = 0 then ' 明天' else '' end
               || case when n % 100003 = 0 then ' 紫藤' else '' end,
               now() - (MESSAGES - n) * interval '1 second'
          from generate_series(FROM - 1, TO - 1) n, (select min(id) as first from im.conversation) c
SQL
    # What im.search_text() makes of them, at a tenth of its cost; fill() compares some.
    ['texts of messages' => 'MESSAGES', <<'SQL'],
        insert into im.message_text (id, conversation_id, sender_id, sent_at, private, words)
        select m.id, m.conversation_id, m.sender_id, m.sent_at, c.group_id is null, replace(replace(m.content, ' ', ''), ',', '')
          from im.message m join im.conversation c on c.id = m.conversation_id where m.id between FROM and TO
SQL
    [purses => 'ACCOUNTS', q{insert into im.purse (kind, account_id) select 'available', 1000000 + n from generate_series(FROM, TO) n}],
    [journals => 'POSTINGS / 2', <<'SQL'],
        insert into im.journal (id, kind, subject, created_at) overriding system value
        select n, case when n % 10000 = 0 then 'adjustment' else (array['recharge', 'redpacket_sent', 'redpacket_robbed', 'withdraw', 'vip'])[1 + n % 5] end, n::text,
               now() - (POSTINGS / 2 - n) * interval '3 seconds' from generate_series(FROM, TO) n
SQL
    # One has every tenth of those of people.
    [postings => 'POSTINGS / 2', <<'SQL'],
        insert into im.posting (purse_id, serial, journal_id, amount, balance, account_id, purse, type, created_at)
        select case when side < 0 then h.first + n % 16 when n % 10 = 0 then f.first else f.first + 1 + n * 7919 % (ACCOUNTS - 1) end, 1 + a.before,
               n + 1, side, side * (1 + a.before), case when side > 0 then 1000001 + case when n % 10 = 0 then 0 else 1 + n * 7919 % (ACCOUNTS - 1) end end,
               case when side > 0 then 'available' end, case when side > 0 then im.fund_type(j.kind) end, case when side > 0 then j.created_at end
          from im.journal j, lateral (select j.id - 1 as n) i, unnest(array[1, -1]) side,
               lateral (select case when side < 0 then n / 16 when n % 10 = 0 then n / 10 else n / (ACCOUNTS - 1) end as before) a,
               (select min(id) as first from im.purse where kind = 'available') f, (select min(id) as first from im.purse where kind = 'cash_in') h
         where j.id between FROM and TO
SQL
    [recharges => 'OTHERS', <<'SQL'],
        insert into im.recharge (account_id, amount, pay_type, status, created_at)
        select 1000001 + n % ACCOUNTS, 1, 'alipay', case when n > OTHERS - 50 or n % 100000 = 0 then 1 else 3 end, now() - (OTHERS - n) * interval '9 seconds' from generate_series(FROM, TO) n
SQL
    [withdrawals => 'OTHERS', <<'SQL'],
        insert into im.withdraw (account_id, amount, chain_type, to_address, status, created_at)
        select 1000001 + n % ACCOUNTS, 1, 'bsc', '0x' || repeat('a1', 20), case when n > OTHERS - 50 then 1 when n % 1000 = 0 then 2 else 3 + n % 3 end, now() - (OTHERS - n) * interval '9 seconds' from generate_series(FROM, TO) n
SQL
    ['red packets' => 'OTHERS', <<'SQL'],
        with p as (
          insert into im.redpacket (sender_id, total, count, type, share_max, remark, seed, commitment, created_at, expires_at, closed_at, refunded)
          select 1000001 + n % ACCOUNTS, 1, 1, 1, 200, '', repeat('0', 64), '', t.made, t.made + interval '1 day',
                 case when n < OTHERS - 9600 then t.made + interval '1 day' end, case when n % 3 = 0 and n < OTHERS - 9600 then 1 else 0 end
            from generate_series(FROM, TO) n, lateral (select now() - (OTHERS - n) * interval '9 seconds' as made) t
          returning id, sender_id, created_at, closed_at, refunded)
        insert into im.redpacket_share (packet_id, number, amount, state, account_id, claimed_at, journal_id)
        select id, 1, 1, s.state, case s.state when 'claimed' then sender_id end, case s.state when 'claimed' then created_at end, case s.state when 'claimed' then 1 end
          from p, lateral (select case when closed_at is null then 'free' when refunded > 0 then 'refunded' else 'claimed' end as state) s
SQL
    [complaints => 'OTHERS', <<'SQL'],
        insert into im.complaint (complainer_id, target_type, target_id, reason, target_name, target_image, target_text, created_at,
                                  resolved_at, resolved_by, resolved_type, summary)
        select 1000001 + n % ACCOUNTS, 1, 1000001 + (n + 1) % ACCOUNTS, 'spam', 'x', '', '', now() - (OTHERS - n) * interval '9 seconds',
               case when open then null else now() end, case when open then null else 1 end, case when open then null else 1 + n % 4 end,
               case when open then null else 'x' end from generate_series(FROM, TO) n, lateral (select n > OTHERS - 50 or n % 100000 = 0 as open) o
SQL
    [notices => 'OTHERS / 5', <<'SQL'],
        insert into im.notice (seq, kind, title, content, everybody, created_at, sent_at, recipients)
        select n, case n % 50 when 0 then 'NOTICE' else 'WARN' end, 'title', 'content', false, now() - (OTHERS / 5 - n) * interval '1 minute', now(), 1
          from generate_series(FROM, TO) n
SQL
    [templates => '20000', q{insert into im.notice_template (name, title, content, admin_id) select 't' || n, 'x', 'y', 1 from generate_series(FROM, TO) n}],
    [records => 'OTHERS', <<'SQL'],
        insert into im.audit (id, admin_id, action, target, created_at, previous, hash)
        select 1000000 + n, 1, case when n % 1000 = 0 then 'group.ban' else 'user.ban' end, 'user ' || n % 50000, now() - (OTHERS - n) * interval '9 seconds', '', '' from generate_series(FROM, TO) n
SQL
    ['log-ins' => 'OTHERS', <<'SQL'],
        insert into im.admin_login (admin_id, address, device, result, created_at)
        select 1, '192.0.2.1', 'x', case when n % 1000 = 0 then 1002 else 200 end, now() - (OTHERS - n) * interval '9 seconds' from generate_series(FROM, TO) n
SQL
    [sessions => 'OTHERS / 5', <<'SQL'],
        insert into im.admin_session (admin_id, created_at, used_at, ended_at)
        select 1 + n % 20000, now() - interval '1 day', now() - n * interval '1 second', now() from generate_series(FROM, TO) n
SQL
    [administrators => '20000', q{insert into im.admin (name, password_hash, role) select 'admin' || n, 'none', 'auditor' from generate_series(FROM, TO) n}],
    [words => '20000', q{insert into im.sensitive_word (word, updated_at) select '词' || n || '语', now() - n * interval '1 second' from generate_series(FROM, TO) n}],
    [files => 'OTHERS', <<'SQL'],
        with b as (insert into im.blob (hash, size) select lpad(to_hex(n), 64, '0'), n from generate_series(FROM, TO) n returning id, size)
        insert into im.file (account_id, kind, name, mime, blob_id, size, stored, created_at, unused_since)
        select 1000001 + b.size % ACCOUNTS, case when b.size % 1000 = 0 then 'voice' else 'image' end, 'x.jpg', 'image/jpeg', b.id, b.size, true, now() - (OTHERS - b.size) * interval '9 seconds', null from b
SQL
    [days => '20000', q{insert into im.stat_day (day, messages) select current_date - n::int, n from generate_series(FROM, TO) n on conflict do nothing}],
);

sub took ($title, $run) {
    my $start = time;
    $run->();
    printf "%8.1f s  %s\n", time - $start, $title;
}

sub fill ($self) {
    took('all of it', sub {
        my $im = $self->im;
        $im->parts->sv('clerk', 'down');
        $self->_postgres("shared_buffers = '1GB'\nmaintenance_work_mem = '4GB'\nmax_wal_size = '16GB'\nwal_level = minimal\nmax_wal_senders = 0\n"
                . "checkpoint_timeout = '1h'\nfull_page_writes = off\nsynchronous_commit = off\nautovacuum = off\n");
        $im->sql('set session_replication_role = replica');
        my @made = $self->_take_indexes;
        $self->_rows(@$_) for @ROWS;
        took("index $_->[0]", sub { $im->sql($_->[1]) }) for @made;
        took('counters', sub { $self->_counters });
        took('vacuum and analyze', sub { $im->sql('vacuum analyze') });
        $im->sql('reset session_replication_role');
        $self->_postgres('');
        $im->parts->sv('clerk', 'up');
    });
}

# Settings beside those that the stack has, until the next.
sub _postgres ($self, $settings) {
    my $file = path($self->im->state, 'postgres/local.conf');
    $self->{before} //= $file->slurp;
    $file->open('>')->print($self->{before}, $settings);
    my ($status, $output) = $self->im->imctl('restart', 'postgres');
    die "PostgreSQL does not start: $output\n" if $status;
}

# FROM, TO and the numbers in capitals.
sub _rows ($self, $title, $many, $sql) {
    my %number = (PLACES => 20_000, map { (uc $_ => $self->count->{$_}) } keys %{ $self->count });
    my $words  = join '|', keys %number;
    my $count  = int eval $many =~ s/\b($words)\b/$number{$1}/gr;
    took("$count $title", sub {
        for (my $from = 1; $from <= $count; $from += $self->batch) {
            my %all = (%number, FROM => "${from}::bigint", TO => min($from + $self->batch - 1, $count));
            $self->im->sql($sql =~ s/\b(FROM|TO|$words)\b/$all{$1}/gr);
        }
    });
}

# Takes away every index that no constraint needs: [its name, what makes it again], … of tables that get rows.
sub _take_indexes ($self) {
    my $tables = join ', ', map {"'$_'"} map { $_->[2] =~ /insert into (im\.\w+)/g } @ROWS;
    my @all = $self->im->sql("select i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) from pg_index i
        where i.indrelid::regclass::text in ($tables) and not exists (select from pg_constraint c where c.conindid = i.indexrelid) order by 1");
    $self->im->sql("drop index $_->[0]") for @all;
    return @all;
}

# What triggers, followers and sequences would know.
sub _counters ($self) {
    my $sql = sub ($text) { $self->im->sql($text) };
    $sql->('update im.conversation c set last_seq = m.last from (select conversation_id, max(seq) as last from im.message group by 1) m where m.conversation_id = c.id');
    $sql->(q{update im.purse p set serial = x.serial, balance = x.balance
        from (select distinct on (purse_id) purse_id, serial, balance from im.posting order by purse_id, serial desc) x where x.purse_id = p.id});
    $sql->(q{update im.follower set id = case name when 'search' then (select max(id) from im.message) else (select max(id) from im.journal) end});
    $sql->('update im.ledger_proof set entries = (select count(*) from im.journal), postings = (select count(*) from im.posting)');
    $sql->('insert into im.ledger_total (kind, amount) select kind, sum(balance) from im.purse group by kind');
    $sql->('update im.notice_head set seq = (select max(seq) from im.notice)');
    $sql->("select setval(pg_get_serial_sequence('$_', 'id'), (select max(id) from $_))") for qw(im.account im.chat_group im.message im.journal);
    die "im.search_text() makes something else of the messages\n"
        if $sql->('select count(*) from (select id, content from im.message order by id limit 2000) m join im.message_text t using (id) where t.words <> im.search_text(m.content)');
}

1;
