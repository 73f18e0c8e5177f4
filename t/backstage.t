# backstage: administrators, what their roles may do, and the review of money orders.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Test::More;

my $im    = IM::Stack->new;
my $ann   = $im->user('ann');
my $admin = $im->admin;
my $door  = $im->stranger('backstage');
my $login = sub ($name, $password) { $door->post('/login', { username => $name, password => $password }) };
$im->secret('wrong admin password', 'auditor password', 'moderator password');

# An administrator of another role, made as imctl makes one.
my $appoint = sub ($name, $role) {
    $im->sql(sprintf q{select im.admin_create('%s', (select password_hash from im.account limit 1), '%s')}, $name, $role);
    my $session = $login->($name, $ann->password)->must;
    $im->secret($session->{accessToken});
    return $door->as(access => $session->{accessToken});
};

subtest 'login' => sub {
    $login->('admin', $admin->password)->ok('the first administrator is called admin', { name => 'admin', role => 'super' });
    $login->('nobody', 'wrong admin password')->refused(1001, 'an unknown one is not');
    $login->('nobody', '')->refused(1001, 'nor with an empty password');
    $login->('admin', '')->refused(1002, 'with which nobody is logged in');
    $im->sql('delete from im.login_failure');
    $login->('admin', undef)->refused(400, 'a password must be given', qr/password/);
    $login->(undef, 'wrong admin password')->refused(400, 'and a name', qr/username/);
    $login->('ann', $ann->password)->refused(1001, 'a user is no administrator');
    my $solved = sub {
        my $id = $door->get('/captcha')->must->{captchaId};
        return (captchaId => $id, captchaCode => scalar $im->sql("select answer from im.captcha where id = '$id'"));
    };
    my $from = sub ($n, $password, %more) { $door->at($n)->post('/login', { username => 'admin', password => $password, %more }) };
    $im->sql('delete from im.login_failure');
    $from->(2, 'wrong admin password')->refused(1002, "wrong password $_") for 1 .. 3;
    $from->(2, 'wrong admin password')->refused(1006, 'the fourth needs a captcha');
    $from->(2, 'wrong admin password', $solved->())->refused(1002, "wrong password $_") for 4 .. 5;
    $from->(2, $admin->password)->refused(1007, 'after five he is locked for that address');
    $from->(3, $admin->password)->refused(1006, 'not for others, which want a captcha');
    $from->(3, $admin->password, captchaId => '00000000-0000-4000-8000-000000000000', captchaCode => 'x')->refused(1006, 'that is solved');
    $from->(3, $admin->password, $solved->())->ok('so that no stranger keeps him out');
    $from->(2, $admin->password, $solved->())->ok('nor one who shares his address');
    $im->sql('delete from im.login_failure');
    $login->('admin', $admin->password)->ok('then all is forgotten');
};

subtest 'tokens do not cross' => sub {
    my $path = '/im/recharge/list';
    $door->get($path)->refused(401, 'a stranger is refused');
    $door->as(access => $ann->access)->get($path)->refused(401, "a user's token opens nothing here");
    $im->stranger->as(access => $admin->access)->get('/user/self')->refused(401, "nor an administrator's on the chat API");
};

subtest 'recharge orders' => sub {
    my @ids = map { $ann->post('/user/recharge', { amount => $_, payType => 'alipay' })->must->{id} } 10 .. 14;
    $admin->get('/im/recharge/list')->ok('the newest first', { total => 5, records => sub { $_->[0]{id} == $ids[4] } });
    $admin->get('/im/recharge/list', { page => 2, size => 2 })
        ->ok('in pages', { total => 5, records => [{ id => $ids[2], userId => $ann->id, amount => 12 }, { id => $ids[1] }] });
    $admin->get('/im/recharge/list', { page => 9, size => 2 })->ok('beyond the last is nothing', { total => 5, records => [] });
    $admin->get('/im/recharge/list', { size => 1000 })->ok('a page has at most a hundred', { records => sub { @$_ == 5 } });
    $admin->get('/im/recharge/list', { size => 'x' })->refused(400, 'a size is a number', qr/size/);

    $admin->post('/im/recharge/approve', { id => $ids[0], reason => '已到账' })->ok('an order is approved', undef);
    $ann->get('/user/self')->ok('and credited', { balance => 10 });
    $admin->post('/im/recharge/approve', { id => $ids[0] })->refused(4005, 'once');
    $admin->post('/im/recharge/reject', { id => $ids[1], reason => '未到账' })->ok('an order is rejected', undef);
    $admin->post('/im/recharge/approve', { id => $ids[1] })->refused(4005, 'what is rejected is not approved');
    $admin->post('/im/recharge/reject', { id => $ids[0] })->refused(4005, 'nor the reverse');
    $ann->get('/user/self')->ok('rejecting credits nothing', { balance => 10 });
    $admin->get('/im/recharge/list', { status => 1 })->ok('three are pending', { total => 3 });
    $admin->post("/im/recharge/$_", { id => 99999 })->refused(404, "there is no order to $_") for qw(approve reject);
    $admin->post("/im/recharge/$_", {})->refused(400, "an order to $_ has a number", qr/\bid\b/) for qw(approve reject);
    $admin->post('/im/recharge/approve', { id => $ids[2], reason => 'x' x 201 })->refused(400, 'a reason is short', qr/reason/);

    my @codes = map { $_->code } $im->together(map { $admin->post_p('/im/recharge/approve', { id => $ids[3] }) } 1 .. 6);
    is_deeply [sort @codes], [200, (4005) x 5], 'of six approvals at once one is done';
    $ann->get('/user/self')->ok('and credited once', { balance => 23 });
};

