# backstage-care: complaints and what becomes of them, notices, and accounts that are closed for good.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Samples;
use IM::Stack;
use Mojo::JSON qw(false true);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
my $admin   = $im->admin;
my $samples = IM::Samples->new;
$im->befriend($ann, $bob, $cat);
my $group = $im->group($ann, $bob, $cat);
my $say   = sub ($one, $to, $content = 'x', $type = 1) {
    return $one->post('/message/private/send', { receiverId => $to->id, content => $content, messageType => $type });
};
my $file = sub ($path) { $admin->bytes(GET => $path) };
my $pull = sub ($one) { $one->get('/message/system/pullOfflineMessage')->must };
my $seen = sub ($one) { $one->put('/message/system/readed')->must };

my ($face, $bytes, $complaint);

subtest 'a complaint keeps what it was about' => sub {
    $bytes = $samples->picture('face.jpg');
    $face  = $bob->upload($bytes, type => 'image', name => 'face.jpg')->must->{url};
    my $proof = $ann->upload($samples->picture('proof.png'), type => 'image', name => 'proof.png')->must->{url};
    $say->($ann, $bob, '你好');
    my $letter = $say->($bob, $ann, $face, 2)->must->{id};
    $say->($ann, $bob, '别发了');
    $complaint = $ann->post('/complaint/submit', { targetType => 1, targetId => $bob->id, reason => '骚扰', description => '每天', images => [$proof],
        messageId => $letter })->must->{complaintId};
    $admin->get('/im/complaint/list', { status => 1, targetId => $bob->id })->ok('it is listed',
        { total => 1, records => [{ id => $complaint, complainerName => 'Ann', targetName => 'Bob', status => 1, messageId => $letter, resolvedType => undef }] });
    my $as_it_was = { target => { name => 'Bob', words => '' }, message => { id => $letter, senderId => $bob->id, content => $face, messageType => 2 } };
    my $shown = $admin->get('/im/complaint/detail', { id => $complaint })->ok('with what it is about, and around it', { %$as_it_was,
        context => [{ content => '你好', senderName => 'Ann' }, { content => $face, isRecalled => 0 }, { content => '别发了' }], files => sub { @{ $_[0] } == 2 } });
    my ($kept) = grep { $_->{part} eq 'message' } @{ $shown->{files} };
    my $sent = $file->($kept->{url});
    is $sent->headers->content_type, 'image/jpeg', 'the picture can be had';
    is length $sent->body, $sent->headers->content_length, 'whole';
    like $sent->headers->content_disposition, qr/\Ainline; filename="face\.jpg"/, 'by its name';

    $bob->delete("/message/private/recall/$letter")->must;
    $bob->put('/user/update', { nickName => 'Someone' })->must;
    $admin->put('/im/user/ban', { userId => $bob->id, reason => 'x' })->must;
    $im->sql("update im.file set unused_since = now() - interval '2 days' where unused_since is not null; select im.due_file()");
    $admin->get('/im/complaint/detail', { id => $complaint })->ok('when the message is recalled, and he has another name and is banned, it is as it was', { %$as_it_was,
        context => [{ content => '你好' }, { content => '', isRecalled => 1 }, { content => '别发了' }] });
    is $file->($kept->{url})->body, $sent->body, 'and so is the picture';
    my $elsewhere = $cat->upload($samples->picture('other.png'), type => 'image', name => 'other.png')->must->{url};
    my $other = $cat->post('/complaint/submit', { targetType => 2, targetId => $group, reason => '广告', images => [$elsewhere] })->must->{complaintId};
    my $foreign = $im->sql("select im.file_id('$elsewhere')");
    is_deeply $file->("/im/complaint/file?id=$complaint&fileId=$_")->json // {}, { code => 404, message => '资源不存在', data => undef }, 'which is no door to other files'
        for $foreign, '00000000-0000-4000-8000-000000000000';
    $admin->post('/im/complaint/resolve', { id => $other, resolvedType => 4, summary => '无' })->must;
    $admin->put('/im/user/unban', { userId => $bob->id })->must;
    $bob->login->must;
    is $im->sql("select count(*) from im.audit where action = 'complaint.read' and target = 'complaint $complaint'"), 4, 'each look at what they wrote is recorded';
    $admin->get('/im/complaint/detail', { id => 9_999_999 })->refused(404, 'no other');
};

