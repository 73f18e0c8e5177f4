# sync: what one device has got, said, read, set or taken back reaches the others; and a repeated request is one.
#
# The model: three devices of one account are connected and lost at random while people write, read, take back, come and go,
# and while the program that answers is killed; in the end all three show the same, and it is the truth.  IM_LONG=1 does
# more of it.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(encode);
use IM::Device;
use IM::Stack;
use Mojo::JSON qw(decode_json);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
$im->befriend($ann, $bob, $cat, $dan);
my $say = sub ($from, $to, $text, %headers) {
    $from->post('/message/private/send', { receiverId => $to->id, content => $text, messageType => 1 }, %headers);
};

# What ran while it asked, such as a job of the clerk, may be told once more.
my $quiet = sub ($device) { $im->eventually(10, sub { $device->sync; !$device->news }) };

subtest 'a second device' => sub {
    my ($phone, $desktop) = map { IM::Device->new(user => $ann)->sync } 1 .. 2;
    is $desktop->told, 0, 'they begin with what there is: nothing was said';
    $desktop->connect;
    ok $quiet->($desktop), 'and nothing is new';
    $desktop->lose;

    my @said = map { $say->($bob, $ann, "number $_")->must } 1 .. 3;
    $phone->connect->sync;
    $phone->socket->send(HEARTBEAT => { received => [[$said[0]{conversationId}, 3]] })->expect(HEARTBEAT => 'HEARTBEAT', {}, 'the phone acknowledges three messages');
    $ann->get('/message/private/pullOfflineMessage')->ok('nothing is left to pull', []);
    my $mine = $say->($ann, $bob, 'from the phone')->must;
    $bob->delete("/message/private/recall/$said[1]{id}")->must;
    $phone->hear;
    $phone->sync;

    $desktop->connect;
    is $desktop->news, 1, 'the desktop comes, and learns that there is something';
    $desktop->sync;
    like $desktop->shown, qr/number 1 .*number 3 .*from the phone/s, 'what it missed, and what was said on the phone';
    unlike $desktop->shown, qr/number 2/, 'but not what was taken back';
    is $desktop->shown, $phone->shown, 'both show the same';
    ok $quiet->($desktop), 'then there is nothing more';

    $ann->delete("/message/private/recall/$mine->{id}")->must;
    $ann->put('/conversation/set', { conversationId => $mine->{conversationId}, isTop => \1 })->must;
    $bob->put('/message/private/readed', { friendId => $ann->id })->must;
    $_->sync for $phone, $desktop;
    is $desktop->shown, $phone->shown, 'a recall after it was seen, a setting and what the friend has read';
    like $desktop->shown, qr/"friendReadSeq",4\].*"isTop",true\]/, 'are there';
    ok $quiet->($desktop), 'then, again, nothing is new';
    $ann->post('/message/sync', { since => $desktop->since })->ok('and no list is told', { conversations => [], messages => [], gone => [], groups => [], lists => [], more => 0 });
    $desktop->lose;
    $phone->lose;
};

subtest 'a list in pages' => sub {
    my $all = $ann->get('/conversation/list')->must;
    is @$all, 3, 'all conversations without page and size';
    $ann->get('/conversation/list', { page => 1, size => 2 })->ok('a page', [@$all[0, 1]]);
    $ann->get('/conversation/list', { page => 2, size => 2 })->ok('the next', [$all->[2]]);
    my $since = IM::Device->new(user => $ann)->sync->since;
    $say->($dan, $ann, 'hi')->must;
    $ann->get('/conversation/list', { changedSince => $since })->ok('what has changed since', [{ targetId => $dan->id }]);
    for my $list ('/friend/list', '/group/list') {
        $im->group($ann) for 1 .. 3;
        my $whole = $ann->get($list)->must;
        cmp_ok @$whole, '>=', 3, "$list without page and size";
        is_deeply [map { @{ $ann->get($list, { page => $_, size => 2 })->must } } 1 .. 1 + @$whole / 2], $whole, 'is all of its pages';
        $ann->get($list, { page => 'x' })->refused(400, 'a page is a number', qr/page/);
    }
    $ann->get('/conversation/list', { changedSince => 'x' })->refused(400, 'since is as it was told', qr/changedSince/);
};

