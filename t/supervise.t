# supervise: whatever is killed is back within two seconds, PostgreSQL within ten, and nothing acknowledged is lost.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Test::More;
use Time::HiRes qw(clock_gettime time CLOCK_PROCESS_CPUTIME_ID);

my $im = IM::Stack->new(durable => 1);
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob)->arm($ann)->fund($ann, 100);
my $group = $im->group($ann, $bob);
my $admin = $im->admin;
my $parts = $im->parts;
my ($count, @acknowledged, %crew) = (0);

# One request to every program, and a message from socket to socket; undef when all of it works, else what does not.
sub broken () {
    for my $try (
        [auth => sub { $im->stranger->post('/login', {})->code eq 400 }],
        [session => sub { $im->stranger->put('/refreshToken', { refreshToken => 'x' })->code eq 401 }],
        [user => sub { $ann->get('/user/self')->code eq 200 }],
        [wallet => sub { $ann->post('/user/recharge', {})->code eq 400 }],
        [friend => sub { $ann->get('/friend/list')->code eq 200 }],
        [group => sub { $ann->get("/group/members/$group")->code eq 200 }],
        [redpacket => sub { $ann->post('/redPackage/rob', { redPacketId => '00000000-0000-4000-8000-000000000000' })->code eq 404 }],
        [backstage => sub { $admin->get('/im/recharge/list')->code eq 200 }],
        [message => \&message_passes],
    ) {
        my ($name, $works) = @$try;
        return $name . ($@ ? ": $@" : '') if !eval { $works->() };
    }
    return;
}

sub message_passes () {
    my $text   = 'm' . ++$count;
    my $socket = $bob->socket;
    my $answer = $ann->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1, clientMsgId => $text });
    push @acknowledged, $text if $answer->code eq 200;
    my $passed = $answer->code eq 200 && $socket->is_open && $socket->take(PRIVATE_MESSAGE => 'MESSAGE', { content => $text }, 3);
    $socket->close;
    return $passed;
}

sub used () { return clock_gettime(CLOCK_PROCESS_CPUTIME_ID) }

# A little work: adds the wall clock and the processor time that it took.
sub burn ($wall, $used) {
    my ($start, $before) = (time, used());
    1 while used() - $before < 0.005;
    $$wall += time - $start;
    $$used += used() - $before;
}

# Kills whom the code names and measures until the whole crew is there again and everything works, in seconds of a
# machine that does nothing else: the time is divided by how much slower work went meanwhile.  The best of three tries
# counts.
sub survives ($title, $limit, $victims) {
    my ($best, $why) = (99);
    for my $try (1 .. 3) {
        my @pids = $victims->();
        return fail "$title: it runs" if !@pids;
        kill KILL => @pids;
        my $start = time;
        my ($wall, $used) = (0, 0);
        my $took = $im->eventually(60, sub {
            burn(\($wall, $used));
            my $crews = $parts->crews;
            ($why) = grep { $crews->{$_} ne $crew{$_} } sort keys %crew;
            return !($why //= broken());
        });
        return fail("$title: everything is back") || diag("  $why is not") if !defined $took;
        my $slowness = $wall > $used ? $wall / $used : 1;
        note sprintf '%s: %.2f s, on a machine slowed down %.1f times', $title, $took, $slowness;
        $best = $took / $slowness if $took / $slowness < $best;
        last if $best <= $limit;
    }
    return ok $best <= $limit, "$title: back in time";
}

is broken(), undef, 'everything works';
%crew = %{ $parts->crews };
note map {"$_: $crew{$_}\n"} sort keys %crew;

my @crews = grep { $crew{$_} =~ / / } $parts->names;
for my $part ($parts->names) {
    survives("$part, all its processes", $part eq 'postgres' ? 10 : 2, sub { $parts->pids($part) });
}
for my $part (@crews, 'postgres') {
    survives("$part, its master", $part eq 'postgres' ? 10 : 2, sub { ($parts->pids($part))[0] });
}
for my $part (@crews) {
    survives("$part, a worker", 2, sub { ($parts->pids($part))[-1] });
}
survives('a backend of PostgreSQL', 10, sub { map { $_->[0] } $im->sql(q{select pid from pg_stat_activity where usename = 'im_message' limit 1}) });
survives('all logs', 2, sub { map { $parts->pids("$_/log") } $parts->names });
survives('all supervisors', 2, sub { $parts->runsv($parts->names) });
survives('the supervisor of supervisors', 2, sub { $parts->runsvdir });
ok $im->eventually(15, sub { 1 == $parts->runsvdir }), 'which is there once';
ok $im->eventually(15, sub { $parts->names == $parts->runsv($parts->names) }), 'as are those of the parts';

# Each has a script under it that waits for its part and one for its log.
my $waiting = sub { $parts->cpu_below($parts->runsv($parts->names)) };
my $before  = $waiting->();
Time::HiRes::sleep(3);
cmp_ok $waiting->() - $before, '<', 0.3, 'to wait for parts that run on costs nothing';

my %stored = map { ($_->[0] => $_->[1]) } $im->sql("select content, count(*) from im.message where content like 'm%' group by 1");
is_deeply [grep { !$stored{$_} } @acknowledged], [], 'no acknowledged message is lost';
is_deeply [grep { $stored{$_} != 1 } keys %stored], [], 'none is there twice';
is $im->sql('select count(*) from (select seq - row_number() over (partition by conversation_id order by seq) as gap from im.message) x where gap <> 0'),
    0, 'and seq has no holes';
is $im->sql('select sum(amount) from im.posting'), '0.00', 'the ledger sums to nothing';

# The kills themselves are in the logs.
$im->allow(qr/(exited on|terminated by) signal 9|\b(FATAL|PANIC|ERROR):|could not|failed|PostgreSQL|upstream|worker process/);
$im->kills($im->parts->names, 'imclerk', 'imdecoder');
$im->end;
done_testing;