subtest 'it is decided once' => sub {
    my $socket = $ann->socket;
    my %decided = (id => $complaint, resolvedType => 2, summary => '核实', reason => '骚扰他人', duration => 3);
    $admin->post('/im/complaint/resolve', { %decided, resolvedType => 5 })->refused(400, 'in one of four ways', qr/resolvedType/);
    my @codes = sort map { $_->code } $im->together(map { $admin->post_p('/im/complaint/resolve', \%decided) } 1 .. 4);
    is_deeply \@codes, [200, (9001) x 3], 'when four click at once';
    $socket->expect(SYSTEM_MESSAGE => 'NOTICE', { kind => 'COMPLAINT', title => '投诉处理结果', content => qr/Bob.*已禁言/ }, 'ann is told at once');
    is_deeply [map { "$_->{kind} $_->{content}" } @{ $pull->($bob) }], ['MUTE 骚扰他人'], 'bob finds it';
    $say->($bob, $ann)->refused(3006, 'he writes to nobody');
    $bob->post('/message/group/send', { groupId => $group, content => 'x', messageType => 1 })->refused(3006, 'nor in a group');
    $admin->get('/im/user/detail', { userId => $bob->id })->ok('as an administrator sees', { isMuted => 1, mutedUntil => qr/^\d{4}/, complaints => { about => 1, open => 0 } });
    $im->sql("update im.account_mute set until = now()");
    $say->($bob, $ann)->ok('until it is over');
    $im->sql("update im.account_mute set until = 'infinity'");
    $say->($bob, $ann)->refused(3006, 'or for ever');
    $admin->put('/im/user/unmute', { userId => $bob->id })->ok('or lifted', undef);
    $say->($bob, $ann)->ok('whereupon he writes');
    $admin->get('/im/complaint/list', { status => 2, resolvedType => 2, adminId => 1 })->ok('it is in the list of the decided', { total => 1, records => [{ id => $complaint, summary => '核实' }] });
    is $im->sql(qq{select after ->> 'resolvedType' from im.audit where action = 'complaint.resolve' and target = 'complaint $complaint'}), 2, 'and recorded';

    my $complain = sub (%more) { $ann->post('/complaint/submit', { targetType => 1, targetId => $bob->id, reason => '再次', %more })->must->{complaintId} };
    my $decide   = sub ($type, %more) { $admin->post('/im/complaint/resolve', { id => $complain->(%more), resolvedType => $type, summary => 'x', reason => '请注意' }) };
    $decide->(4)->ok('nothing may be done', undef);
    $decide->(1)->ok('he may be warned', undef);
    is_deeply [map { $_->{kind} } @{ $pull->($bob) }], [qw(MUTE WARN)], 'which he finds behind the other';
    $decide->(2, targetType => 2, targetId => $group)->ok('a group may be muted', undef);
    $socket->expect(GROUP_MESSAGE => 'MUTED', { groupId => $group, operatorId => undef, isMuted => 1 }, 'as its members are told');
    $socket->expect(SYSTEM_MESSAGE => 'NOTICE', { kind => 'MUTE' }, 'and its owner why');
    $decide->(3, targetType => 2, targetId => $group)->ok('or banned', undef);
    $socket->expect(GROUP_MESSAGE => 'BAN', { groupId => $group, reason => '请注意' }, 'too');
    $decide->(3)->ok('a user may be banned', undef);
    $bob->login->refused(1003, 'with the reason', qr/请注意/);
    $admin->put('/im/user/unban', { userId => $bob->id })->must;
    $admin->put('/im/group/unban', { groupId => $group })->must;
    $bob->login->must;
    $seen->($_) for $ann, $bob;
    $socket->close;
};

subtest 'a page whose last row has been dealt with' => sub {
    $im->sql(q{update im.setting set value = '100' where name = 'complaint.day_limit'});
    my @ids = map { $cat->post('/complaint/submit', { targetType => 1, targetId => $ann->id, reason => "r$_" })->must->{complaintId} } 1 .. 5;
    my %third = (status => 1, complainerId => $cat->id, size => 2, page => 3);
    $admin->get('/im/complaint/list', \%third)->ok('page 3 has one', { total => 5, records => [{ id => $ids[0] }] });
    $admin->post('/im/complaint/resolve', { id => $ids[0], resolvedType => 4, summary => 'x' })->must;
    $admin->get('/im/complaint/list', \%third)->ok('then none, and the total', { total => 4, records => [] });
    my $sheet = $admin->get('/im/complaint/list', { status => 1, complainerId => $cat->id, order => 'asc' })->must;
    is_deeply [map { $_->{id} } @{ $sheet->{records} }], [@ids[1 .. 4]], 'the others are there';
    $seen->($cat);
};