subtest 'review' => sub {
    my $max    = $appoint->(max2 => 'finance');
    my $socket = $ann->socket;
    my $order  = sub { $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id} };
    my $told   = sub ($id, $action) { $socket->expect(SYSTEM_MESSAGE => 'WALLET', { orderId => $id, action => $action }, "ann is told of $action") };
    my $id     = $order->();
    $admin->post('/im/recharge/reject', { id => $id, reason => '未到账' })->must;
    $told->($id, 'RECHARGE_REJECTED');
    my @codes = map { $_->code } $im->together(map { ($admin->post_p('/im/recharge/approve', { id => $id }), $max->post_p('/im/recharge/reject', { id => $id })) } $id = $order->());
    is_deeply [sort @codes], [200, 4005], 'of two reviewers who click at once one decides';

    $im->sql(q{update im.setting set value = 'on' where name = 'wallet.four_eyes'});
    $id = $order->();
    $admin->post('/im/recharge/approve', { id => $id })->ok('with four eyes the first approval', undef);
    $admin->get('/im/recharge/list', { status => 1 })->ok('is noted', { records => sub { $_->[0]{id} == $id && $_->[0]{approvedBy} && !$_->[0]{adminId} } });
    $admin->post('/im/recharge/approve', { id => $id })->refused(403, 'is nobody\'s second');
    my $balance = $ann->get('/user/self')->must->{balance};
    $max->post('/im/recharge/approve', { id => $id })->ok('the second is', undef);
    $ann->get('/user/self')->ok('and credits', { balance => $balance + 1 });
    $told->($id, 'RECHARGE_CREDITED');
    $max->post('/im/recharge/approve', { id => $id })->refused(4005, 'once');
    $im->sql(q{update im.setting set value = preset where name = 'wallet.four_eyes'});

    $im->sql("update im.admin set account_id = @{[$ann->id]} where name = 'max2'");
    $id = $order->();
    $max->post("/im/recharge/$_", { id => $id })->refused(403, "nobody decides to $_ what is his own") for qw(approve reject);
    $im->arm($ann);
    my $away = $ann->post('/user/withdraw', { amount => 1, toAddress => '0x' . 'a1' x 20, tradePassword => $ann->trade })->must->{id};
    $max->post("/im/withdraw/$_", { id => $away })->refused(403, "nor to $_ his withdrawal") for qw(approve reject);
    $admin->post('/im/withdraw/approve', { id => $away })->ok('others do');
    $max->post("/im/withdraw/$_", { id => $away })->refused(403, "or $_") for qw(paid failed);
    is scalar($max->sheet('/im/withdraw/list', { status => 2 })->rows), 1, 'the list is there as a file';
    $socket->close;
};

subtest 'roles' => sub {
    my ($auditor, $moderator) = ($appoint->(eva => 'auditor'), $appoint->(max => 'moderator'));
    my $id = $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id};
    $auditor->get('/im/recharge/list')->ok('an auditor reads');
    $auditor->post("/im/recharge/$_", { id => $id })->refused(403, "but does not $_") for qw(approve reject);
    $moderator->get('/im/recharge/list')->refused(403, 'a moderator does not even read of money');
    $im->sql("update im.admin set disabled_at = now() where name = 'eva'");
    $auditor->get('/im/recharge/list')->refused(1003, 'one who is disabled is out at once');
    $login->('eva', $ann->password)->refused(1003, 'and does not come back');
};

subtest 'audit' => sub {
    my @acts = map { $_->[0] } $im->sql("select action from im.audit where target like 'recharge %' order by id");
    is scalar @acts, 7, 'each decision left a row';
    is $im->sql('select count(*) from im.audit_check()'), 0, 'and the chain holds';
    is $im->sql("select count(*) from im.audit where address is null and admin_id is not null"), 0, 'with the address of who acted';
};

subtest 'a failure is found by its id' => sub {
    my $holder = $im->background_sql(<<~'END');
        begin;
        lock table im.recharge;
        do $$ begin while not exists (select from im.setting where name = 'test.done') loop perform pg_sleep(0.01); end loop; end $$;
        commit
        END
    $im->eventually(5, sub { $im->sql(q{select count(*) from pg_locks where relation = 'im.recharge'::regclass and mode = 'AccessExclusiveLock'}) });
    is $admin->get('/im/recharge/list')->code, 500, 'while the orders are locked nobody lists them';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.done', 'text', '')});
    waitpid $holder, 0;
    $admin->get('/im/recharge/list')->ok('then everybody does');
    my ($id) = map {m{error (\w{32}): GET /im/recharge/list failed: 55P03}} $im->logs->lines;
    ok $id, 'the program says what has failed, and of which request';
    ok $im->eventually(5, sub { $im->logs->grep(qr{^log/push/.* \Q$id\E .*"GET /im/recharge/list" 200 code=500}) }), 'which the access log has by the same id';
};

$im->allow(qr/recharge.list failed: 55P03/);
$im->end;
done_testing;
