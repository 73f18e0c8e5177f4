# register: which sockets there are.  What ends a session or a token ends its sockets and no others, whatever has died or
# was not listening meanwhile, and whoever connects misses nothing.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Raw;
use IM::Stack;
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob)->befriend($bob, $cat);
my $watch = $ann->socket(deadline => 20);    # bob's friend, who is told

sub device ($user) { my $device = $user->as; $device->login->must; return $device }
sub known ($user, $more = '') { return $im->sql("select count(*) from im.connection where account_id = @{[$user->id]} $more") }
sub opened ($user, $count, $title) { return ok $im->eventually(30, sub { known($user, 'and opened and ended_at is null') == $count }), $title }
sub tell_bob ($text) { return $cat->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1 })->must }
sub hears ($socket, $text) { return $socket->take(PRIVATE_MESSAGE => 'MESSAGE', { content => $text }, 10) }
# How ann sees bob.
sub status () { return (grep { $_->{id} == $bob->id } @{ $ann->get('/friend/list')->must })[0]{onlineStatus} }

subtest 'one device of two logs out' => sub {
    my ($phone, $tablet) = (device($bob), device($bob));
    my ($here, $there) = map { $_->socket } $phone, $tablet;
    opened($bob, 2, 'bob has two sockets');
    $there->heartbeat({ status => 'BUSY' });
    $watch->expect(FRIEND_REQUEST => 'ONLINE', { userId => $bob->id, onlineStatus => 'BUSY' }, 'and is busy');
    $phone->post('/logout', {})->ok('one logs out');
    $here->expect_close('its socket is closed', 10);
    opened($bob, 1, 'and forgotten');
    ok $there->is_open, "the other's is not";
    tell_bob('to one');
    ok hears($there, 'to one'), 'which hears what comes';
    is status(), 'BUSY', 'bob is busy as before';
    $watch->nothing(FRIEND_REQUEST => 'OFFLINE', 'and ann was told nothing else');
    $tablet->post('/logout', { all => \1 })->must;
    $there->expect_close('all log out', 10);
    $bob->login->must;
};

subtest 'the clerk is away when a socket opens' => sub {
    $im->parts->sv('clerk', 'down');
    my @devices = map { device($bob) } 1 .. 3;
    my @sockets = map { $_->socket } @devices;
    tell_bob('unconfirmed');
    ok hears($_, 'unconfirmed'), 'a socket hears what comes all the same' for @sockets;
    my $gone = $bob->socket;
    $gone->vanish;
    $im->parts->sv('clerk', 'up');
    opened($bob, 3, 'the next clerk asks nchan who is there');
    ok $im->eventually(20, sub { known($bob) == 3 }), 'and who is not';
    $devices[0]->post('/logout', {})->must;
    $sockets[0]->expect_close('logging out closes its socket', 10);
    $im->sql("update im.connection set expires_at = now() - interval '1 minute' where id = (select max(id) from im.connection where account_id = @{[$bob->id]})");
    $sockets[2]->expect_close("the token's end too", 10);
    ok $sockets[1]->is_open, 'and nothing else';
    $im->parts->sv('clerk', 'down');
    $devices[1]->post('/logout', {})->must;
    $sockets[1]->expect_close('it is closed without the clerk', 10);
    $im->parts->sv('clerk', 'up');
    ok $im->eventually(30, sub { known($bob) == 0 }), 'who finds out that it is gone';
    ok $im->eventually(10, sub { status() eq 'OFFLINE' }), 'as bob is';
};

subtest 'a socket is told to close before it is open' => sub {
    my $phone = device($bob);
    $im->sql(q{update im.setting set value = '1' where name = 'socket.limit'});
    my $first = $phone->socket;
    opened($bob, 1, 'one is open');
    # As if the DELETE had come before nchan knew it: ended, but not closed.
    $im->sql("update im.connection set ended_at = now() where account_id = @{[$bob->id]}");
    $first->expect_close('it is told again', 10);
    $im->sql(q{update im.setting set value = preset where name = 'socket.limit'});
    ok $im->eventually(10, sub { known($bob) == 0 }), 'and forgotten';
};