subtest 'a notice to everybody' => sub {
    my @devices = map { $ann->socket } 1 .. 2;
    $admin->post('/im/notice/send', { title => '停机维护', content => '今晚 2 点' })->ok('is sent', { id => qr/^\d+$/ });
    $_->expect(SYSTEM_MESSAGE => 'NOTICE', { kind => 'NOTICE', title => '停机维护', content => '今晚 2 点' }, 'ann, who is online, has it at once') for @devices;
    my $eve = $im->user('eve');
    is_deeply [map { $_->{title} } @{ $pull->($bob) }], ['停机维护'], 'bob with his next pull';
    is_deeply $pull->($bob), $pull->($bob), 'which may be repeated';
    is_deeply $pull->($eve), [], 'eve, who registered later, never';
    my $heart = $bob->socket;
    is $heart->heartbeat->{pending}, 3, 'a heartbeat counts it, with two messages of ann';
    my $other = $bob->at(1)->socket;
    $bob->put('/message/system/readed', { maxSeq => $pull->($bob)->[0]{seq} })->ok('bob has it', undef);
    is $other->heartbeat->{pending}, 2, 'on all his devices';
    is_deeply $pull->($bob), [], 'once';
    is $im->sql('select count(*) from im.notice_due'), 0, 'there is no row for anybody';
    $bob->put('/message/system/readed', { maxSeq => 1_000_000 })->must;
    $admin->post('/im/notice/send', { title => 'x', content => 'y' })->must;
    is @{ $pull->($bob) }, 1, 'nobody acknowledges what is to come';
    $seen->($_) for $ann, $bob, $eve;
    $admin->get('/im/notice/list', { kind => 'NOTICE', status => 2 })->ok('both are listed', { total => 2, records => [{ title => 'x' }, { title => '停机维护', audience => 'all', recipientCount => 4 }] });
    my $all = $admin->get('/im/notice/list', { kind => 'NOTICE' })->must->{records}[1]{id};
    my $has = sub (%more) { return $admin->get('/im/notice/recipient/list', { id => $all, %more })->must };
    is_deeply [map { $_->{userId} } @{ $has->()->{records} }], [map { $_->id } $ann, $bob, $cat, $dan], 'it was for whoever had an account, not for eve';
    is_deeply [map { [$_->{userId}, $_->{got}] } @{ $has->(got => 'true', order => 'desc')->{records} }], [map { [$_->id, true] } $bob, $ann], 'and who has got it is said';
    is $has->(got => 'false')->{total}, 2, 'and who has not';
    $_->close for @devices, $heart, $other;
};

