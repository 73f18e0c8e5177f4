# webrtc: calls of two and of a group; who is told, what is kept, and what survives.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(decode_json);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
$im->befriend($ann, $bob, $cat);
my ($from, $to, $aside) = map { $_->socket } $ann, $bob, $cat;
my $uuid    = qr/^[0-9a-f-]{36}$/;
my $setup   = sub ($user, $friend, $mode = 1) { $user->post('/webrtc/private/setup', { friendId => $friend->id, mode => $mode }) };
my $act     = sub ($user, $what, $call, %more) { $user->post("/webrtc/private/$what", { callId => $call, %more }) };
my $current = sub ($user) { ($user->get('/webrtc/current')->data // {})->{callId} };

# What the newest message of a chat says: the record of a call.
my $record = sub ($user, $friend) {
    my $message = $user->get('/message/private/history', { friendId => $friend->id, size => 1 })->data->{records}[0] // {};
    return ($message->{messageType} // 0) == 8 ? decode_json($message->{content}) : $message;
};

subtest 'ann calls bob' => sub {
    my $call = $setup->($ann, $bob)->ok('ann calls', { callId => $uuid, iceServers => [] })->{callId};
    $to->expect(RTC_CALL => 'SETUP', { callId => $call, fromId => $ann->id, mode => 1, groupId => undef }, 'it rings at bob');
    $_->get('/webrtc/current')->ok('both find it', { callId => $call, state => 'ringing', callerId => $ann->id, calleeId => $bob->id, signals => [] }) for $ann, $bob;
    $act->($ann, heartbeat => $call)->ok('ann waits', undef);
    $act->($ann, offer => $call, offer => 'too early')->refused(6002, 'nothing is offered before it is accepted');
    $act->($bob, accept => $call)->ok('bob accepts', { callId => $call });
    $from->expect(RTC_CALL => 'ACCEPT', { callId => $call, fromId => $bob->id }, 'ann is told');

    $act->($bob, answer => $call, answer => 'what?')->refused(6002, 'there is nothing to answer yet');
    $act->($ann, offer => $call, offer => "v=0\r\no=ann")->ok('ann offers', undef);
    $to->expect(RTC_CALL => 'OFFER', { callId => $call, fromId => $ann->id, seq => 1, offer => "v=0\r\no=ann" }, 'bob has the offer');
    $act->($bob, answer => $call, answer => "v=0\r\no=bob")->ok('bob answers', undef);
    $from->expect(RTC_CALL => 'ANSWER', { callId => $call, fromId => $bob->id, answer => "v=0\r\no=bob" }, 'ann has the answer');
    my $candidate = { candidate => 'candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host', sdpMid => '0', sdpMLineIndex => 0 };
    $act->($ann, heartbeat => $call, candidate => $candidate)->ok('a candidate as browsers make it', undef);
    $to->expect(RTC_CALL => 'CANDIDATE', { seq => 2, candidate => $candidate }, 'arrives as it was');
    $act->($bob, heartbeat => $call, candidate => 'candidate:2')->ok('as a text', undef);
    $from->expect(RTC_CALL => 'CANDIDATE', { candidate => 'candidate:2' }, 'too');
    $aside->nothing(RTC_CALL => $_, "cat hears no $_") for qw(SETUP ACCEPT OFFER ANSWER CANDIDATE);
    $from->nothing(RTC_CALL => $_, "ann not her own $_") for qw(OFFER);
    $to->nothing(RTC_CALL => 'ANSWER', 'nor bob his answer');

    $bob->get("/webrtc/call/$call")->ok('all of it can be fetched again', {
        state => 'accepted', parties => [map { { userId => $_->id, state => 'in' } } $ann, $bob],
        signals => [{ event => 'OFFER', offer => "v=0\r\no=ann" }, { event => 'CANDIDATE', candidate => $candidate }],
    });
    $cat->get("/webrtc/call/$call")->refused(404, 'but by nobody else');
    $act->($cat, $_ => $call)->refused(404, "cat cannot $_ it") for qw(accept reject cancel handup heartbeat);
    $act->($cat, offer => $call, offer => 'mine')->refused(404, 'nor say anything in it');

    $act->($bob, handup => $call)->ok('bob hangs up', undef);
    $_->expect(RTC_CALL => 'HANDUP', { callId => $call, fromId => $bob->id }, 'both are told') for $from, $to;
    $from->expect(PRIVATE_MESSAGE => 'MESSAGE', { messageType => 8, senderId => $ann->id }, 'and have its record');
    is_deeply [@{ $record->($bob, $ann) }{qw(callId mode outcome)}], [$call, 1, 'answered'], 'which says how it went';
    $act->($ann, heartbeat => $call, candidate => 'late')->refused(6002, 'after that nothing is said');
    $act->($_, handup => $call)->refused(6002, 'nor done') for $ann, $bob;
    $_->get('/webrtc/current')->ok('nobody is in it', undef) for $ann, $bob;
    $ann->get("/webrtc/call/$call")->ok('its signals are gone', { state => 'ended', signals => [] });
};

subtest 'a candidate that is faster than its offer' => sub {
    my $call = $setup->($ann, $bob)->must->{callId};
    $act->($bob, accept => $call)->must;
    $act->($ann, heartbeat => $call, candidate => "early $_")->must for 1, 2;
    $to->nothing(RTC_CALL => 'CANDIDATE', 'waits');
    $bob->get("/webrtc/call/$call")->ok('for whoever asks, too', { signals => [] });
    $act->($ann, offer => $call, offer => 'v=0')->must;
    my @seen = map { $to->expect(RTC_CALL => $_) } qw(OFFER CANDIDATE CANDIDATE);
    is_deeply [map { $_->{offer} // $_->{candidate} } @seen], ['v=0', 'early 1', 'early 2'], 'and comes after it';
    is_deeply [map { $_->{seq} } @seen], [3, 4, 5], 'numbered so';
    $bob->get("/webrtc/call/$call")->ok('and so it is fetched', { signals => [map { { event => $_ } } qw(OFFER CANDIDATE CANDIDATE)] });
    my $long = "v=0\r\n" . 'a=rtpmap:96 VP8/90000 ' x 2600;
    $act->($ann, offer => $call, offer => $long)->ok('an offer of ' . length($long) . ' bytes');
    is $to->expect(RTC_CALL => 'OFFER')->{offer}, $long, 'arrives whole';
    $act->($ann, heartbeat => $call, candidate => 'x' x 2047)->refused(400, 'a candidate is short', qr/candidate/);
    $act->($ann, heartbeat => $call, candidate => 7)->refused(400, 'and an object or a text', qr/candidate/);
    $act->($ann, handup => $call)->must;
};

# Case 4 of the peers' reports.
subtest 'how calls end' => sub {
    my $ring = sub ($who, $whom) { $setup->($who, $whom, 2)->must->{callId} };
    my $call = $ring->($ann, $bob);
    $act->($bob, cancel => $call)->refused(6002, 'bob cannot cancel');
    $act->($_, handup => $call)->refused(6002, 'nor is there anything to hang up') for $ann, $bob;
    $act->($ann, accept => $call)->refused(6002, 'ann cannot accept her own');
    $act->($ann, reject => $call)->refused(6002, 'nor reject it');
    $act->($ann, cancel => $call)->ok('ann gives up', undef);
    $to->expect(RTC_CALL => 'CANCEL', { callId => $call, fromId => $ann->id }, 'bob is told');
    is_deeply $record->($bob, $ann), { callId => $call, mode => 2, outcome => 'cancelled', duration => undef }, 'cancelled';
    $act->($bob, accept => $call)->refused(6002, 'too late to accept');

    $call = $ring->($ann, $bob);
    $act->($bob, reject => $call, reason => '在开会')->ok('bob declines', undef);
    $from->expect(RTC_CALL => 'REJECT', { callId => $call, reason => '在开会' }, 'ann is told why');
    is_deeply $record->($ann, $bob), { callId => $call, mode => 2, outcome => 'rejected', duration => undef }, 'rejected';
    $act->($ann, cancel => $call)->refused(6002, 'too late to cancel');

    $call = $ring->($ann, $bob);
    $im->sql("update im.call set created_at = created_at - interval '31 seconds' where id = '$call'");
    $_->expect(RTC_CALL => 'TIMEOUT', { callId => $call }, 'nobody answers') for $from, $to;
    is_deeply $record->($ann, $bob), { callId => $call, mode => 2, outcome => 'missed', duration => undef }, 'missed';
    $act->($bob, accept => $call)->refused(6002, 'bob comes too late');

    $call = $ring->($ann, $bob);
    $act->($bob, accept => $call)->must;
    $im->sql("update im.call set accepted_at = accepted_at - interval '61 minutes' where id = '$call'");
    $act->($ann, handup => $call)->must;
    is $record->($ann, $bob)->{duration}, 3660, 'an hour and a minute are 3660 seconds';
};

subtest 'who may call whom' => sub {
    $setup->($ann, $ann)->refused(400, 'nobody calls herself', qr/friendId/);
    $setup->($ann, $dan)->refused(2001, 'nor strangers');
    $ann->post('/webrtc/private/setup', { friendId => 99999, mode => 1 })->refused(2001, 'nor nobody');
    $setup->($ann, $bob, 3)->refused(400, 'there are two modes', qr/mode/);
    $act->($ann, accept => 'x')->refused(400, 'a call has a UUID', qr/callId/);
    $bob->post('/blacklist/add', { targetId => $ann->id })->must;
    $setup->(@$_)->refused(2003, 'nor across a block') for [$ann, $bob], [$bob, $ann];
    $bob->delete('/blacklist/remove/' . $ann->id)->must;

    my $call = $setup->($ann, $bob)->must->{callId};
    $im->befriend($bob, $cat);
    $setup->($cat, $ann)->refused(6001, 'ann is busy');
    $setup->($cat, $bob)->refused(6001, 'so is bob, at whom it rings');
    $setup->($ann, $cat)->refused(6001, 'and ann calls no second one');
    $act->($bob, accept => $call)->must;
    $setup->($bob, $cat)->refused(6001, 'nor bob, who talks');
    $bob->post('/blacklist/add', { targetId => $ann->id })->must;
    $_->expect(RTC_CALL => 'HANDUP', { callId => $call }, 'a block ends a call') for $from, $to;
    $bob->delete('/blacklist/remove/' . $ann->id)->must;

    my $other = $setup->($ann, $bob)->must->{callId};
    $im->sql("select im.account_ban(@{[$bob->id]}, null, 'spam')");
    $from->expect(RTC_CALL => 'CANCEL', { callId => $other }, 'so does a ban');
    $setup->($ann, $bob)->refused(6001, 'who is banned is not reachable');
    $im->sql("select im.account_unban(@{[$bob->id]})");
    $bob->login->must;
    $to = $bob->socket;
};

# Case 1.
subtest 'crossing' => sub {
    for my $taker ($ann, $bob) {
        my @answers = $im->together(map { $_->[0]->post_p('/webrtc/private/setup', { friendId => $_->[1]->id, mode => 1 }) } [$ann, $bob], [$bob, $ann]);
        my ($one, $two) = map { $_->ok('both call at once')->{callId} } @answers;
        is $one, $two, 'it is one call';
        my ($told) = grep { $_->take(RTC_CALL => 'SETUP', { callId => $one }) } $from, $to;
        ok $told, 'at both it rings';
        $act->($taker, accept => $one)->ok('either accepts', { callId => $one });
        $act->($taker, accept => $one)->refused(6002, 'once');
        $_->expect(RTC_CALL => 'ACCEPT', { callId => $one }, 'both know') for $from, $to;
        $act->($ann, offer => $one, offer => 'v=0')->ok('and talk');
        $act->($bob, handup => $one)->ok('and end');
        is $im->sql("select count(*) from im.call_party where state in ('ringing', 'in')"), 0, 'nobody is busy afterwards';
        $_->frames([]) for $from, $to;
    }
    my $call = $setup->($ann, $bob)->must->{callId};
    $setup->($bob, $ann)->ok('calling back who calls is crossing', { callId => $call });
    $from->expect(RTC_CALL => 'SETUP', { callId => $call, fromId => $bob->id }, 'ann is told');
    $act->($ann, reject => $call)->ok('now she may reject, too');
};

# Case 2.
subtest 'three sockets' => sub {
    my @bobs = map { $bob->socket } 1 .. 3;
    my $call = $setup->($ann, $bob)->must->{callId};
    $_->expect(RTC_CALL => 'SETUP', { callId => $call }, 'it rings at each') for @bobs;
    $act->($bob, accept => $call)->must;
    $_->expect(RTC_CALL => 'ACCEPT', { callId => $call, fromId => $bob->id }, 'each is told that it was taken') for @bobs;
    $act->($bob, $_ => $call)->refused(6002, "a $_ that comes later is refused") for qw(reject cancel);
    $ann->get("/webrtc/call/$call")->ok('and the call goes on', { state => 'accepted' });
    $act->($ann, handup => $call)->must;
    $_->expect(RTC_CALL => 'HANDUP', { callId => $call }, 'each is told that it is over') for @bobs;
    $_->close for @bobs;
};

subtest 'somebody vanishes' => sub {
    my $call = $setup->($ann, $bob)->must->{callId};
    $act->($bob, accept => $call)->must;
    $im->sql("update im.call_seen set seen_at = now() - interval '59 seconds' where call_id = '$call'");
    $act->($_, heartbeat => $call)->ok('a heartbeat says that one is there') for $ann, $bob;
    $im->sql("update im.call_seen set seen_at = now() - interval '61 seconds' where call_id = '$call' and account_id = @{[$bob->id]}");
    $from->expect(RTC_CALL => 'HANDUP', { callId => $call, fromId => $bob->id }, 'who has not been seen for a minute has left');
    is $record->($ann, $bob)->{outcome}, 'answered', 'the call is recorded';

    # A heartbeat that is being noted while the clerk looks: its transaction stays open for a while.
    $call = $setup->($ann, $bob)->must->{callId};
    $act->($bob, accept => $call)->must;
    my $noting = $im->background_sql("begin; update im.call_seen set seen_at = now() + interval '1 hour' where call_id = '$call'; select 'noting', pg_sleep(1.5); commit");
    $im->eventually(5, sub { $im->sql(q{select count(*) from pg_stat_activity where query like '%noting%' and wait_event = 'PgSleep'}) });
    $im->sql(q{update im.setting set value = '0 seconds' where name = 'call.vanish'});
    waitpid $noting, 0;
    $im->eventually(5, sub { $im->sql('select im.due_webrtc()') == 0 });
    $im->sql(q{update im.setting set value = preset where name = 'call.vanish'});
    $ann->get("/webrtc/call/$call")->ok('nobody is gone whose heartbeat comes just then', { state => 'accepted' });
    $act->($ann, handup => $call)->must;
};

subtest 'a group calls' => sub {
    my ($eve, $fay) = $im->users(qw(eve fay));
    $im->befriend($ann, $eve);
    my $group = $im->group($ann, $bob, $cat, $eve);
    my ($fan, $from, $to, $aside, $eves) = map { $_->socket } $fay, $ann, $bob, $cat, $eve;
    my $group_setup = sub ($user) { $user->post('/webrtc/group/setup', { groupId => $group, mode => 2 }) };
    my $do     = sub ($user, $what, $call, %more) { $user->post("/webrtc/group/$what", { callId => $call, %more }) };
    my $people = sub { $ann->get("/group/find/$group")->data->{call}{userIds} };

    my $call = $group_setup->($ann)->ok('ann calls the group', { callId => $uuid, iceServers => [] })->{callId};
    $_->expect(RTC_CALL => 'SETUP', { callId => $call, groupId => $group, fromId => $ann->id, mode => 2 }, 'every member is told') for $to, $aside, $eves;
    $group_setup->($bob)->refused(6001, 'a group has one call');
    $bob->get("/group/find/$group")->ok('members find it', { call => { callId => $call, mode => 2, userIds => [$ann->id] } });
    $fay->get("/group/find/$group")->ok('others do not', { call => undef });
    $fay->get("/webrtc/call/$call")->refused(404, 'for them there is none');
    $do->($fay, $_ => $call)->refused(404, "nor can they $_") for qw(accept reject join handup heartbeat);
    $act->($bob, $_ => $call)->refused(404, "and it is none of two people: $_") for qw(accept handup heartbeat);

    $do->($bob, accept => $call)->ok('bob comes', { callId => $call });
    $_->expect(RTC_CALL => 'JOIN', { callId => $call, fromId => $bob->id }, 'who is in it is told') for $from, $to;
    $do->($bob, $_ => $call)->refused(6002, "once, so no $_") for qw(accept join reject);
    $do->($cat, reject => $call)->ok('cat declines', undef);
    $_->expect(RTC_CALL => 'REJECT', { callId => $call, fromId => $cat->id }, 'who is in it is told, and her devices') for $from, $aside;
    $do->($cat, accept => $call)->refused(6002, 'she cannot accept then');
    $do->($cat, join => $call)->ok('but join', { callId => $call });
    $from->expect(RTC_CALL => 'JOIN', { fromId => $cat->id }, 'ann is told');
    is_deeply $people->(), [map { $_->id } $ann, $bob, $cat], 'three are in it';
    $setup->($ann, $eve)->refused(6001, 'who is in it is busy');

    $do->($cat, offer => $call, toUserId => $ann->id, offer => 'for ann')->ok('cat offers to ann', undef);
    $do->($cat, offer => $call, toUserId => $bob->id, offer => 'for bob')->ok('and to bob', undef);
    $do->($cat, candidate => $call, toUserId => $bob->id, candidate => 'to bob')->ok('with a candidate', undef);
    $from->expect(RTC_CALL => 'OFFER', { fromId => $cat->id, groupId => $group, offer => 'for ann' }, 'ann has hers');
    $to->expect(RTC_CALL => 'OFFER', { offer => 'for bob' }, 'bob his');
    $to->expect(RTC_CALL => 'CANDIDATE', { candidate => 'to bob' }, 'and the candidate');
    $do->($ann, answer => $call, toUserId => $cat->id, answer => 'yes')->ok('ann answers', undef);
    $aside->expect(RTC_CALL => 'ANSWER', { fromId => $ann->id, answer => 'yes' }, 'which cat has');
    $do->($ann, answer => $call, toUserId => $bob->id, answer => 'yes')->refused(6002, 'bob has offered nothing');
    $do->($ann, offer => $call, toUserId => $eve->id, offer => 'x')->refused(6002, 'eve is not in it');
    $do->($eve, offer => $call, toUserId => $ann->id, offer => 'x')->refused(6002, 'so she offers nothing either');
    $bob->get("/webrtc/call/$call")->ok('each fetches his own signals', { signals => [{ offer => 'for bob' }, { candidate => 'to bob' }] });
    for my $event (qw(OFFER ANSWER CANDIDATE JOIN REJECT)) {
        $eves->nothing(RTC_CALL => $event, "eve, who has not come, hears no $event");
    }
    $fan->nothing(RTC_CALL => 'SETUP', 'fay, who is no member, has heard nothing at all');

    $do->($cat, heartbeat => $call)->ok('cat is there', undef);
    $im->sql("update im.call_seen set seen_at = now() - interval '61 seconds' where call_id = '$call' and account_id = @{[$cat->id]}");
    $_->expect(RTC_CALL => 'LEAVE', { callId => $call, fromId => $cat->id }, 'until she vanishes') for $from, $to;
    $ann->delete('/group/members/remove', { groupId => $group, memberIds => [$bob->id] })->must;
    $from->expect(RTC_CALL => 'LEAVE', { callId => $call, fromId => $bob->id }, 'who is no member any more is out of it');
    $do->($bob, $_ => $call)->refused(404, "and finds no call to $_") for qw(join heartbeat);
    $bob->get('/webrtc/current')->ok('nor is he in one', undef);
    $do->($ann, handup => $call)->ok('ann is the last', undef);
    $eves->expect(RTC_CALL => 'HANDUP', { callId => $call, fromId => $ann->id }, 'with her the call is over, for all members');
    my $said = $eves->expect(GROUP_MESSAGE => 'MESSAGE', { messageType => 8, senderId => $ann->id }, 'and has its record');
    is decode_json($said->{content})->{outcome}, 'answered', 'which says that it took place';
    $ann->get("/group/find/$group")->ok('the group has none', { call => undef });
    $do->($eve, join => $call)->refused(6002, 'none comes to what is over');

    $call = $group_setup->($eve)->must->{callId};
    $do->($eve, handup => $call)->must;
    $from->expect(RTC_CALL => 'CANCEL', { callId => $call, fromId => $eve->id }, 'a call to which nobody came was cancelled');
    $call = $group_setup->($eve)->must->{callId};
    $im->sql("update im.call set created_at = created_at - interval '31 seconds' where id = '$call'");
    $from->expect(RTC_CALL => 'TIMEOUT', { callId => $call }, 'or missed');
    $call = $group_setup->($eve)->must->{callId};
    $ann->delete("/group/delete/$group")->must;
    ok $im->eventually(5, sub { !defined $current->($eve) }), 'nor does one outlive its group';
};

subtest 'nine people' => sub {
    my @people = map { $im->user("person$_") } 0 .. 9;
    $im->befriend(@people);
    my $group = $im->group(@people);
    my $call  = $people[0]->post('/webrtc/group/setup', { groupId => $group, mode => 1 })->must->{callId};
    $_->post('/webrtc/group/join', { callId => $call })->must for @people[1 .. 8];
    $people[9]->post('/webrtc/group/join', { callId => $call })->refused(6001, 'a tenth is one too many');
    $people[4]->post('/webrtc/group/handup', { callId => $call })->must;
    $people[9]->post('/webrtc/group/accept', { callId => $call })->ok('until one leaves');
    $_->post('/webrtc/group/handup', { callId => $call })->must for grep { $_ != $people[4] } @people;
    is $im->sql("select state from im.call where id = '$call'"), 'ended', 'with the last it is over';
};

$im->end;
done_testing;