subtest 'the push instance is reloaded' => sub {
    my $phone  = device($bob);
    my $socket = $phone->socket;
    opened($bob, 1, 'bob is there');
    my $before = $im->sql('select worker from im.connection where account_id = ' . $bob->id);
    $im->parts->sv('push', 'hup');
    $socket->expect_close('his socket is closed', 20);
    my $again = $phone->socket;
    ok $im->eventually(20, sub { $again = $phone->socket if !$again->is_open; $im->sql("select count(*) from im.connection where worker = $before") == 0 }),
        'the old worker has no sockets any more';
    opened($bob, 1, 'the new one has one');
    $phone->post('/logout', {})->must;
    $again->expect_close('which logging out closes', 10);
    $bob->login->must;
    $watch = $ann->socket(deadline => 20);
};

# Somebody who never answers a ping; what becomes of him is seen at the end.
my $dan   = $im->user('dan');
my $dead  = IM::Raw->new($im->port('backstage'));
is $dead->upgrade('accessToken=' . $dan->access), 101, 'dan connects, and falls silent';

subtest 'the newest wins' => sub {
    my @open = map { $bob->socket } 1 .. 10;
    is scalar(grep { $_->is_open } @open), 10, 'ten sockets of one account are open';
    my $eleventh = $bob->socket;
    $open[0]->expect_close('the eleventh closes the oldest', 10);
    ok $_->is_open, 'and no other' for @open[1 .. 9], $eleventh;
    tell_bob('to ten');
    ok hears($_, 'to ten'), 'they hear what comes' for @open[1 .. 9], $eleventh;
    my @more = map { $bob->socket } 1 .. 10;
    is scalar(grep { $_->status == 101 } @more), 10, 'ten silent ones lock nobody out';
    $_->expect_close('they give way', 10) for @open[1 .. 9], $eleventh;
    $_->close for @more;

    $im->sql(q{update im.setting set value = '15' where name = 'socket.limit'});
    my @burst = map { IM::Raw->new($im->port('backstage')) } 1 .. 30;
    $_->write(join "\r\n", 'GET /ws?accessToken=' . $bob->access . ' HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', '') for @burst;
    is scalar(grep { $_->read =~ m{\AHTTP/1.1 101 } } @burst), 30, 'thirty handshakes at once: none is refused';
    opened($bob, 15, 'as many as the setting says are left') or diag known($bob);
    ok $im->eventually(20, sub { known($bob) == 15 }), 'the others are gone';
    my $left = grep { !$_->gone(0.01) } @burst;
    is $left, 15, 'and closed';
    $im->sql(q{update im.setting set value = preset where name = 'socket.limit'});
    $_->close for @burst;
    ok $im->eventually(20, sub { known($bob) == 0 }), 'all leave';
    $watch->expect(FRIEND_REQUEST => 'OFFLINE', { userId => $bob->id }, 'as ann is told');
    $watch->frames([]);
};