subtest 'to some, by a template, at a time' => sub {
    my $template = $admin->post('/im/notice/template/add', { name => '生日', title => '{name}，生日快乐', content => '送您 {days} 天会员 {}' })->must->{id};
    $admin->post('/im/notice/template/add', { name => '生日', title => 'x', content => 'y' })->refused(1004, 'a name is one template');
    my %some = (templateId => $template, userIds => [$bob->id, 9_999_999], values => { name => 'Bob', days => '{name}' });
    $admin->post('/im/notice/send', { %some, values => { name => 'Bob' } })->refused(400, 'each place is filled in', qr/values/);
    $admin->post('/im/notice/send', { %some, templateId => 9_999_999 })->refused(404, 'of a template there is', qr/templateId/);
    $admin->post('/im/notice/send', { title => 'x' })->refused(400, 'or by words', qr/content/);
    $admin->post('/im/notice/send', { %some, sendTime => '2026-02-30 00:00:00' })->refused(400, 'at a time there is', qr/sendTime/);
    $admin->post('/im/notice/send', \%some)->must;
    is_deeply [map { [@$_{qw(title content)}] } @{ $pull->($bob) }], [['Bob，生日快乐', '送您 {name} 天会员 {}']], 'bob finds it, filled in once';
    is_deeply $pull->($ann), [], 'nobody else does';
    my $his = $admin->get('/im/notice/list', { kind => 'NOTICE' })->must->{records}[0]{id};
    my %bob = (noticeId => $his, userId => $bob->id, username => 'bob');
    $admin->get('/im/notice/recipient/list', { id => $his })->ok('who has not got it yet', { total => 1, records => [{ %bob, got => false, gotTime => undef }] });
    $seen->($bob);
    $admin->get('/im/notice/recipient/list', { id => $his })->ok('has it, and since when', { total => 1, records => [{ %bob, got => true, gotTime => qr/^2/ }] });
    $admin->get('/im/notice/recipient/list', { id => 9_999_999 })->refused(404, 'of a notice there is');

    $admin->post('/im/notice/template/update', { id => $template, title => '群活动' })->must;
    my $later = $admin->post('/im/notice/send', { templateId => $template, content => '周末', groupIds => [$group], sendTime => '2099-01-01 00:00:00' })->must->{id};
    is_deeply $pull->($cat), [map { +{ %$_ } } grep { $_->{title} ne '群活动' } @{ $pull->($cat) }], 'what is to be sent later is not';
    my $socket = $cat->socket;
    $im->sql("update im.notice set send_at = now() where id = $later");
    $socket->expect(SYSTEM_MESSAGE => 'NOTICE', { title => '群活动', content => '周末' }, 'but then, to the members of the group');
    $admin->post('/im/notice/cancel', { id => $later })->refused(9001, 'which cannot be taken back');
    my $never = $admin->post('/im/notice/send', { title => 'x', content => 'y', sendTime => '2099-01-01 00:00:00' })->must->{id};
    $admin->post('/im/notice/cancel', { id => $never })->ok('before that it can', undef);
    $im->sql('select im.due_notice()');
    $admin->get('/im/notice/list', { status => 3 })->ok('as the list says', { total => 1, records => [{ id => $never, sentTime => undef }] });
    $admin->post('/im/notice/template/delete', { id => $template })->ok('a template goes', undef);
    $admin->get('/im/notice/template/list')->ok('and is no more', { total => 0, records => [] });
    $seen->($_) for $ann, $bob, $cat;
    $socket->close;
};

