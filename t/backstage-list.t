# backstage-list: what every list of the backstage does alike: filters, sorting, pages, totals, days and seconds, export.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::Util qw(decode);
use Test::More;

my $im    = IM::Stack->new;
my $admin = $im->admin;
$im->sql(q{set timezone = 'Asia/Shanghai'});

# Accounts as they are wanted: user name => columns.
my $people = sub (%wanted) {
    for my $name (sort keys %wanted) {
        my %one = (nick_name => $name, password_hash => 'none', %{ $wanted{$name} });
        my @columns = sort keys %one;
        $im->sql(sprintf q{insert into im.account (username, %s) overriding system value values ('%s', %s)},
            join(', ', @columns), $name, join(', ', map { "'" . $one{$_} =~ s/'/''/gr . "'" } @columns));
    }
};
my $names = sub (%query) { [map { $_->{username} } @{ $admin->get('/im/user/list', { order => 'asc', %query })->must->{records} }] };

subtest 'a day is all of it, a second the whole second' => sub {
    $people->(
        before => { created_at => '2026-11-26 23:59:59.9' }, midnight => { created_at => '2026-11-27 00:00:00' },
        noon   => { created_at => '2026-11-27 12:00:00.999' }, last => { created_at => '2026-11-27 23:59:59.9' },
        after  => { created_at => '2026-11-28 00:00:00' });
    my $between = sub ($from, $to) { $names->(startTime => $from, endTime => $to, sort => 'createTime') };
    is_deeply $between->('2026-11-27', '2026-11-27'), [qw(midnight noon last)], 'a day has its last moment, and not the next midnight';
    is_deeply $between->('2026-11-27 12:00:00', '2026-11-27 12:00:00'), ['noon'], 'a second what happens within it';
    is_deeply $between->('2026-11-27 00:00:01', '2026-11-27'), [qw(noon last)], 'one may be a second and the other a day';
    is_deeply $between->('2026-11-28', '2026-11-27'), [], 'nothing is before its beginning';
    is_deeply $names->(startTime => '2026-11-28', endTime => '2026-11-28'), ['after'], 'the next day begins with its midnight';
    for (['startTime', '2026-02-30'], ['endTime', '2026-13-01'], ['endTime', '2026-11-27 24:30:00'], ['startTime', 'today'], ['endTime', '2026-11-27T00:00:00']) {
        my ($field, $value) = @$_;
        $admin->get('/im/user/list', { $field => $value })->refused(400, "$value is none", qr/\Q$field\E/);
    }
    $im->sql('delete from im.account');
};

subtest 'filters, order, pages' => sub {
    $people->(map { ("p$_" => { created_at => "2026-01-0$_", $_ == 4 ? (nick_name => '张三丰') : (), $_ == 5 ? (phone => '+8613800138000', email => 'Five@x.org') : () }) } 1 .. 7);
    is_deeply $names->(order => 'desc'), [map {"p$_"} reverse 1 .. 7], 'the newest first';
    is_deeply $names->(size => 3, page => 2), [qw(p4 p5 p6)], 'a page';
    is_deeply $names->(name => '张三'), ['p4'], 'by two characters of a name';
    is_deeply $names->(name => 'P'), [map {"p$_"} 1 .. 7], 'by one that begins it';
    is_deeply $names->(name => $_), [], "not by $_" for '张四', "'", '%', '\\';
    is_deeply $names->(phone => '+8613800138000'), ['p5'], 'by phone number';
    is_deeply $names->(email => 'five@X.org'), ['p5'], 'by e-mail address';
    is_deeply $names->(phone => "' or true --"), [], 'by nothing else';
    $admin->get('/im/user/list', { sort => $_ })->refused(400, "not in the order of $_", qr/sort/) for 'phone', 'password_hash', 'id desc';
    $admin->get('/im/user/list', { order => 'up' })->refused(400, 'up or down', qr/order/);
    $admin->get('/im/user/list', { page => 4, size => 3 })->ok('a page beyond the last says how many there are', { total => 7, records => [] });
    $admin->get('/im/user/list', { name => 'nobody', page => 3 })->ok('or that there are none', { total => 0, records => [] });
};

subtest 'the last row of a page is dealt with' => sub {
    my $ann = $im->user('ann');
    my @ids = map { $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id} } 1 .. 5;
    $admin->get('/im/recharge/list', { status => 1, page => 3, size => 2 })->ok('page 3 has one', { total => 5, records => [{ id => $ids[0] }] });
    $admin->post('/im/recharge/approve', { id => $ids[0] })->must;
    $admin->get('/im/recharge/list', { status => 1, page => 3, size => 2 })->ok('then none, and says so', { total => 4, records => [] });
};

subtest 'an export' => sub {
    $im->sql(q{update im.setting set value = '2' where name = 'list.batch'});
    $people->(
        formula => { nick_name => '=1+1', created_at => '2026-02-01' }, zeros => { nick_name => '0012', created_at => '2026-02-02' },
        large   => { id => '9007199254740991', nick_name => '最后"一"个,', created_at => '2026-02-03' },
        phone   => { phone => '+8613900139000', created_at => '2026-02-03' }, at => { nick_name => '@x', created_at => '2026-02-05' });
    my %query = (startTime => '2026-01-03', endTime => '2026-02-05', sort => 'createTime', order => 'asc');
    my @pages = map { @{ $admin->get('/im/user/list', { %query, size => 4, page => $_ })->must->{records} } } 1 .. 3;
    my $sheet = $admin->sheet('/im/user/list', { %query, size => 4, page => 2 });
    is $sheet->response->headers->content_type, 'text/csv; charset=utf-8', 'is a file';
    like $sheet->response->headers->content_disposition, qr/attachment; filename="user\.csv"/, 'with a name';
    is_deeply [map { $_->{id} } $sheet->rows], [map { $_->{id} } @pages], 'with the rows of all three pages in their order, in batches that end between equals';
    is_deeply $sheet->faults, [], 'as spreadsheets read it';
    is_deeply $sheet->columns, [qw(id username nickName headImage email phone sex status bannedUntil banReason online vipExpireTime createTime)], 'under the names of the fields';
    my %rows = map { ($_->{username} => $_) } $sheet->rows;
    is_deeply [map { $rows{$_}{nickName} } qw(formula zeros large at p4)], ['=1+1', '0012', '最后"一"个,', '@x', '张三丰'], 'every text as it is';
    is $rows{large}{id}, '9007199254740991', 'sixteen digits';
    is $rows{phone}{phone}, '+8613900139000', 'a phone number';
    is $rows{p5}{createTime}, '2026-01-05 00:00:00', 'a time';
    my $text = decode 'UTF-8', $sheet->response->body;
    like $text, qr/,"\t\Q$_\E",/, "what looks like something else is written as text: $_" for '=1+1', '@x', '0012', '+8613900139000';
    like $text, qr/^"\t9007199254740991",/m, 'so is a number that is too long';
    is_deeply [$admin->sheet('/im/user/list', { name => 'nobody' })->rows], [], 'of nothing there is a head only';

    my $group = $im->sql(q{insert into im.chat_group (id, conversation_id, owner_id, group_name, member_count, ban_reason) overriding system value
        select 5, 5, min(id), 'g', 1, E'第一行\n第二行' from im.account returning id} =~ s/^/set session_replication_role = replica; /r);
    $im->sql('insert into im.conversation (id, group_id) overriding system value values (5, 5); set session_replication_role = origin');
    is(($admin->sheet('/im/group/list')->rows)[0]{banReason}, "第一行\n第二行", 'lines stay in their cell');

    my ($refused) = $admin->get('/im/user/list', { format => 'csv', sort => 'phone' });
    $refused->refused(400, 'what is asked wrongly is refused as ever', qr/sort/);
    $im->stranger('backstage')->get('/im/user/list', { format => 'csv' })->refused(401, 'a stranger gets none');
    is $im->sql(q{select count(*) from im.audit where target = 'export user'}), 2, 'and each export is recorded once';
};

subtest 'totals' => sub {
    $im->sql(q{insert into im.account (username, nick_name, password_hash) select 'm' || n, 'm', 'none' from generate_series(1, 3000) n;
        update im.setting set value = preset where name = 'list.batch'});
    my $all = $im->sql('select count(*) from im.account');
    $admin->get('/im/user/list')->ok('are exact', { total => $all });
    $im->sql(q{update im.setting set value = '100' where name = 'list.exact'; analyze im.account});
    $admin->get('/im/user/list')->ok('up to a bound, and beyond it about right', { total => sub { $_ > 100 && abs($_ - $all) < $all / 5 } });
    $admin->get('/im/user/list', { name => 'p' })->ok('few are counted', { total => 8 });
    my @ids = map { $_->{id} } $admin->sheet('/im/user/list')->rows;
    is scalar(@ids), $all, 'an export has all of them';
    is_deeply \@ids, [sort { $b <=> $a } @ids], 'each once';
};

subtest 'an export that cannot go on' => sub {
    $im->sql(q{update im.setting set value = '1' where name = 'list.batch'});
    my $holder = $im->background_sql(<<~'END');
        begin;
        do $$ begin while (select count(*) from im.audit where target = 'export user') < 4 loop perform pg_sleep(0.01); end loop; end $$;
        lock table im.account;
        do $$ begin while not exists (select from im.setting where name = 'test.done') loop perform pg_sleep(0.01); end loop; end $$;
        commit
        END
    # curl: Mojo takes what breaks off for the whole.
    isnt system('curl', '-s', '--fail', '-o', '/dev/null', '-H', 'Authorization: Bearer ' . $admin->access, $im->url('backstage') . '/im/user/list?format=csv'), 0,
        'breaks off, so that nobody takes it for the whole';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.done', 'text', '')});
    waitpid $holder, 0;
    ok $im->eventually(5, sub { $im->logs->grep(qr/an answer broke off with code 500/) }), 'and the log says so';
    $admin->get('/im/self')->ok('whoever asked goes on');
};

$im->allow(qr/user.list failed: 55P03/, qr/an answer broke off/, qr/upstream sent unsupported FastCGI protocol version|upstream prematurely closed/);
$im->end;
done_testing;
