# backstage-admin: the administrators themselves: what each may do, sessions, the second factor, the record of it all.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use IM::Totp qw(totp);
use Test::More;

my $im    = IM::Stack->new;
my $admin = $im->admin;
my $door  = $im->stranger('backstage');
$im->secret(qw(first-password second-password third-password wrong-password));

my $login = sub ($name, $password, %more) { $door->post('/login', { username => $name, password => $password, %more }) };
my $enter = sub ($name, $password, %more) {
    my $session = $login->($name, $password, %more)->must;
    $im->secret($session->{accessToken});
    return $door->as(access => $session->{accessToken}, id => $session->{adminId}, name => $name);
};

subtest 'what one may do' => sub {
    my $self = $admin->get('/im/self')->ok('super asks who he is', { name => 'admin', role => 'super', totp => 0, userId => undef });
    ok $self->{sessionId}, 'and in which session';
    my %super = map { ($_ => 1) } @{ $self->{permissions} };
    ok $super{'admin.write'} && $super{'user.ban'} && $super{'recharge.approve'}, 'super may do all';

    my $id = $admin->post('/im/admin/add', { name => 'mia', role => 'moderator', password => 'first-password' })->ok('he makes a moderator')->{id};
    $admin->post('/im/admin/add', { name => 'MIA', role => 'auditor', password => 'first-password' })->refused(1004, 'a name is there once');
    $admin->post('/im/admin/add', { name => 'm m', role => 'auditor', password => 'first-password' })->refused(400, 'and has a form', qr/name/);
    $admin->post('/im/admin/add', { name => 'max', role => 'king', password => 'first-password' })->refused(400, 'there are four roles', qr/role/);
    $admin->post('/im/admin/add', { name => 'max', role => 'auditor', password => 'x' })->refused(400, 'a password is no single letter', qr/password/);
    my $mia = $enter->('mia', 'first-password');
    my $may = $mia->get('/im/self')->ok('mia asks', { adminId => $id, role => 'moderator' })->{permissions};
    is_deeply [grep {/^(?:admin|recharge|audit)/} @$may], [], 'she may neither write administrators nor touch money';
    $mia->post('/im/admin/add', { name => 'eve', role => 'super', password => 'first-password' })->refused(403, 'and does not');
    $mia->post('/im/admin/update', { id => $id, role => 'super' })->refused(403, 'not even herself');

    $admin->post('/im/admin/update', { id => $id, role => 'auditor' })->ok('another role', undef);
    $mia->get('/im/self')->refused(401, 'ends her session');
    $mia = $enter->('mia', 'first-password');
    $mia->get('/im/audit/list')->ok('and is what she has when she comes back');
    $mia->put('/im/user/ban', { userId => 10001, reason => 'x' })->refused(403, 'and nothing else');
    $admin->post('/im/admin/disable', { id => $id })->ok('she is disabled', undef);
    $mia->get('/im/self')->refused(1003, 'and out at once');
    $login->('mia', 'first-password')->refused(1003, 'and stays out');
    $admin->post('/im/admin/enable', { id => $id })->ok('she is let in again', undef);
    $enter->('mia', 'first-password');
    $admin->get('/im/admin/list', { role => 'auditor' })->ok('the list has her', { total => 1, records => [{ id => $id, name => 'mia', disabled => 0 }] });
    $admin->post('/im/admin/disable', { id => $admin->get('/im/self')->must->{adminId} })->refused(403, 'the last super does not shut himself out');
};