subtest 'an account is closed by its owner' => sub {
    my $fay = $im->user('fay', email => 'fay@example.com', phone => '13800138001');
    $im->befriend($fay, $ann)->fund($fay, 10)->arm($fay);
    my $own   = $im->group($fay, $ann);
    my $alone = $fay->post('/group/create', { groupName => '独自' })->must->{id};
    my $face  = $fay->upload($samples->picture('face.jpg'), type => 'image', name => 'fay.jpg')->must->{url};
    $fay->put('/user/update', { headImage => $face, signature => 'hello' })->must;
    my $letter = $say->($fay, $ann, '再见')->must->{id};
    my ($hers, $socket) = ($fay->socket, $ann->socket);
    my $call = $fay->post('/webrtc/private/setup', { friendId => $ann->id, mode => 1 })->must->{callId};
    $ann->post('/webrtc/private/accept', { callId => $call })->must;

    $fay->post('/user/close', { password => 'wrong one' })->refused(1002, 'not without the password');
    $fay->post('/user/close', { password => $fay->password })->refused(4006, 'not with money');
    $fay->post('/user/buyVip', { duration => 10, tradePassword => $fay->trade })->must;
    my $order = $fay->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id};
    $fay->post('/user/close', { password => $fay->password })->refused(4006, 'nor while some may come');
    $admin->post('/im/recharge/reject', { id => $order })->must;
    $fay->post('/user/close', { password => $fay->password })->ok('fay goes', undef);

    $hers->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'close' }, 'her socket is told');
    ok $im->eventually(5, sub { !$hers->is_open }), 'and closed';
    $socket->expect(RTC_CALL => 'HANDUP', { callId => $call }, 'her call ends');
    $socket->expect(FRIEND_REQUEST => 'DELETE', { fromId => $fay->id }, 'her friends are told');
    $socket->expect(GROUP_MESSAGE => 'MANAGER', { groupId => $own, userId => $ann->id, role => 'OWNER' }, 'her group is theirs');
    $socket->expect(GROUP_MESSAGE => 'QUIT', { groupId => $own, memberIds => [$fay->id] }, 'without her');
    $fay->get('/user/self')->refused(401, 'her token is none');
    $fay->as(access => undef)->put('/refreshToken', { refreshToken => $fay->refresh })->refused(401, 'nor is the other');
    $fay->login->refused(1001, 'nobody has her name');
    $ann->get('/user/find/' . $fay->id)->ok('what is left is a name that is none', { nickName => '已注销用户', headImage => '', signature => '', sex => 0, username => qr/^closed-/ });
    $ann->get('/message/private/history', { friendId => $fay->id })->ok('and what she wrote', { total => 1, records => [{ id => $letter, content => '再见', senderId => $fay->id }] });
    $ann->get('/user/search', { name => $_ })->ok("she is not found by $_", []) for qw(fay 已注销用户 13800138001 fay@example.com);
    $ann->ask_file($face)->refused(404, 'her picture is gone');
    $ann->post('/friend/request/apply', { friendId => $fay->id })->refused(1001, 'nobody is her friend');
    $say->($ann, $fay)->refused(2001, 'or writes to her');
    $ann->get("/group/find/$alone")->refused(3001, 'a group of her alone is no more');
    $admin->get('/im/group/detail', { groupId => $own })->ok('ann owns the other', { ownerId => $ann->id, memberCount => 1 });
    is $im->sql("select count(*) from im.account a where a.id = @{[$fay->id]} and (a.email, a.phone, a.vip_until) is null and a.password_hash = ''"), 1, 'nothing else is kept';
    is $im->sql('select ' . join ' + ', map {"(select count(*) from im.$_ where account_id = @{[$fay->id]})"} qw(session trade_password presence friendship)), 0, 'of any kind';
    is_deeply [$im->sql(q{select admin_id, after ->> 'by' from im.audit where action = 'user.close'})], [['', 'owner']], 'the record has who, and when';
    $admin->get('/im/user/list', { status => 'closed' })->ok('the list of the closed has her', { total => 1, records => [{ id => $fay->id, status => 'closed', email => undef, phone => undef }] });
    $admin->put("/im/user/$_", { userId => $fay->id, reason => 'x' })->refused(1001, "nobody can $_ her") for qw(ban unban);
    $admin->post('/im/user/kick', { userId => $fay->id })->refused(1001, 'or log her out');

    my %again = (username => 'FAY', password => 'another-one', nickName => 'x');
    $im->secret('another-one');
    my $stranger = $im->stranger;
    $stranger->post('/register', \%again)->refused(1004, 'her name is held');
    $stranger->post('/register', { %again, username => 'fay2', phone => '13800138001' })->refused(1005, 'so is her number');
    $stranger->post('/register', { %again, username => 'fay2', email => 'Fay@example.com' })->refused(1005, 'and her address');
    $im->sql(q{update im.name_held set until = now(); select im.due_account()});
    is $im->sql('select count(*) from im.name_held'), 0, 'when the time is over nothing of them is kept';
    $stranger->post('/register', { %again, phone => '13800138001', email => 'fay@example.com' })->ok('and they are free');
    $socket->close;
};

subtest 'an account is closed by an administrator' => sub {
    $admin->post('/im/user/close', { userId => $bob->id })->refused(400, 'not without a reason', qr/reason/);
    $admin->post('/im/user/close', { userId => 9_999_999, reason => 'x' })->refused(1001, 'nobody else');
    $admin->post('/im/user/close', { userId => $bob->id, reason => '本人申请' })->ok('bob is closed', undef);
    $admin->post('/im/user/close', { userId => $bob->id, reason => 'x' })->refused(1001, 'once');
    $admin->get('/im/audit/list', { action => 'user.close', target => 'user ' . $bob->id })->ok('with who did it', { total => 1, records => [{ name => 'admin', reason => '本人申请', after => { by => 'administrator' } }] });
    $admin->get('/im/complaint/detail', { id => $complaint })->ok('the complaint about him is as it was', { targetName => 'Bob', message => { content => $face, senderName => '已注销用户' } });
    is $im->sql('select count(*) from im.audit_check()'), 0, 'the chain holds';
    is $im->sql("select count(*) from im.audit where before::text ~ '(bob|fay)' or after::text ~ '(bob|fay)'"), 0, 'and has nobody\'s name';
};

$im->end;
done_testing;
