# turn: the TURN server that imctl runs when it is asked to: whom it lets in, what it relays to, and that it is a part like
# every other.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use IM::Turn;
use Mojo::File qw(path);
use Mojo::JSON qw(false true);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new(turn => 1, IM_TURN_TTL => 5);
my ($ann, $bob) = $im->users(qw(ann bob));
my ($host, $port) = split /:/, $im->config->{IM_TURN_LISTEN};
my $parts = $im->parts;

my $server = sub ($user) { $user->get('/webrtc/config')->must->{iceServers}[0] };
my $turn   = sub ($server) { IM::Turn->new(port => $port, server => $server) };
# A machine that is busy may take longer to ask than a credential lasts: then it asks with a new one.
my $lets_in = sub ($user) { $im->eventually(30, sub { $turn->($server->($user))->allocate == 200 }) };

# Debian's client: two allocations with this credential, and packets from one relay to the other.
sub client ($server, @more) {
    my @command = ('turnutils_uclient', -u => $server->{username}, -w => $server->{credential}, -p => $port, qw(-c -y -n 1), @more, $host);
    my $pid = open my $out, '-|', 'sh', '-c', 'exec timeout 60 "$@" 2>&1', 'sh', @command or die "could not run turnutils_uclient: $!\n";
    my $text = join '', readline $out;
    return close($out) && $text =~ /tot_send_msgs=([1-9]\d*), tot_recv_msgs=\1\n/;
}

subtest 'clients are told' => sub {
    is_deeply $server->($ann)->{urls}, ["turn:$host:$port", "turn:$host:$port?transport=tcp"], 'where it is, by both transports';
    $im->stranger->get('/system/config')->ok('and that there is one', { turn => true });
    my ($status, $text) = $im->imctl('status');
    like $text, qr/^turn\s+answers\s+\d/m, 'it is a part';
};

# Case 3 of the peers' reports.
subtest 'a credential' => sub {
    ok $im->eventually(60, sub { client($server->($ann)) }), 'lets its account in';
    ok $im->eventually(60, sub { client($server->($ann), '-t') }), 'by TCP, too';
    my ($old, $talk);
    ok $im->eventually(30, sub { ($talk = $turn->($old = $server->($ann)))->allocate == 200 }), 'a connection begins with it';
    my ($ends) = $old->{username} =~ /^(\d+)/;
    ok $im->eventually(20, sub { time > $ends + 1 }), 'a second after its end';
    is $turn->($old)->allocate, 401, 'nobody gets in with it';
    ok !client($old), 'nor with the same client';
    is $talk->refresh, 200, 'the connection goes on';
    is $talk->permit('127.0.0.1'), 200, 'in everything that it does';
    is $talk->refresh(0), 200, 'until it ends';
    my ($anns, $bobs) = map { $server->($_) } $ann, $bob;
    is $turn->({ %$anns, credential => $bobs->{credential} })->allocate, 401, "nobody gets in with another's password";
    is $turn->({ %$anns, username => $bobs->{username} })->allocate, 401, 'under his name';
    is $turn->({ %$anns, credential => 'x' })->allocate, 401, 'or with none';
};

subtest 'what it does for whom' => sub {
    my $talk;
    ok $im->eventually(30, sub { ($talk = $turn->($server->($bob)))->allocate == 200 }), 'bob has a relay';
    is $talk->permit('127.0.0.1'), 200, 'to a peer of IM_TURN_PEERS';
    is $talk->permit('198.51.101.1'), 200, 'and to a public one';
    is $talk->permit($_), 403, "not to $_" for qw(127.0.0.2 10.1.2.3 172.16.0.1 192.168.7.7 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255);
    my %codes;
    $im->eventually(30, sub { $codes{ $_->allocate }++ for map { $turn->($server->($bob)) } 1 .. 16; $codes{486} });
    cmp_ok $codes{200}, '<=', 63, 'he has 64 at most';
    ok $codes{486}, 'one more is refused';
    ok $lets_in->($ann), 'which is nothing to ann';
};

subtest 'what it can do here' => sub {
    my $conf = path($im->state, 'turn/turnserver.conf');
    my ($mode, $uid) = (stat $conf)[2, 4];
    is $mode & 07777, 0640, 'its configuration, with the secret, is for its user only';
    is $uid, $>, 'who cannot write it';
    my ($pid) = $parts->pids('turn', 'turnserver');
    is scalar getpwuid((stat "/proc/$pid")[4]), $> ? scalar getpwuid $> : 'im-chat-turn', 'which is one of its own';
    unlike path("/proc/$pid/environ")->slurp, qr/\b(?:IM_|PG)/, 'with nothing of ours in its environment';
    my %own = map { (readlink // '') =~ /socket:\[(\d+)\]/ ? ($1 => 1) : () } glob "/proc/$pid/fd/*";
    my %listens;
    for (map { split /\n/, path("/proc/net/$_")->slurp } qw(tcp tcp6)) {
        my ($local, $state, $inode) = (split ' ')[1, 3, 9];
        $listens{ hex $local =~ s/.*://r } = 1 if $state eq '0A' && $own{$inode};
    }
    is_deeply [keys %listens], [$port], 'it listens there and nowhere else: nobody administers it';
};

subtest 'it is supervised' => sub {
    my ($pid) = $parts->pids('turn', 'turnserver');
    kill KILL => $pid;
    ok $im->eventually(10, sub { my ($now) = $parts->pids('turn', 'turnserver'); $now && $now != $pid }), 'killed, it comes back';
    ok $lets_in->($ann), 'and works';
    my ($status) = $im->imctl('restart', 'turn');
    is $status, 0, 'so it does restarted';
    ok $lets_in->($ann), 'by imctl';

    my ($old) = $parts->pids('turn', 'turnserver');
    delete @{ $im->config }{qw(IM_TURN_LISTEN IM_TURN_PORTS IM_TURN_PEERS)};
    $im->up;
    ok !-e path($im->state, 'service/turn') && !kill(0 => $old), 'when nobody asks for it any more it goes';
    ok !-e path($im->state, 'turn/turnserver.conf'), 'with the copy of the secret';
    $ann->get('/webrtc/config')->ok('clients are not told of it', { iceServers => [] });
    $im->stranger->get('/system/config')->ok('but that there is none', { turn => false });
};

subtest 'settings that are none' => sub {
    for ([IM_TURN_LISTEN => '0.0.0.0', 'IM_TURN_LISTEN is one address, not all: 0.0.0.0'], [IM_TURN_LISTEN => 'localhost', 'IM_TURN_LISTEN is not an address: localhost'],
        [IM_TURN_LISTEN => '127.0.0.1:x', 'IM_TURN_LISTEN is not a port: x'], [IM_TURN_PORTS => '900-100', 'IM_TURN_PORTS is not FIRST-LAST: 900-100'],
        [IM_TURN_PEERS => 'everybody', 'IM_TURN_PEERS and IM_TURN_EXTERNAL are addresses'])
    {
        my ($key, $value, $why) = @$_;
        local @{ $im->config }{ 'IM_TURN_LISTEN', $key } = ("127.0.0.1:$port", $value);
        my ($status, $text) = $im->imctl('up');
        ok $status == 1 && index($text, $why) >= 0, "$key=$value is refused" or diag $text;
    }
};

$im->kills('turn');
$im->allow(qr{turn/\S+: .*(?:Cannot find credentials of|A peer IP \S+ denied|TCP socket error: Connection reset by peer)});    # of coturn: whom it refuses, who goes
$im->end;
done_testing;
