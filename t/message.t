# message: sending over HTTP, pulling what was missed, reading.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false);
use Mojo::Util qw(encode);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
$im->befriend($ann, $bob, $cat);
my $group = $im->group($ann, $bob, $cat);
my $say   = sub ($from, $to, $text, %more) {
    $from->post('/message/private/send', { receiverId => $to->id, content => $text, messageType => 1, %more });
};
my $tell = sub ($from, $text, %more) {
    $from->post('/message/group/send', { groupId => $group, content => $text, messageType => 1, %more });
};
my $pull = sub ($user, %query) { $user->get('/message/private/pullOfflineMessage', {%query}) };
my $read = sub ($user, $friend, $id) {
    $user->put('/message/private/readed', { friendId => $friend->id, maxMessageId => $id });
};
my ($first, $second);

subtest 'ann writes to bob' => sub {
    my $socket = $bob->socket;
    $first = $say->($ann, $bob, '你好', clientMsgId => 'a1')->ok('ann writes', {
        senderId => $ann->id, receiverId => $bob->id, content => '你好', messageType => 1, atUserIds => [], seq => 1,
        status => 1, isRecalled => false, clientMsgId => 'a1',
    });
    my $pushed = $socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { id => $first->{id} }, 'bob gets it at once');
    delete $pushed->{event};
    is_deeply $pushed, $first, 'with exactly the fields of the answer';
    $second = $say->($ann, $bob, '在吗', atUserIds => [$bob->id])->ok('and again', { seq => 2, atUserIds => [$bob->id], clientMsgId => undef });

    $pull->($bob)->ok('bob pulls both, oldest first', [$first, $second]);
    $pull->($bob)->ok('pulling consumes nothing', [$first, $second]);
    $pull->($bob, minId => $first->{id})->ok('an id that he has hides nothing', [$first, $second]);
    $pull->($ann)->ok("ann's own messages are not pulled by her", []);
    $pull->($cat)->ok('nor by cat', []);
};

subtest 'a retry is no second message' => sub {
    $say->($ann, $bob, '你好', clientMsgId => 'a1')->ok('the same clientMsgId gets the first answer', $first);
    $say->($bob, $ann, 'mine', clientMsgId => 'a1')->ok("bob's a1 is his own", { senderId => $bob->id, seq => 3 });
    my @twins = $im->together(map {
        $ann->post_p('/message/private/send', { receiverId => $bob->id, content => 'twice', messageType => 1, clientMsgId => 'a2' })
    } 1 .. 8);
    $_->ok('a twin is answered') for @twins;
    is_deeply $_->data, $twins[0]->data, 'alike' for @twins;
    is $im->sql(q{select count(*) from im.message where client_msg_id = 'a2'}), 1, 'and stored once';
};

subtest 'bob reads' => sub {
    my ($socket, $other) = ($ann->socket, $bob->socket);
    my $newest = $pull->($bob)->must->[-1]{id};
    $read->($bob, $ann, $first->{id})->ok('bob has read the first', undef);
    $socket->expect(PRIVATE_MESSAGE => 'READ', { maxMessageId => $first->{id}, readerId => $bob->id }, 'ann is told');
    $other->expect(PRIVATE_MESSAGE => 'READ', { maxMessageId => $first->{id} }, "as are bob's other devices");
    $pull->($bob)->ok('what is read is not pulled again', sub { $_->[0]{id} == $second->{id} });
    $say->($ann, $bob, '你好', clientMsgId => 'a1')->ok('its status is read', { id => $first->{id}, status => 3 });

    $read->($bob, $ann, $newest)->ok('he has read all');
    $pull->($bob)->ok('nothing is left', []);
    $read->($bob, $ann, $first->{id})->ok('reading an older one is no error');
    $pull->($bob)->ok('and takes nothing back', []);
    $read->($bob, $ann, 9007199254740991)->ok('reading beyond the newest means the newest');
    $say->($ann, $bob, 'later')->ok('a later message', { status => 1 });
    $pull->($bob)->ok('is not read', [{ content => 'later' }]);

    $read->($bob, $cat, 1)->refused(2001, 'strangers have nothing to read');
    $read->($bob, $ann, 0)->refused(400, 'a message has a number', qr/maxMessageId/);
    $bob->put('/message/private/readed', { maxMessageId => 1 })->refused(400, 'a friend must be named', qr/friendId/);
};

