# backstage-user: what administrators see of users and groups, and do to them: bans, resets, dissolving, transferring.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
my $admin = $im->admin;
$im->sql(q{set timezone = 'Asia/Shanghai'});
$im->befriend($ann, $bob, $cat, $dan)->arm($ann)->fund($ann, 100);
$im->secret(qw(another-password));

# A user's list rows are his.
my $row = sub ($user, %more) { return { id => $user->id, username => $user->name, %more } };

subtest 'finding users' => sub {
    $admin->get('/im/user/findByName', { name => 'an' })->ok('by name', [$row->($ann, nickName => 'Ann', status => 'normal'), $row->($dan)]);
    $admin->get('/im/user/findByName', { name => 'nobody' })->ok('or not', []);
    $admin->get('/im/user/findByName')->refused(400, 'a name has to be given', qr/name/);
    $admin->post('/im/user/findByIds', { userIds => [$bob->id, 9_999_999, $ann->id, $ann->id] })->ok('by ids', [$row->($ann), $row->($bob)]);
    $admin->post('/im/user/findByIds', { userIds => [] })->refused(400, 'of which there is one', qr/userIds/);
    $admin->post('/im/user/findByIds', { userIds => [1 .. 1001] })->refused(400, 'and no thousand', qr/userIds/);
};

subtest 'one user' => sub {
    my $socket = $ann->socket;
    $bob->post('/complaint/submit', { targetType => 1, targetId => $ann->id, reason => '广告' })->must;
    $admin->get('/im/user/detail', { userId => $ann->id })->ok('with all that is known of her', {
        %{ $row->($ann) }, online => 1, friendCount => 3, groupCount => 0, hasTradePassword => 1, wallet => { available => 100, frozen => 0 },
        complaints => { about => 1, open => 1, made => 0 }, sessions => [{ device => 'IM::User', address => '127.0.0.1', socketCount => 1 }],
        lastLoginTime => qr/^\d{4}-/,
    });
    $socket->close;
};

subtest 'a ban' => sub {
    my $socket = $bob->socket;
    my $call   = $ann->post('/webrtc/private/setup', { friendId => $bob->id, mode => 2 })->must->{callId};
    $bob->post('/webrtc/private/accept', { callId => $call })->must;
    my $other = $ann->socket;
    my $start = time;
    $admin->put('/im/user/ban', { userId => $bob->id, reason => '刷屏', duration => 7 })->ok('bob is banned for a week', undef);
    $socket->expect(SYSTEM_MESSAGE => 'BANNED', { reason => '刷屏' }, 'he is told why');
    ok $im->eventually(5, sub { !$socket->is_open }), 'his socket is closed within five seconds';
    $other->expect(RTC_CALL => 'HANDUP', { callId => $call }, 'his call ends');
    $bob->get('/user/self')->refused(1003, 'his token is dead');
    my $until = $im->sql("select im.time_text(banned_until) from im.account where id = @{[$bob->id]}");
    $bob->login->refused(1003, 'he is told why and until when', qr/刷屏, \Q$until\E/);
    $bob->as(access => undef)->put('/refreshToken', { refreshToken => $bob->refresh })->refused(1003, 'also by a refresh', qr/刷屏/);
    $bob->as(password => 'wrong one')->login->refused(1002, 'a stranger is not');
    $admin->get('/im/user/list', { status => 'banned' })->ok('the list of the banned has him', { total => 1, records => [$row->($bob, status => 'banned', bannedUntil => $until, banReason => '刷屏')] });

    $im->sql("update im.account set banned_until = now() - interval '1 second' where id = @{[$bob->id]}");
    $admin->get('/im/user/list', { status => 'banned' })->ok('when the time is over', { total => 0, records => [] });
    $bob->login->ok('he comes in by himself');
    $ann->post('/message/private/send', { receiverId => $bob->id, content => 'x', messageType => 1 })->ok('and is written to');

    $admin->put('/im/user/ban', { userId => $bob->id, reason => '广告' })->ok('he is banned until that is lifted', undef);
    $bob->login->refused(1003, 'without a time', qr/广告\z/);
    $admin->put('/im/user/unban', { userId => $bob->id })->ok('it is lifted', undef);
    $bob->login->ok('and he is in');
    $bob->post('/message/private/send', { receiverId => $ann->id, content => 'x', messageType => 1 })->ok('as before');
    $admin->put('/im/user/ban', { userId => $bob->id, reason => 'x', duration => $_ })->refused(400, "not for $_ days", qr/duration/) for 0, -1, 36501;
    $admin->put('/im/user/ban', { userId => $bob->id })->refused(400, 'not without a reason', qr/reason/);
    $admin->put("/im/user/$_", { userId => 9_999_999, reason => 'x' })->refused(1001, "nobody to $_") for qw(ban unban);
    $other->close;
};