subtest 'sessions' => sub {
    my $id = $enter->('mia', 'first-password')->id;
    $admin->get('/im/session/list', { adminId => $id })->ok('who may read of administrators sees those of all', { records => sub { @$_ > 0 } });
    $admin->post('/im/admin/update', { id => $id, role => 'moderator' })->must;
    my ($one, $two) = map { $enter->('mia', 'first-password') } 1 .. 2;
    my $ids = $one->get('/im/session/list', { live => 'true' })->ok('mia sees her own', { records => sub { @$_ == 2 && !grep { $_->{name} ne 'mia' } @$_ } })->{records};
    is $ids->[0]{id}, $two->get('/im/self')->must->{sessionId}, 'the newest first';
    $one->post('/im/session/end', { id => $ids->[0]{id} })->ok('she ends the other one', undef);
    $two->get('/im/self')->refused(401, 'which it is at once');
    $one->post('/im/session/end', { id => $ids->[0]{id} })->refused(404, 'it ends once');
    $one->post('/im/session/end', { id => $admin->get('/im/self')->must->{sessionId} })->refused(403, "another's is not hers to end");
    $admin->post('/im/session/end', { id => $one->get('/im/self')->must->{sessionId} })->ok('but hers is his', undef);
    $one->get('/im/self')->refused(401, 'and it is over');

    $one = $enter->('mia', 'first-password');
    my $renewed = $one->post('/im/self/renew')->ok('a token is renewed', { name => 'mia', role => 'moderator' });
    $im->secret($renewed->{accessToken});
    $one->as(access => $renewed->{accessToken})->get('/im/self')->ok('and is one');
    $im->sql(q{update im.admin_session set created_at = now() - interval '13 hours' where ended_at is null and admin_id <> 1});
    $one->post('/im/self/renew')->refused(401, 'not for ever');
    $one->post('/im/logout')->ok('she goes', undef);
    $one->get('/im/self')->refused(401, 'and her token with her');
};

subtest 'passwords' => sub {
    my ($one, $two) = map { $enter->('mia', 'first-password') } 1 .. 2;
    $one->put('/im/self/password', { oldPassword => 'wrong-password', newPassword => 'second-password' })->refused(1002, 'another password for the old one only');
    $one->put('/im/self/password', { oldPassword => 'first-password', newPassword => 'second-password' })->ok('mia changes hers', undef);
    $one->get('/im/self')->ok('she goes on');
    $two->get('/im/self')->refused(401, 'her other session does not');
    $login->('mia', 'first-password')->refused(1002, 'the old one is none');
    $one->put('/im/self/password', { oldPassword => 'wrong-password', newPassword => 'third-password' })->refused(1002, "wrong $_") for 1 .. 5;
    $one->put('/im/self/password', { oldPassword => 'second-password', newPassword => 'third-password' })->refused(1007, 'whoever has her token does not try for ever');
    $im->sql('delete from im.login_failure');
    $admin->post('/im/admin/update', { id => $one->id, password => 'third-password' })->ok('super gives her another one', undef);
    $one->get('/im/self')->refused(401, 'which ends her sessions');
    $enter->('mia', 'third-password');
};