subtest 'whom one can write to' => sub {
    $say->($ann, $dan, 'hi')->refused(2001, 'not to a stranger');
    $ann->post('/message/private/send', { receiverId => 99999, content => 'hi', messageType => 1 })->refused(2001, 'not to nobody');
    $im->sql("begin; select im.pair_lock(@{[$ann->id]}, @{[$cat->id]});
        insert into im.blacklist (account_id, target_id) values (@{[$cat->id]}, @{[$ann->id]});
        select im.pair_refresh(@{[$ann->id]}, @{[$cat->id]}); commit");
    $say->($ann, $cat, 'hi')->refused(2003, 'not to who has blocked her');
    $say->($cat, $ann, 'hi')->refused(2003, 'nor the other way round');
};

subtest 'what one can write' => sub {
    for my $case (
        [content => undef, 'nothing'], [content => '', 'an empty text'], [content => 'x' x 4097, '4097 characters'], [content => 5, 'a number'],
        [messageType => 0, 'a message of type 0'], [messageType => 7, 'a red packet by hand'], [messageType => '1.0', 'half a type in quotes'],
        [receiverId => undef, 'to no one'], [receiverId => 1.5, 'to one and a half'],
        [atUserIds => [10004], 'to somebody who is not there'], [atUserIds => [-1], 'to all of two'],
        [clientMsgId => 'x' x 65, 'with a clientMsgId of 65 characters'],
    ) {
        my ($field, $value, $title) = @$case;
        $say->($ann, $bob, 'hi', $field => $value)->refused(400, "one cannot say $title", qr/\b$field\b/);
    }
    $say->($ann, $bob, $_)->refused(400, sprintf('nor what is not to be seen, U+%vX', $_), qr/content/)
        for ' ', "\n", "\x{3000}", "\x{200b}", "\x{2800}", "\x{feff}", "\x{3164}", " \x{a0}\t\x{2028}\x{e0041}";
    my $hostile = qq{"\\ </script><b>%n' ; -- \x{202e}👨‍👩‍👧 } . "\t\r\n" . 'e' . "\x{301}" x 20;
    $say->($ann, $bob, $hostile)->ok('but anything else', { content => $hostile });
    $pull->($bob)->ok('arrives as it was written', sub { $_->[-1]{content} eq $hostile });
    $say->($ann, $bob, '字' x 4096)->ok('4096 characters are not too many');
    my $send = sub ($content) { $ann->raw(POST => '/message/private/send', qq({"receiverId":@{[$bob->id]},"messageType":1,"content":"$content"})) };
    $send->('cut \ud83d')->ok('half of an emoji is read as U+FFFD', { content => "cut \x{fffd}" });
    $send->($_)->refused(400, 'what cannot be read is refused by name', qr/\bcontent\b/) for 'a\u0000b', "a\0b", "\xff", 'a\x';
};

subtest 'history, recall' => sub {
    my ($fay, $gus) = $im->users(qw(fay gus));
    $im->befriend($fay, $gus);
    my @said   = map { $say->($fay, $gus, "number $_")->must } 1 .. 5;
    my $socket = $gus->socket;
    my $past   = sub ($who, $with, %more) { $who->get('/message/private/history', { friendId => $with->id, %more }) };
    $past->($gus, $fay)->ok('the newest first', { total => 5, records => [map { { content => "number $_" } } reverse 1 .. 5] });
    $past->($gus, $fay, page => 2, size => 2)->ok('in pages', { total => 5, records => [{ content => 'number 3' }, { content => 'number 2' }] });
    $past->($gus, $dan)->refused(2001, 'not with a stranger');

    my $recall = sub ($who, $id) { $who->delete("/message/private/recall/$id") };
    $recall->($gus, $said[4]{id})->refused(403, "gus does not recall fay's words");
    $recall->($dan, $said[4]{id})->refused(404, 'dan knows nothing of them');
    $recall->($fay, $said[4]{id})->ok('fay does', undef);
    $socket->expect(PRIVATE_MESSAGE => 'RECALL', { id => $said[4]{id}, operatorId => $fay->id }, 'gus is told');
    $past->($gus, $fay, size => 1)->ok('nothing is left of it', { records => [{ id => $said[4]{id}, isRecalled => 1, content => '' }] });
    $recall->($fay, $said[4]{id})->ok('again is no harm');
    $im->sql("alter table im.message disable trigger user; update im.message set sent_at = now() - interval '121 seconds' where id = $said[3]{id};
        alter table im.message enable trigger user");
    $recall->($fay, $said[3]{id})->refused(403, 'after two minutes it is too late');

    my $max = sub ($who, $with) { $who->get('/message/private/maxReadedId', { friendId => $with->id }) };
    $max->($fay, $gus)->ok('gus has read nothing', 0);
    $read->($gus, $fay, $said[2]{id})->must;
    $max->($fay, $gus)->ok('then three', $said[2]{id});
    $fay->get('/conversation/list')->ok('the chat is on her first screen', [{ type => 'PRIVATE', targetId => $gus->id, name => 'Gus', unreadCount => 0, lastSeq => 5 }]);
    $gus->get('/conversation/list')->ok('and on his, with what he has not read', [{ targetId => $fay->id, unreadCount => 1, friendReadSeq => 0, lastIsRecalled => 1, isTop => 0 }]);
    $gus->put('/conversation/set', { conversationId => $said[0]{conversationId}, isTop => \1 })->ok('he puts it on top', undef);
    $socket->expect(PRIVATE_MESSAGE => 'SET', { conversationId => $said[0]{conversationId}, isTop => 1, isDnd => 0 }, 'as his other devices learn');
    $gus->get('/conversation/list')->ok('there it is', [{ isTop => 1, isDnd => 0 }]);
    $dan->put('/conversation/set', { conversationId => $said[0]{conversationId}, isTop => \1 })->refused(404, 'dan has no such chat');
};

subtest 'what the group said' => sub {
    my ($hal, $ian) = $im->users(qw(hal ian));
    $im->befriend($ann, $hal, $ian);
    my $club = $im->group($ann, $hal);
    my $talk = sub ($who, $text) { $who->post('/message/group/send', { groupId => $club, content => $text, messageType => 1 })->must };
    my @said = map { $talk->($ann, "word $_") } 1 .. 3;
    my $pulled = sub ($who) { $who->get('/message/group/pullOfflineMessage') };
    $pulled->($hal)->ok('hal pulls what he missed, oldest first', [map { { content => "word $_", groupId => $club } } 1 .. 3]);
    $pulled->($hal)->ok('which consumes nothing', sub { @$_ == 3 });
    $ian->post("/group/join/$club")->must;
    my $late = $talk->($hal, 'welcome');
    $pulled->($ian)->ok('who joins later sees what comes later', [{ id => $late->{id} }]);
    $ian->get('/message/group/history', { groupId => $club })->ok('in the history too, behind his coming', { total => 2, records => [{ content => 'welcome' }, { messageType => 9 }] });
    $ann->get('/message/group/history', { groupId => $club, size => 3 })->ok('ann sees all', { total => 5, records => [{ content => 'welcome' }, { messageType => 9, senderId => $ian->id }, { content => 'word 3' }] });
    $dan->get('/message/group/history', { groupId => $club })->refused(3002, 'dan nothing');

    my $readers = sub ($who, $id) { $who->get('/message/group/findReadedUsers', { messageId => $id }) };
    $readers->($ann, $said[0]{id})->ok('nobody has read her words', []);
    my $tablet = $hal->socket;
    $hal->put('/message/group/readed', { groupId => $club, maxMessageId => $said[1]{id} })->ok('hal reads two', undef);
    $tablet->expect(GROUP_MESSAGE => 'READ', { groupId => $club, maxMessageId => $said[1]{id}, readerId => $hal->id }, 'as his other devices learn');
    $readers->($ann, $said[0]{id})->ok('now he has', [{ userId => $hal->id, nickName => 'Hal' }]);
    $readers->($ann, $said[2]{id})->ok('but not the third', []);
    $readers->($dan, $said[0]{id})->refused(404, 'dan may not ask');
    $pulled->($hal)->ok('he pulls the rest', [{ content => 'word 3' }, { messageType => 9 }]);

    my $recall = sub ($who, $id) { $who->delete("/message/group/recall/$id") };
    my $socket = $hal->socket;
    $hal->put('/conversation/set', { conversationId => $late->{conversationId}, isDnd => \1 })->ok('hal wants to be left alone', undef);
    $socket->expect(GROUP_MESSAGE => 'SET', { conversationId => $late->{conversationId}, isDnd => 1 }, 'on all his devices');
    $recall->($hal, $said[0]{id})->refused(3003, "hal does not recall ann's words");
    $recall->($ann, $late->{id})->ok('the owner recalls anybody\'s', undef);
    $socket->expect(GROUP_MESSAGE => 'RECALL', { id => $late->{id}, operatorId => $ann->id }, 'hal is told');
    $ian->get('/message/group/history', { groupId => $club })->ok('nothing is left of it', { records => [{ isRecalled => 1, content => '' }, { messageType => 9 }] });
};

# As much as fits into a MiB: nobody waits while 12 are made and sent.
subtest 'a great many words' => sub {
    my ($vic, $wes) = $im->users(qw(vic wes));
    $im->befriend($vic, $wes);
    $im->sql(sprintf q{select count(im.private_append(%d, %d, repeat(case when n %% 10 > 0 then '字' else '"' end, 4096), 1, null, null))
                         from generate_series(1, 300) n}, $vic->id, $wes->id);
    my (@seqs, $last, $most);
    while (1) {
        my $answer = $pull->($wes, $last ? (minId => $last) : ());
        my $rows   = $answer->ok('a part is pulled');
        last if $rows->[-1]{id} <= ($last // 0);    # from the first again
        ($most) = sort { $b <=> $a } $most // 0, length encode('UTF-8', $answer->text);
        push @seqs, map { $_->{seq} } @$rows;
        $last = $rows->[-1]{id};
    }
    is_deeply \@seqs, [1 .. 300], 'part after part all of it comes, in its order';
    cmp_ok $most, '<=', 1 << 20, 'none has more than a MiB';
    cmp_ok $most, '>', 900_000, 'nor much less';

    my $history = sub (%query) { $wes->get('/message/private/history', { friendId => $vic->id, %query }) };
    my $page    = $history->(size => 100);
    my $rows    = $page->ok('a page of a hundred', { total => 300 })->{records};
    cmp_ok length encode('UTF-8', $page->text), '<=', 1 << 20, 'has no more either';
    ok @$rows < 100, 'and ends early: ' . @$rows;
    is_deeply [map { $_->{seq} } @$rows, @{ $history->(size => 50, page => 2)->must->{records} }[@$rows - 50 .. 49]], [reverse 201 .. 300],
        'smaller pages have the rest';
    my ($shown) = grep { $_->{targetId} == $vic->id } @{ $wes->get('/conversation/list')->must };
    is $shown->{lastContent}, '"' x 200, 'the list of conversations shows the beginning';
};

subtest 'the group' => sub {
    my @sockets = map { $_->socket } $ann, $bob, $cat;
    my $message = $tell->($bob, 'to all', clientMsgId => 'g1')->ok('bob writes to the group',
        { groupId => $group, senderId => $bob->id, content => 'to all', clientMsgId => 'g1', status => 1 });
    for (@sockets) {
        my $pushed = $_->expect(GROUP_MESSAGE => 'MESSAGE', { id => $message->{id} }, 'a member gets it');
        delete $pushed->{event};
        is_deeply $pushed, $message, 'as it was answered';
    }
    $tell->($bob, 'to all', clientMsgId => 'g1')->ok('a retry is no second message', $message);
    $tell->($ann, 'look', atUserIds => [$bob->id, $cat->id])->ok('ann names two', { atUserIds => [$bob->id, $cat->id], seq => $message->{seq} + 1 });
    $tell->($ann, 'all of you', atUserIds => [-1])->ok('the owner may name all', { atUserIds => [-1] });
    $tell->($ann, 'all of you', atUserIds => [$bob->id, -1, $cat->id])->ok('which includes whom he names besides', { atUserIds => [-1] });
    $tell->($ann, 'you', atUserIds => [$cat->id, $bob->id, $cat->id])->ok('who is named twice is named once', { atUserIds => [$cat->id, $bob->id] });
    $tell->($bob, 'all of you', atUserIds => $_)->refused(3003, 'a member may not') for [-1], [$cat->id, -1];
    $tell->($bob, 'dan', atUserIds => [$dan->id])->refused(400, 'nor name who is not there', qr/atUserIds/);
    $tell->($dan, 'hi')->refused(3002, 'who is not a member does not write');
    $tell->($ann, 'hi', groupId => 99999)->refused(3001, 'nor into no group');

    my $conversation = $message->{conversationId};
    $im->sql("update im.member set muted_until = 'infinity' where conversation_id = $conversation and account_id = " . $bob->id);
    $tell->($bob, 'hi')->refused(3006, 'a muted member is silent');
    $im->sql("update im.conversation set muted = true where id = $conversation");
    $tell->($cat, 'hi')->refused(3006, 'as are all when the group is muted');
    $cat->post('/webrtc/group/setup', { groupId => $group, mode => 1 })->refused(3006, 'who calls the group is refused by the same rule');
    my $logged = sub ($what, $code, $who, $cause) {
        my $line = qr/info \w+: refused $what $code to user ${\$who->id}: $cause\z/;
        ok $im->eventually(5, sub { $im->logs->grep($line) }), "the log says why: $cause";
    };
    $logged->('POST /message/group/send', 3006, $bob, 'the member is muted \(group_speaks:\d+\)');
    $logged->('POST /message/group/send', 3006, $cat, 'the group is muted \(group_speaks:\d+\)');
    $logged->('POST /webrtc/group/setup', 3006, $cat, 'the group is muted \(group_speaks:\d+\)');
    $logged->('POST /message/group/send', 3002, $dan, 'who writes is not in the group \(group_speaks:\d+\)');
    $logged->('POST /message/group/send', 400, $bob, 'who is mentioned is not in the group \(group_at_check:\d+\)');
    $tell->($ann, 'hi')->ok('but the owner');
    $im->sql("update im.conversation set closed = 'banned' where id = $conversation");
    $tell->($ann, 'hi')->refused(3004, 'a banned group is silent');
    $im->sql("update im.conversation set closed = 'dissolved' where id = $conversation");
    $tell->($ann, 'hi')->refused(3001, 'a dissolved one is no more');
};

subtest 'order' => sub {
    my @seqs = map { $_->[0] } $im->sql("select seq from im.message where conversation_id = $first->{conversationId} order by id");
    is_deeply \@seqs, [1 .. @seqs], 'seq has no holes and rises with id';
};

# More than a piece, with Chinese across their ends: t/unit/list.c has the rest.
subtest 'a list that is long' => sub {
    $im->sql(qq{select count(im.private_append(@{[$ann->id]}, @{[$bob->id]}, repeat('字', 4000) || n, 1, null, 'long ' || n)) from generate_series(1, 100) n});
    my $middle = $im->sql(q{select id from im.message where client_msg_id = 'long 50'});
    my $around = $im->admin->get('/im/message/around', { id => $middle, size => 100 })->ok('100 messages of 4,000 characters');
    is_deeply [map { $_->{content} =~ /\A字{4000}(\d+)\z/ } @$around], [1 .. 100], 'are answered whole, in their order';
};

$im->end;
done_testing;