subtest 'what is set on one device' => sub {
    my ($mine, $bobs) = map { $_->socket } $ann, $bob;
    $ann->put('/user/update', { nickName => 'Annette' })->must;
    $_->expect(FRIEND_REQUEST => 'PROFILE', { userId => $ann->id, nickName => 'Annette' }, 'a new name is told to friends and to oneself') for $mine, $bobs;
    $ann->put('/friend/remark', { friendId => $bob->id, remark => 'Bobby' })->must;
    $mine->expect(FRIEND_REQUEST => 'REMARK', { friendId => $bob->id, remark => 'Bobby' }, 'a remark to oneself');
    $ann->post('/blacklist/add', { targetId => $dan->id })->must;
    $mine->expect(FRIEND_REQUEST => 'BLOCK', { targetId => $dan->id }, 'a block');
    $ann->delete('/blacklist/remove/' . $dan->id)->must;
    $mine->expect(FRIEND_REQUEST => 'UNBLOCK', { targetId => $dan->id }, 'and its end');
    $im->sql("select im.notice_tell(null, array[@{[$ann->id]}], 'NOTICE', 'hi', 'hi')");
    $ann->put('/message/system/readed')->must;
    $mine->expect(SYSTEM_MESSAGE => 'READ', { maxSeq => qr/^\d+$/ }, 'notices that are read');
    $im->arm($ann);
    $mine->expect(SYSTEM_MESSAGE => 'SELF', { hasTradePassword => 1 }, 'that there is a trade password');
    $im->fund($ann, 1000);
    $ann->post('/user/buyVip', { duration => 30, tradePassword => $ann->trade })->must;
    $mine->expect(SYSTEM_MESSAGE => 'WALLET', { action => 'VIP_BOUGHT' }, 'what is bought');
    $ann->post('/user/withdraw', { amount => 10, toAddress => '0x' . '0' x 40, tradePassword => $ann->trade })->must;
    $mine->expect(SYSTEM_MESSAGE => 'WALLET', { action => 'WITHDRAW_REQUESTED', amount => 10 }, 'what is asked for');
    $ann->post('/redPackage/send', { receiverType => 2, receiverId => $bob->id, totalAmount => 3, totalCount => 1, redPacketType => 2, tradePassword => $ann->trade })->must;
    $mine->expect(SYSTEM_MESSAGE => 'WALLET', { action => 'REDPACKET_SENT', amount => 3 }, 'and what is given away');
    $bobs->expect(PRIVATE_MESSAGE => 'MESSAGE', { messageType => 7 }, 'which bob gets');
    is_deeply [grep { ($_->{data}{event} // '') =~ /REMARK|BLOCK|READ|SELF|WALLET/ } @{ $bobs->frames }], [], 'and nothing else';
    $_->close for $mine, $bobs;
};

subtest 'notes to oneself' => sub {
    my ($eve) = $im->users('memo');
    my ($phone, $desktop) = map { IM::Device->new(user => $eve)->sync } 1 .. 2;
    $phone->connect;
    my $note = $say->($eve, $eve, 'milk')->ok('one writes to oneself', { senderId => $eve->id, receiverId => $eve->id, seq => 1 });
    $phone->socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { content => 'milk' }, 'and hears it on the other device');
    is $phone->socket->heartbeat->{pending}, 0, 'where nothing is pending';
    $desktop->sync;
    like $desktop->shown, qr/milk/, 'one that comes later has it';
    $eve->get('/conversation/list')->ok('a conversation with oneself', [{ type => 'PRIVATE', targetId => $eve->id, unreadCount => 0, lastContent => 'milk' }]);
    $eve->get('/message/private/history', { friendId => $eve->id })->ok('has a history', { total => 1 });
    $say->($eve, $eve, 'eggs', 'Idempotency-Key' => 'note')->ok('noted') for 1 .. 2;
    $eve->get('/message/private/history', { friendId => $eve->id })->ok('once is once', { total => 2 });
    $eve->delete("/message/private/recall/$note->{id}")->ok('a note is taken back', undef);
    $eve->put('/message/private/readed', { friendId => $eve->id })->ok('or read', undef);
    $im->arm($eve)->fund($eve, 10);
    $eve->post('/redPackage/send', { receiverType => 2, receiverId => $eve->id, totalAmount => 1, totalCount => 1, redPacketType => 2, tradePassword => $eve->trade })->refused(400, 'but nobody gives himself a packet', qr/receiverId/);
    $eve->post('/webrtc/private/setup', { friendId => $eve->id, mode => 2 })->refused(400, 'or calls himself', qr/friendId/);
    $phone->lose;
};

subtest 'who came and left' => sub {
    $im->befriend($bob, $cat, $dan);
    my $club = $im->group($bob, $cat);
    my $socket = $cat->socket;
    $ann->post("/group/join/$club")->must;
    $socket->expect(GROUP_MESSAGE => 'JOIN', { memberIds => [$ann->id] }, 'who joins is told');
    my $note = $socket->expect(GROUP_MESSAGE => 'MESSAGE', { senderId => $ann->id, messageType => 9, seq => 1 }, 'and kept');
    $bob->post('/group/invite', { groupId => $club, memberIds => [$dan->id] })->must;
    $bob->delete('/group/members/remove', { groupId => $club, memberIds => [$dan->id] })->must;
    $ann->delete("/group/quit/$club")->must;
    my $past = sub ($who) { [map { [$_->{messageType}, decode_json(encode('UTF-8', $_->{content}))] } @{ $who->get('/message/group/history', { groupId => $club })->must->{records} }] };
    is_deeply $past->($cat), [
        [9, { event => 'QUIT', operatorId => $ann->id, memberIds => [$ann->id] }], [9, { event => 'REMOVE', operatorId => $bob->id, memberIds => [$dan->id] }],
        [9, { event => 'JOIN', operatorId => $bob->id, memberIds => [$dan->id] }], [9, { event => 'JOIN', operatorId => $ann->id, memberIds => [$ann->id] }],
    ], 'the history says who came, left, and by whom';
    my ($row) = grep { ($_->{targetId} // 0) == $club } @{ $cat->get('/conversation/list')->must };
    is "$row->{lastSeq} $row->{unreadCount}", '4 0', 'which is nothing unread';
    is_deeply [map { $_->{unreadCount} } grep { $_->{id} == $club } @{ $cat->get('/group/list')->must }], [0], 'nor in the list of groups';
    $ann->post("/group/join/$club")->must;
    is_deeply [map { $_->[1]{event} } @{ $past->($ann) }], ['JOIN'], 'who comes sees that and nothing before';
    my ($id) = map { $_->{id} } @{ $ann->get('/message/group/history', { groupId => $club })->must->{records} };
    $bob->delete("/message/group/recall/$id")->refused(403, 'nobody takes it back');
    for (1 .. 3) {
        $ann->delete("/group/quit/$club")->must;
        $ann->post("/group/join/$club")->must;
    }
    is $im->sql("select count(*) from im.message m join im.conversation c on c.id = m.conversation_id where c.group_id = $club and m.sender_id = @{[$ann->id]}"), 4, 'who comes and goes again and again fills no history';
    $socket->close;
};

subtest 'mentioned, hidden, found' => sub {
    my $group = $im->group($bob, $ann);
    my $tell  = sub ($who, $text, %more) { $who->post('/message/group/send', { groupId => $group, content => $text, messageType => 1, %more })->must };
    my $place = $tell->($bob, 'nothing')->{conversationId};
    my $row   = sub { (grep { $_->{conversationId} == $place } @{ $ann->get('/conversation/list')->must })[0] };
    ok !$row->()->{isMentioned}, 'ann is not mentioned';
    $tell->($bob, 'ann?', atUserIds => [$ann->id]);
    ok $row->()->{isMentioned}, 'then she is';
    $ann->put('/message/group/readed', { groupId => $group })->must;
    ok !$row->()->{isMentioned}, 'until she has read it';
    $tell->($bob, 'all?', atUserIds => [-1]);
    ok $row->()->{isMentioned}, 'all of them are';

    $ann->put('/conversation/set', { conversationId => $place, isHidden => \1 })->ok('she hides the group', undef);
    ok !$row->(), 'it is not listed';
    $tell->($bob, '再见，朋友们');
    ok $row->(), 'until its next message';

    my $past = sub (%query) { [map { $_->{seq} } @{ $ann->get('/message/group/history', { groupId => $group, size => 2, %query })->must->{records} }] };
    is_deeply $past->(beforeSeq => 3), [2, 1], 'history before a message';
    $tell->($bob, 'more');
    is_deeply $past->(beforeSeq => 3), [2, 1], 'stays what it is';
    is_deeply $past->(beforeSeq => 5, page => 2), [2, 1], 'page by page';
    is_deeply $past->(afterSeq => 1), [3, 2], 'and after one';
    is_deeply $past->(afterSeq => 1, page => 2), [5, 4], 'upwards';
    is_deeply $past->(afterSeq => 5), [], 'to the end';

    my $find = sub ($who, $text, %more) { [map { $_->{content} } @{ $who->get('/message/search', { text => $text, %more })->must }] };
    ok $im->eventually(20, sub { @{ $find->($ann, '朋友') } }), 'a word is found';
    is_deeply $find->($ann, '朋友'), ['再见，朋友们'], 'in what was said';
    is_deeply $find->($ann, '再见朋友', conversationId => $place), ['再见，朋友们'], 'whatever stands between';
    is_deeply $find->($dan, '朋友'), [], 'not by who cannot see it';
    $ann->get('/message/search', { text => '朋' })->refused(400, 'one letter is not enough', qr/text/);

    my $socket = $ann->socket;
    $ann->post('/group/transfer', { groupId => $group, userId => $ann->id })->refused(3003, 'ann does not take the group');
    $bob->post('/group/transfer', { groupId => $group, userId => $dan->id })->refused(3002, 'who is not in it does not get it');
    $bob->post('/group/transfer', { groupId => $group, userId => $ann->id })->ok('bob hands it to her', undef);
    $socket->expect(GROUP_MESSAGE => 'MANAGER', { userId => $ann->id, role => 'OWNER', operatorId => $bob->id }, 'everybody is told');
    $bob->get("/group/find/$group")->ok('it is hers', { ownerId => $ann->id });
    $bob->post('/group/transfer', { groupId => $group, userId => $ann->id })->refused(3003, 'and bob has no say any more');
    $bob->delete("/group/quit/$group")->ok('he may leave');
    $socket->close;

    my ($eve) = $im->users('eve');
    $eve->post('/friend/request/apply', { friendId => $ann->id, applyInfo => 'hi' })->must;
    my ($eves, $anns) = map { $_->socket } $eve, $ann;
    $eve->post('/friend/request/apply', { friendId => $ann->id, applyInfo => 'it is Eve' })->must;
    $eves->expect(FRIEND_REQUEST => 'APPLY', { applyInfo => 'it is Eve' }, 'what is said anew is told to devices of who says it');
    is_deeply [grep { ($_->{data}{event} // '') eq 'APPLY' } @{ $anns->frames }], [], 'and does not ring again';
    $_->close for $eves, $anns;
    $ann->get('/friend/request/list')->ok('who asks again says it anew', sub { grep { $_->{applyInfo} eq 'it is Eve' } @$_ });
};

subtest 'Idempotency-Key' => sub {
    my @key = ('Idempotency-Key' => 'one');
    my $first = $say->($ann, $bob, 'once', @key)->ok('a message with a key', { content => 'once' });
    $say->($ann, $bob, 'once', @key)->ok('the same again is the same message', $first);
    $say->($ann, $bob, 'twice', @key)->refused(400, 'another with that key is refused', qr/Idempotency-Key/);
    is $im->sql(q{select count(*) from im.message where content = 'once'}), 1, 'it is stored once';
    my $make = sub (%headers) { $ann->post('/group/create', { groupName => 'Once', memberIds => [$bob->id] }, %headers) };
    my $group = $make->('Idempotency-Key' => 'two')->ok('a group with a key');
    $make->('Idempotency-Key' => 'two')->ok('is one group', $group);
    is $im->sql(q{select count(*) from im.chat_group where group_name = 'Once'}), 1, 'for good';
    my @twins = $im->together(map { $ann->post_p('/group/create', { groupName => 'Twin' }, 'Idempotency-Key' => 'three') } 1 .. 5);
    $_->ok('a twin is answered', { id => $twins[0]->data->{id} }) for @twins;
    is $im->sql(q{select count(*) from im.chat_group where group_name = 'Twin'}), 1, 'alike, and made once';

    my $quit = sub { $bob->delete("/group/quit/$group->{id}", undef, 'Idempotency-Key' => 'four') };
    $quit->()->ok('bob leaves', undef);
    $quit->()->ok('and has left, without a refusal', undef);
    $bob->post('/group/setTopMessage/' . $group->{id}, { content => 'x' }, 'Idempotency-Key' => 'five')->refused(3002, 'a refusal');
    $bob->post("/group/join/$group->{id}")->must;
    $bob->post("/group/setTopMessage/$group->{id}", { content => 'x' }, 'Idempotency-Key' => 'five')->refused(3003, 'is tried anew');
    $bob->get('/user/self', {})->ok('whoever reads needs none');
    is $bob->raw(GET => '/user/self', '', 'Idempotency-Key' => 'one')->code, 200, 'nor minds one';
    $say->($ann, $bob, 'x', 'Idempotency-Key' => 'a b')->refused(400, 'a key has no blank', qr/Idempotency-Key/);

    my ($old, $new) = ($ann->password, 'another pw 1');
    my $change = sub { $ann->put('/modifyPwd', { oldPassword => $old, newPassword => $new }, 'Idempotency-Key' => 'six') };
    $change->()->ok('a changed password');
    $ann->password($new);
    $ann->login;
    $change->()->ok('is changed, and not wrong', undef);
};

subtest 'three devices' => sub {
    my $steps = $ENV{IM_LONG} ? 3000 : 120;
    my $seed  = $ENV{IM_SEED} // time;
    srand $seed;
    diag "IM_SEED=$seed" if $ENV{IM_LONG};
    note "IM_SEED=$seed";
    $im->kills('message');
    $im->sql(q{update im.setting set value = case name when 'sync.page' then '3' else '4' end where name in ('sync.page', 'message.pull_limit')});
    my $club    = $im->group($bob, $cat);
    my @devices = map { IM::Device->new(user => $ann) } 1 .. 3;
    my @sent;
    my $n    = 0;
    my $any  = sub (@of) { $of[rand @of] };
    my $keep = sub ($who, $path, $fields) {
        my $answer = $who->post($path, $fields, 'Idempotency-Key' => "step-$seed-" . ++$n);
        push @sent, [$who, $path =~ /group/ ? 'group' : 'private', $answer->data->{id}] if $answer->code eq 200;
    };
    my $friend = sub { $any->($bob, $cat, $dan) };
    my @things = (
        (sub { my $f = $friend->(); $keep->($ann, '/message/private/send', { receiverId => $f->id, content => "mine $n", messageType => 1 }) }) x 3,
        (sub { my $f = $friend->(); $keep->($f, '/message/private/send', { receiverId => $ann->id, content => "theirs $n", messageType => 1 }) }) x 3,
        (sub { $keep->($any->($ann, $bob, $cat), '/message/group/send', { groupId => $club, content => "all $n", messageType => 1 }) }) x 3,
        (sub { my $last = $any->(@sent) // return; $last->[0]->delete("/message/$last->[1]/recall/$last->[2]") }) x 2,
        sub { $ann->put('/message/private/readed', { friendId => $friend->()->id }) },
        sub { $friend->()->put('/message/private/readed', { friendId => $ann->id }) },
        sub { $ann->put('/message/group/readed', { groupId => $club }) },
        sub { my $one = $any->(values %{ $devices[0]->conversations }) // return; $ann->put('/conversation/set', { conversationId => $one->{conversationId}, isTop => $any->(\0, \1), isDnd => $any->(\0, \1) }) },
        sub { $ann->post("/group/join/$club") }, sub { $ann->delete("/group/quit/$club") },
        sub { $bob->put('/group/modify', { groupId => $club, groupName => 'Name ' . $n++ }) },
        sub { $ann->put('/friend/remark', { friendId => $friend->()->id, remark => 'Remark ' . $n++ }) },
        (sub { my $device = $any->(@devices); $device->socket ? $device->lose : $device->connect }) x 3,
        (sub { $any->(@devices)->hear }) x 3, (sub { $any->(@devices)->ask }) x 5,
        sub { kill KILL => $im->parts->pids('message', 'message'); },
    );
    my $crash = $#things;
    my $kills = 0;
    for my $step (1 .. $steps) {
        my $at = int rand @things;
        $at = int rand $crash if $at == $crash && $kills++ >= $steps / 40;
        $things[$at]->();
    }
    ok $im->eventually(20, sub { $ann->get('/conversation/list')->code eq 200 }), 'message is there';
    $_->hear for @devices;
    $_->sync for @devices;
    is $devices[1]->shown, $devices[0]->shown, 'the second shows what the first does' or diag "IM_SEED=$seed";
    is $devices[2]->shown, $devices[0]->shown, 'and so does the third' or diag "IM_SEED=$seed";
    is $devices[0]->shown, IM::Device->new(user => $ann)->sync->shown, 'which is what a new one would show' or diag "IM_SEED=$seed";
    my $rows = $ann->get('/conversation/list')->must;
    is_deeply [map { $devices[0]->conversations->{ $_->{conversationId} } } @$rows], $rows, 'and the list of conversations says';
    for my $row (grep { $_->{lastSeq} } @$rows) {
        my %told = map { ($_ => scalar $im->sql("select count(*) from im.message where conversation_id = $row->{conversationId} and seq > $row->{$_}"
            . ($_ eq 'readSeq' ? " and sender_id <> @{[$ann->id]} and recalled_at is null and message_type <> 9" : ''))) } qw(joinedSeq readSeq);
        is keys %{ $devices[0]->messages->{ $row->{conversationId} } // {} }, $told{joinedSeq}, "all $told{joinedSeq} messages of $row->{name}";
        is $row->{unreadCount}, $told{readSeq}, "of which $told{readSeq} are not read";
    }
    $_->lose for @devices;
};

$im->end;
done_testing;
