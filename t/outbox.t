# outbox: an event is never lost between commit and push, nothing but the push needs nchan, and a thousand messages
# in a row arrive once each, in order.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Machine qw(slowness);
use IM::Stack;
use Mojo::File qw(path);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new;
my ($ann, $bob) = $im->users(qw(ann bob));
my $admin = $im->admin;
$im->befriend($ann, $bob);
my $say = sub ($text, %more) {
    $ann->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1, %more });
};
my $read_all = sub { $bob->put('/message/private/readed', { friendId => $ann->id })->must };

subtest 'a thousand in a row' => sub {
    my ($from, $to) = map { $_->socket } $ann, $bob;
    my $start = time;
    $from->send(PRIVATE_MESSAGE => { receiverId => $bob->id, content => "message $_", messageType => 1, clientMsgId => "c$_" })
        for 1 .. 1000;
    for ([$to, 'bob'], [$from, 'ann herself']) {
        my ($socket, $name) = @$_;
        my @seen;
        while (@seen < 1000) {
            my $frame = $socket->take(PRIVATE_MESSAGE => 'MESSAGE', {}, 10) // last;
            push @seen, $frame->{data};
        }
        is_deeply [map { $_->{content} } @seen], [map {"message $_"} 1 .. 1000], "$name gets each once, in order";
        is_deeply [map { $_->{seq} } @seen], [1 .. 1000], 'seq has no holes';
        ok !$socket->take(PRIVATE_MESSAGE => 'MESSAGE', {}, 0.3), 'and nothing besides';
    }
    note sprintf '%.1f s for 1000 messages', time - $start;
    is $im->sql('select count(*) from im.message'), 1000, 'all are stored';
    $bob->get('/message/private/pullOfflineMessage')->ok('and can be pulled', sub { @$_ == 1000 });
    $_->close for $from, $to;
    $read_all->();
};

subtest 'a program dies between commit and publish' => sub {
    my $socket = $bob->socket;
    path($im->state, 'secret/message/IM_FAULT')->open('>')->print("publish\n");
    $im->parts->sv('message', 'restart');
    ok $im->eventually(10, sub { $ann->get('/message/private/pullOfflineMessage')->code eq 200 }), 'message dies when it publishes';
    my @before = $im->parts->pids('message', 'message');
    for my $n (1 .. 3) {
        my $start = time;
        $say->("lost $n", clientMsgId => "m$n");
        my $got = $socket->take(PRIVATE_MESSAGE => 'MESSAGE', { content => "lost $n" });
        ok $got, 'the open socket gets the message all the same';
        cmp_ok time - $start, '<', 5 * slowness(), 'within five seconds';
        $im->eventually(5, sub { $ann->get('/message/private/pullOfflineMessage')->code eq 200 });
    }
    ok $im->eventually(5, sub { $ann->get('/message/private/pullOfflineMessage')->code eq 200 }), 'the program is back';
    isnt "@{[$im->parts->pids('message', 'message')]}", "@before", 'another process: it was killed indeed';
    $bob->get('/message/private/pullOfflineMessage')->ok('each message is stored once', [map { { content => "lost $_" } } 1 .. 3]);
    ok $im->eventually(5, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'and the outbox is empty again';
    path($im->state, 'secret/message/IM_FAULT')->remove;
    $im->parts->sv('message', 'restart');
    ok $im->eventually(10, sub { $ann->get('/message/private/pullOfflineMessage')->code eq 200 }), 'message is well again';
    $_->close for $socket;
    $read_all->();
};

subtest 'closing nobody' => sub {
    $im->sql('select im.connection_close(array[4711])');
    ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'who has no socket is done with at once, not tried for ever';
};

subtest 'a job that fails' => sub {
    $im->sql(q{create function im.due_test() returns bigint language plpgsql as $$ begin raise 'no luck'; end $$});
    ok $im->eventually(10, sub { $im->logs->grep(qr/imclerk\[\d+\] error: PostgreSQL warns: job due_test failed: no luck\z/) }), 'is an error in the log';
    $im->sql('drop function im.due_test()');
    my $failures = $im->sql(q{select failures from im.due_failure where job = 'due_test'});
    ok $failures >= 1, 'it is counted';
    like +($im->imctl('status'))[1], qr/^job due_test has failed $failures times, last at .*: no luck$/m, 'and imctl status says so';
    $im->allow(qr/job due_test failed: no luck/);
};

subtest 'without nchan' => sub {
    $im->parts->sv('push', 'down');
    my $cat = $im->user('cat');
    $im->befriend($ann, $cat);
    my $group = $im->group($ann, $bob, $cat);
    my $order = $ann->post('/user/recharge', { amount => 100, payType => 'alipay' })->must->{id};
    my $hi    = $say->('hi', clientMsgId => 'x')->ok('a message is sent');
    $say->('hi', clientMsgId => 'x')->ok('its retry is the same message', { id => $hi->{id} });
    $bob->get('/message/private/pullOfflineMessage')->ok('and pulled', [{ content => 'hi' }]);
    $bob->put('/message/private/readed', { friendId => $ann->id, maxMessageId => $hi->{id} })->ok('and read');
    $ann->post('/message/group/send', { groupId => $group, content => 'all', messageType => 1 })->ok('the group works');
    $ann->put('/refreshToken', { refreshToken => $ann->refresh })->ok('as do tokens');
    $ann->login->must;
    $im->parts->sv('push', 'up');

    my $socket;
    ok $im->eventually(10, sub { ($socket = $bob->socket)->is_open }), 'nchan is back';
    $say->('again')->ok('ann writes');
    $socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { content => 'again' }, 'and pushing works');
    $admin->post('/im/recharge/approve', { id => $order })->ok('the backstage too');
    ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'nothing stays in the outbox';
};

$im->allow(qr/could not publish an event/,
    qr/upstream prematurely closed|connect\(\) to unix:\S+message\.sock failed|recv\(\) failed/);
$im->kills('message');
$im->end;
done_testing;