subtest 'the second factor' => sub {
    my $mia  = $enter->('mia', 'third-password');
    my $code = sub ($secret, $steps) { totp($secret, $im->sql('select extract(epoch from clock_timestamp())') + 30 * $steps) };
    $mia->post('/im/totp/enable', { totpCode => '000000' })->refused(404, 'a code of nothing is none');
    my $secret = $mia->post('/im/totp/begin')->ok('mia is shown a secret', { uri => qr{^otpauth://totp/IM%20Chat:mia\?secret=} })->{secret};
    $im->secret($secret);
    $login->('mia', 'third-password')->ok('that counts for nothing yet');
    $mia->post('/im/totp/enable', { totpCode => $code->($secret, 5) })->refused(1008, 'until she has shown a code of it');
    $mia->post('/im/totp/enable', { totpCode => $code->($secret, -1) })->ok('as she does', undef);
    $mia->get('/im/self')->ok('she has a second factor', { totp => 1 });
    $mia->post('/im/totp/begin')->refused(403, 'and no third');

    $im->sql('delete from im.login_failure');
    $login->('mia', 'third-password')->refused(1008, 'now the password is not enough');
    is $im->sql("select count(*) from im.login_failure"), 0, 'to say so counts for nothing';
    $login->('mia', 'wrong-password', totpCode => $code->($secret, 0))->refused(1002, 'nor is the code');
    $login->('mia', 'third-password', totpCode => $code->($secret, 5))->refused(1008, 'a code of later is none');
    is $im->sql("select count from im.login_failure where key = 'admin @{[$mia->id]}'"), 2, 'and counts as a wrong password';
    my $now = $code->($secret, 1);
    $enter->('mia', 'third-password', totpCode => $now);
    $login->('mia', 'third-password', totpCode => $now)->refused(1008, 'a code works once');
    $login->('mia', 'third-password', totpCode => $code->($secret, 0))->refused(1008, 'nor does one from before it');
    $im->sql('delete from im.login_failure; update im.admin set totp_step = 0');
    my @codes = map { $_->code } $im->together(map { $door->post_p('/login', { username => 'mia', password => 'third-password', totpCode => $now }) } 1 .. 4);
    is scalar(grep { $_ == 200 } @codes), 1, 'also when four come at once';
    $im->sql('delete from im.login_failure');
    $admin->post('/im/admin/update', { id => $mia->id, totp => $_ })->refused(400, 'nobody gives another one') for \1;
    $admin->post('/im/admin/update', { id => $mia->id, totp => \0 })->ok('but super takes it, when the device is lost', undef);
    $enter->('mia', 'third-password');
};

subtest 'the log of log-ins' => sub {
    my $all = $admin->get('/im/login/list', { adminId => $im->sql("select id from im.admin where name = 'mia'"), size => 100 })->must->{records};
    my %seen = map { ($_->{result} => 1) } @$all;
    is_deeply [sort keys %seen], [qw(1002 1003 1008 200)], 'every try is there with what became of it';
    $login->('first-password', 'mia')->refused(1001, 'who types the password as the name');
    $admin->get('/im/login/list', { result => 1001 })->ok('finds it nowhere', { total => 1, records => [{ adminId => undef, name => undef, address => '127.0.0.1' }] });
    is $im->sql("select count(*) from im.admin_login l where l::text like '%first-password%'"), 0, 'not in the table either';
};

subtest 'imctl' => sub {
    my @output;
    my $ctl = sub (@words) { @output = $im->imctl(@words); return $output[0] };
    is $ctl->('admin', 'add', 'eve', 'auditor'), 0, 'makes one';
    my ($password) = $output[1] =~ /the password of eve is (\w+)/;
    $im->secret($password);
    my $eve = $enter->('eve', $password);
    is $ctl->('admin', 'list'), 0, 'lists them';
    like $output[1], qr/^eve +auditor +enabled +- +\d{4}/m, 'each with role and state';
    is $ctl->('admin', 'disable', 'eve'), 0, 'disables one';
    $eve->get('/im/self')->refused(1003, 'at once');
    is $ctl->('admin', 'enable', 'Eve'), 0, 'and lets in again';
    is $ctl->('admin', 'passwd', 'eve'), 0, 'with another password';
    ($password) = $output[1] =~ /the password of eve is (\w+)/;
    $im->secret($password);
    $enter->('eve', $password);
    isnt $ctl->('admin', 'disable', 'nobody'), 0, 'nobody cannot be disabled';
    isnt $ctl->('admin', 'disable', 'admin'), 0, 'nor the last who is super';

    is $ctl->('audit', 'verify'), 0, 'the record holds';
    my ($rows, $hash) = $output[1] =~ /the record holds: (\d+) rows, the last is (\w{64})/;
    is $ctl->('audit', 'verify', $rows, $hash), 0, 'and its end is what was noted';
    isnt $ctl->('audit', 'verify', $rows, $hash =~ s/^./$& eq 'a' ? 'b' : 'a'/er), 0, 'and nothing else';
    my $spoil = sub ($sql, $problem, $title) {
        $im->sql("begin; alter table im.audit disable trigger user; create table spoilt as select * from im.audit; $sql; commit");
        isnt $ctl->('audit', 'verify'), 0, $title;
        like $output[1], $problem, 'and is named';
        $im->sql('begin; delete from im.audit; insert into im.audit select * from spoilt; drop table spoilt;
            alter table im.audit enable trigger user; commit');
    };
    $spoil->("update im.audit set reason = 'never mind' where id = 3", qr/row 3 was changed/, 'a changed row is found');
    $spoil->('delete from im.audit where id = 4', qr/row 5 a row before this one is missing/, 'a missing one');
    $spoil->("delete from im.audit where id = $rows", qr/row $rows rows at the end are missing/, 'the missing last one');
    $spoil->('update im.audit set id = -1 where id = 2; update im.audit set id = 2 where id = 3; update im.audit set id = 3 where id = -1',
        qr/row 2 /, 'two that have changed places');
    is $ctl->('audit', 'verify'), 0, 'then it holds again';
    my ($status, $said) = $im->psql('set role im_owner; update im.audit set reason = null where id = 3');
    like $said, qr/insert-only/, 'not even the owner changes one by mistake';
};

$im->allow(qr/ERROR|STATEMENT/);
$im->end;
done_testing;
