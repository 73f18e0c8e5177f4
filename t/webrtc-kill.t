# webrtc-kill: calls survive whatever is killed under them, nine people at once are not too many, and a credential is the
# one that a TURN server expects.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha1_base64);
use IM::Stack;
use Mojo::File qw(path);
use Test::More;
use Time::HiRes qw(time);

my @TURN = ('turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349');
my $im   = IM::Stack->new(IM_RATE_LIMIT => 'on', IM_STUN => 'stun:stun.example.org:3478', IM_TURN => "@TURN", IM_TURN_TTL => 300);
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $setup = sub { $ann->post('/webrtc/private/setup', { friendId => $bob->id, mode => 1 }) };
my $act   = sub ($user, $what, $call, %more) { $user->post("/webrtc/private/$what", { callId => $call, %more }) };
my $back  = sub { $im->eventually(10, sub { $ann->get('/webrtc/current')->code eq 200 }) };

# Case 3, as far as it is ours.
subtest 'credentials' => sub {
    my $secret = path($im->state, 'secret/turn-secret')->slurp =~ s/\s+\z//r;
    is_deeply [map { $_->dirname->basename } grep { $_->basename eq 'IM_TURN_SECRET' } path($im->state, 'secret')->list_tree->each], ['webrtc'],
        'no other program has the secret';
    my $now = int time;
    my $call = $setup->()->must;
    my @lists = map { $_->{iceServers} } $call, $act->($bob, accept => $call->{callId})->must, map { $_->get('/webrtc/config')->must } $ann, $bob;
    $im->secret(map { $_->[1]{credential} } @lists);
    for my $list (@lists) {
        is_deeply $list->[0], { urls => ['stun:stun.example.org:3478'] }, 'a STUN server needs none';
        is_deeply $list->[1]{urls}, \@TURN, 'TURN servers do';
        my ($ends, $who) = split /:/, $list->[1]{username};
        cmp_ok $ends - $now, '>=', 300, 'it ends after IM_TURN_TTL';
        cmp_ok $ends - $now, '<=', 320, 'and not much later';
        my $own = hmac_sha1_base64($list->[1]{username}, $secret);
        is $list->[1]{credential}, $own . '=' x (-length($own) % 4), 'it is the HMAC-SHA1 of its name';
    }
    is_deeply [map { $_->[1]{username} =~ s/.*://r } @lists], [$ann->id, $bob->id, $ann->id, $bob->id], 'and each account has its own';
    $act->($ann, handup => $call->{callId})->must;
};

subtest 'the program dies in a call' => sub {
    my ($from, $to) = map { $_->socket } $ann, $bob;
    my $call = $setup->()->must->{callId};
    $to->expect(RTC_CALL => 'SETUP', { callId => $call }, 'it rings');
    kill KILL => $im->parts->pids('webrtc', 'webrtc');
    ok $back->(), 'the program is killed and comes back';
    $act->($bob, accept => $call)->ok('bob accepts all the same', { callId => $call });
    $from->expect(RTC_CALL => 'ACCEPT', { callId => $call }, 'ann is told');

    path($im->state, 'secret/webrtc/IM_FAULT')->open('>')->print("publish\n");
    $im->parts->sv('webrtc', 'restart');
    ok $back->(), 'now it dies whenever it publishes';
    $act->($ann, offer => $call, offer => 'v=0');
    $to->expect(RTC_CALL => 'OFFER', { offer => 'v=0' }, 'the offer comes, from the outbox');
    ok $back->(), 'it is back';
    $act->($bob, answer => $call, answer => 'v=1');
    $from->expect(RTC_CALL => 'ANSWER', { answer => 'v=1' }, 'and the answer');
    path($im->state, 'secret/webrtc/IM_FAULT')->remove;
    $im->parts->sv('webrtc', 'restart');
    ok $back->(), 'it is well again';
    $act->($_, heartbeat => $call)->ok('the call goes on') for $ann, $bob;

    $im->parts->sv('push', 'down');
    $act->($ann, heartbeat => $call, candidate => "c$_")->ok('a candidate that cannot be pushed is taken') for 1 .. 3;
    $bob->get("/webrtc/call/$call")->ok('and fetched', { signals => [{ event => 'OFFER' }, map { { candidate => "c$_" } } 1 .. 3] });
    $im->parts->sv('push', 'up');
    my $again;
    ok $im->eventually(10, sub { ($again = $bob->socket)->is_open }), 'bob is connected again';
    $bob->get('/webrtc/current')->ok('and finds his call', { callId => $call, state => 'accepted' });
    $act->($ann, handup => $call)->ok('it ends');
    $again->expect(RTC_CALL => 'HANDUP', { callId => $call }, 'as he is told');
    $_->close for $from, $to, $again;
};

subtest 'the clerk dies' => sub {
    my $to   = $bob->socket;
    my $call = $setup->()->must->{callId};
    kill KILL => $im->parts->pids('clerk', 'imclerk');
    $im->sql("update im.call set created_at = created_at - interval '31 seconds' where id = '$call'");
    $to->deadline(15);
    $to->expect(RTC_CALL => 'TIMEOUT', { callId => $call }, 'the next one ends what has rung for too long');
    $setup->()->ok('and nobody is busy');
    $act->($ann, cancel => $bob->get('/webrtc/current')->must->{callId})->must;
};

subtest 'push and PostgreSQL die in a call' => sub {
    my $call = $setup->()->must->{callId};
    $act->($bob, accept => $call)->must;
    for (['the push instance', sub { $im->parts->pids('push', 'nginx') }], ['PostgreSQL', sub { ($im->parts->pids('postgres', 'postgres'))[0] }]) {
        my ($what, $who) = @$_;
        kill KILL => $who->();
        ok $im->eventually(30, sub { $ann->get('/webrtc/current')->data->{callId} eq $call }), "$what is killed: the call is there";
        my ($from, $to);
        ok $im->eventually(30, sub { ($from = $ann->socket)->is_open && ($to = $bob->socket)->is_open }), 'both connect again';
        ok $im->eventually(30, sub { $act->($ann, offer => $call, offer => "after $what")->code eq 200 }), 'and ann offers anew';
        $to->deadline(15);
        $to->expect(RTC_CALL => 'OFFER', { callId => $call, offer => "after $what" }, 'which bob hears');
        ok $im->eventually(30, sub { $act->($_, heartbeat => $call)->code eq 200 }), 'it goes on' for $ann, $bob;
        $_->close for $from, $to;
    }
    $bob->get('/webrtc/current')->ok('what was said before is there', { callId => $call, state => 'accepted', signals => sub ($all) { @$all >= 2 && $all->[0]{offer} eq 'after the push instance' } });
    $act->($ann, handup => $call)->ok('until it ends', undef);
};

# Each of nine offers to eight, with a dozen candidates for each, as fast as it can, behind one address.
subtest 'a mesh of nine' => sub {
    my @people = map { $im->user("person$_") } 0 .. 8;
    $im->befriend(@people);
    my $group = $im->group(@people);
    my $call  = $people[0]->post('/webrtc/group/setup', { groupId => $group, mode => 1 })->must->{callId};
    $_->post('/webrtc/group/join', { callId => $call })->must for @people[1 .. 8];
    my $sdp = "v=0\r\n" . 'a=candidate ' x 400;
    my @burst = map { my $to = $_; (['offer', toUserId => $to, offer => $sdp], map { ['candidate', toUserId => $to, candidate => "c$_"] } 1 .. 12) }
        map { $_->id } @people;
    my @answers = map {
        my $me = $_;
        $me->many(map { my ($what, %fields) = @$_; [POST => "/webrtc/group/$what", { callId => $call, %fields }] } grep { $_->[2] != $me->id } @burst);
    } @people;
    my %codes;
    $codes{ $_->code }++ for @answers;
    is_deeply \%codes, { 200 => 9 * 8 * 13 }, 'all of it is taken';
    my $signals = $people[4]->get("/webrtc/call/$call")->must->{signals};
    is scalar @$signals, 8 * 13, 'each can fetch what was for him';
    is_deeply [map { $_->{event} } @$signals[0, 1, 13, 14]], [qw(OFFER CANDIDATE OFFER CANDIDATE)], 'in the order of each sender';
    $_->post('/webrtc/group/handup', { callId => $call })->must for @people;
    is $im->sql('select count(*) from im.call_signal'), 0, 'nothing stays of it';
};

$im->kills($im->parts->names, 'imclerk');
$im->allow(qr/(?:exited on|terminated by) signal 9|\b(?:FATAL|PANIC|ERROR):|could not|failed|PostgreSQL|upstream|worker process|presence stream|multiwatch|Connection refused/);
$im->end;
done_testing;