subtest 'a handshake that nchan would refuse' => sub {
    my $ask = sub ($line, %change) {
        my %headers = (Host => 'localhost', Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
            'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', %change);
        my $raw = IM::Raw->new($im->port('backstage'));
        $raw->write(join "\r\n", "$line /ws?accessToken=@{[$bob->access]} HTTP/1.1", (map {"$_: $headers{$_}"} grep { defined $headers{$_} } sort keys %headers), '', '');
        my $answer = $raw->read(qr/\r\n\r\n.*\}|101 Switching.*\r\n\r\n/s);
        my ($status) = $answer =~ m{\AHTTP/1.1 (\d+)};
        return ($status, $answer);
    };
    for my $case (
        [426, 'GET', 'Sec-WebSocket-Version' => 8], [426, 'GET', 'Sec-WebSocket-Version' => '013'], [426, 'GET', 'Sec-WebSocket-Version' => undef],
        [400, 'GET', 'Sec-WebSocket-Key' => undef], [400, 'GET', 'Sec-WebSocket-Key' => 'short'], [400, 'GET', 'Sec-WebSocket-Key' => 'x' x 24],
        [400, 'GET', Connection => 'close'], [400, 'GET', Connection => 'upgrades'], [400, 'GET', Upgrade => 'h2c'], [400, 'GET', Upgrade => undef],
        [400, 'GET', Upgrade => 'websocket dGhlIHNhbXBsZSBub25jZQ== upgrade', 'Sec-WebSocket-Key' => 'none', Connection => 'close'],
        [400, 'POST'], [400, 'PUT'], [400, 'DELETE'], [400, 'HEAD'],
    ) {
        my ($wanted, $method, %change) = @$case;
        my ($status, $answer) = $ask->($method, %change);
        my $what = join ' ', $method, map { "$_: " . ($change{$_} // 'none') } %change ? (keys %change)[0] : ();
        is $status, $wanted, $what;
        like $answer, qr/\r\nContent-Type: application\/json\r\n.*\r\n\r\n\{"code":400,.*\}\z/s, "$what: as JSON" if $method ne 'HEAD';
        like $answer, qr/\r\nSec-WebSocket-Version: 13\r\n/, 'which version it wants' if $wanted == 426;
    }
    is +($ask->('GET', Connection => 'keep-alive, Upgrade'))[0], 101, 'one among several words of Connection is good';
    ok $im->eventually(20, sub { known($bob) == 0 }), 'which leaves';
    is $im->sql('select count(*) from im.connection where account_id = ' . $bob->id), 0, 'none is known';
    $watch->expect(FRIEND_REQUEST => 'ONLINE', { userId => $bob->id }, 'ann was told of that one');
    $watch->expect(FRIEND_REQUEST => 'OFFLINE', { userId => $bob->id }, 'that it left');
    $watch->nothing(FRIEND_REQUEST => 'ONLINE', 'and of no other');
};

subtest 'a client leaves before its socket is open' => sub {
    my $lock = $im->background_sql('begin; select from im.account where id = ' . $bob->id . q{ for update;
        do $$ begin while not exists (select from im.setting where name = 'test.leave') loop perform pg_sleep(0.01); end loop; end $$; commit});
    ok $im->eventually(10, sub { $im->sql(q{select count(*) from pg_stat_activity where query like '%test.leave%' and wait_event = 'PgSleep'}) }), 'the handshake has to wait';
    my $raw = IM::Raw->new($im->port('backstage'));
    $raw->write(join "\r\n", 'GET /ws?accessToken=' . $bob->access . ' HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', '');
    ok $im->eventually(10, sub { $im->sql(q{select count(*) from pg_stat_activity where query like '%socket_open%' and wait_event_type = 'Lock'}) }), 'and waits';
    $raw->close;
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.leave', 'text', '')});
    waitpid $lock, 0;
    $watch->expect(FRIEND_REQUEST => 'ONLINE', { userId => $bob->id }, 'he was seen');
    ok $im->eventually(30, sub { known($bob) == 0 }), 'and is taken away';
    $watch->expect(FRIEND_REQUEST => 'OFFLINE', { userId => $bob->id }, 'as ann hears');
};

subtest 'who connects while a message commits' => sub {
    # The message waits between looking for sockets and being there for others.
    $im->sql(<<~'SQL');
        create function im.test_wait() returns trigger language plpgsql security definer set search_path = im as $$
          begin while not exists (select from im.setting where name = 'test.commit') loop perform pg_sleep(0.01); end loop; return null; end $$;
        create constraint trigger test_wait after insert on im.message deferrable initially deferred for each row execute function im.test_wait()
        SQL
    my $answer;
    $cat->post_p('/message/private/send', { receiverId => $bob->id, content => 'between', messageType => 1 })->then(sub ($got) { $answer = $got });
    ok $im->eventually(10, sub { $im->sql(q{select count(*) from pg_stat_activity where usename = 'im_message' and wait_event = 'PgSleep'}) }), 'a message commits';
    my $socket = $bob->socket;
    is scalar(grep { $_->{content} eq 'between' } @{ $bob->get('/message/private/pullOfflineMessage')->must }), 0, 'bob connects and pulls: it is not there yet';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.commit', 'text', '')});
    ok hears($socket, 'between'), 'it comes on his socket';
    ok $im->eventually(10, sub { $answer }), 'it has been sent';
    $im->sql('drop trigger test_wait on im.message; drop function im.test_wait()');
    $socket->close;
};

ok $im->eventually(60, sub { known($dan) == 0 }), 'dan, who answers no ping, is gone';
my @lives;    # of sockets, in the log of the push instance
ok $im->eventually(10, sub { @lives = map {m{"GET /ws" 101 .* time=([\d.]+)}} $im->logs->grep(qr{^log/push}); grep { $_ > 28 && $_ < 35 } @lives }),
    'within half a minute' or diag "@lives";
like $dead->read(qr/\x88/), qr/\x88.\x03\xe8/s, 'with code 1000: whatever the code, one connects again';

$im->allow(qr/connection to client lost/, qr/\[alert\].*(?:open socket #\d+ left in connection|aborting)/);    # the latter of a worker that a reload ends
$im->end;
done_testing;