subtest 'resets' => sub {
    my $socket = $dan->socket;
    $admin->post('/im/user/kick', { userId => $dan->id, reason => 'x' })->ok('dan is logged out', undef);
    $socket->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'logout' }, 'and told so');
    ok $im->eventually(5, sub { !$socket->is_open }), 'his socket is closed';
    $dan->get('/user/self')->refused(401, 'his token is dead');
    $dan->login->ok('he comes back');

    $admin->post('/im/user/resetPassword', { userId => $dan->id, newPassword => 'x' })->refused(400, 'a password is long enough', qr/newPassword/);
    $admin->post('/im/user/resetPassword', { userId => $dan->id, newPassword => 'another-password' })->ok('he is given another password', undef);
    $dan->get('/user/self')->refused(401, 'which ends his session');
    $dan->login->refused(1002, 'the old one is none');
    $dan->password('another-password')->login->ok('the new one is');

    $admin->post('/im/user/resetTradePassword', { userId => $ann->id })->ok("ann's trade password is taken away", undef);
    $ann->get('/user/self')->refused(401, 'which ends her session');
    $ann->login->must;
    $ann->post('/user/withdraw', { amount => 10, toAddress => '0x' . 'a1' x 20, tradePassword => $ann->trade })->refused(4003, 'she has none');
    $im->arm($ann);
    $ann->post('/user/withdraw', { amount => 10, toAddress => '0x' . 'a1' x 20, tradePassword => $ann->trade })->ok('but the one she sets');
};

subtest 'a group' => sub {
    my $group  = $im->group($ann, $cat, $bob);
    $im->group($ann, $cat);    # another one, of the same people
    my $socket = $cat->socket;
    my $packet = $ann->post('/redPackage/send', { receiverType => 1, receiverId => $group, totalAmount => 3, totalCount => 3, redPacketType => 2,
        tradePassword => $ann->trade })->must->{redPacketId};
    $cat->post('/redPackage/rob', { redPacketId => $packet })->ok('cat robs one');
    $admin->put('/im/group/ban', { groupId => $group, reason => '赌博' })->ok('the group is banned', undef);
    $socket->expect(GROUP_MESSAGE => 'BAN', { groupId => $group, reason => '赌博' }, 'its members are told');
    $cat->post('/message/group/send', { groupId => $group, content => 'x', messageType => 1 })->refused(3004, 'nobody writes');
    $bob->post('/redPackage/rob', { redPacketId => $packet })->refused(3004, 'or robs');
    $dan->post("/group/join/$group")->refused(3004, 'or joins');
    $admin->get('/im/group/list', { status => 'banned' })->ok('it is in the list of the banned', { total => 1, records => [{ id => $group, banReason => '赌博', memberCount => 3 }] });
    $im->sql("update im.redpacket set expires_at = now() where id = '$packet'");
    ok $im->eventually(20, sub { $im->sql("select refunded from im.redpacket where id = '$packet'") eq '2.00' }), 'what is left goes back all the same';
    $ann->get('/user/self')->ok('to ann', { balance => 89 });
    $admin->put('/im/group/unban', { groupId => $group })->ok('the ban is lifted', undef);
    $socket->expect(GROUP_MESSAGE => 'UNBAN', { groupId => $group }, 'as they are told');
    $cat->post('/message/group/send', { groupId => $group, content => 'x', messageType => 1 })->ok('and write');

    $admin->get('/im/group/member/list', { groupId => $group, page => 1, size => 2 })->ok('its members, as they came',
        { total => 3, records => [{ userId => $ann->id, username => 'ann', role => 'OWNER' }, { userId => $bob->id }] });
    $admin->get('/im/group/member/list', { groupId => $group, role => 'MEMBER', sort => 'userId', order => 'desc' })
        ->ok('or otherwise', { total => 2, records => [{ userId => $cat->id }, { userId => $bob->id }] });
    $admin->post('/im/group/transfer', { groupId => $group, userId => $dan->id })->refused(3002, 'it is not given to a stranger');
    $admin->post('/im/group/transfer', { groupId => $group, userId => $cat->id, reason => 'ann 已离职' })->ok('but to cat', undef);
    $socket->expect(GROUP_MESSAGE => 'MANAGER', { groupId => $group, operatorId => undef, userId => $cat->id, role => 'OWNER' }, 'who is told');
    $admin->get('/im/group/detail', { groupId => $group })->ok('and owns it', { ownerId => $cat->id, ownerName => 'cat', status => 'normal', messageCount => sub { $_[0] >= 2 } });
    $ann->delete("/group/quit/$group")->ok('ann may go');
    $admin->post('/im/group/dissolve', { groupId => $group })->ok('it is dissolved', undef);
    $socket->expect(GROUP_MESSAGE => 'DISSOLVE', { groupId => $group, operatorId => undef }, 'and they are told');
    $cat->post('/message/group/send', { groupId => $group, content => 'x', messageType => 1 })->refused(3001, 'nobody finds it');
    $admin->post('/im/group/dissolve', { groupId => $group })->refused(3001, 'once');
    $admin->get('/im/group/detail', { groupId => $group })->ok('but an administrator', { status => 'dissolved' });
    $socket->close;
};

subtest 'every act is recorded' => sub {
    my %acts = map { ($_->[0] => $_->[1]) } $im->sql(q{select action, count(*) from im.audit where target ~ '^(user|group) ' group by action});
    is_deeply \%acts, { 'user.ban' => 3, 'user.kick' => 1, 'user.reset' => 2, 'group.ban' => 2, 'group.write' => 2 }, 'once';
    $admin->get('/im/audit/list', { target => 'user ' . $bob->id, order => 'asc', size => 1 })
        ->ok('with what was before and after', { total => 3, records => [{ action => 'user.ban', reason => '刷屏', name => 'admin', address => '127.0.0.1',
            before => { status => 'normal' }, after => { status => 'banned' } }] });
    is $im->sql('select count(*) from im.audit_check()'), 0, 'and the chain holds';
};

$im->end;
done_testing;
