# overload: a program that stops and goes on, a database that is short of connections, a row that is locked: nobody waits for
# what is not his, and nothing is done twice.  The long form adds a flood on one account, a storm of sockets that come back,
# and a day of random load in some minutes, at whose end nothing has grown.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Client;
use IM::Crowd;
use IM::Machine qw(slowness);
use IM::Raw;
use IM::Stack;
use IO::Select;
use Mojo::File qw(path);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $im     = IM::Stack->new($ENV{IM_LONG} ? (IM_RATE_LIMIT => 'on', IM_SOCKETS => 1200) : ());
my $crowd  = IM::Crowd->new(im => $im);
my @people = $crowd->people($ENV{IM_LONG} ? 1000 : 4);
my ($ann, $bob, $cat, $dan) = @people;
$crowd->befriend([$ann, $bob], [$cat, $dan]);
$ann->get('/conversation/list')->must;

sub message ($to, $id) { return { receiverId => $to->id, content => "message $id", messageType => 1, clientMsgId => $id } }

sub stored ($like) { return $im->sql("select count(*) from im.message where client_msg_id like '$like'") }

# F4: what was on its way is done once, whoever asks again meanwhile and afterwards.
subtest 'a program that stops, and goes on' => sub {
    my @crew = $im->parts->pids('message', 'message');
    kill STOP => @crew;
    my @asked = map { $ann->post_p('/message/private/send', message($bob, "f4 $_")) } 1 .. 5;
    $im->run(1);    # they have come to it
    is stored('f4 %'), 0, 'nothing is done meanwhile';
    kill CONT => @crew;
    $_->ok('then all are') for $im->together(@asked);
    $ann->post('/message/private/send', message($bob, "f4 $_"))->ok('and again') for 1 .. 5;
    is stored('f4 %'), 5, 'each once';
    is_deeply [$im->parts->pids('message', 'message')], \@crew, 'by the same processes';
};

# F12: others have its connections.
subtest 'no connections left' => sub {
    my $limit = $im->sql(q{select rolconnlimit from pg_roles where rolname = 'im_message'});
    $im->sql(q{alter role im_message connection limit 1});
    $im->sql(q{select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'im_message'});
    my ($start, %codes) = time;
    my @answers = $im->together(map { $ann->post_p('/message/private/send', message($bob, "f12 $_")) } 1 .. 40);
    $codes{ $_->code }++ for @answers;
    note sprintf 'forty at once: %s, in %.1f s', join(', ', map {"$codes{$_} times $_"} sort keys %codes), time - $start;
    is_deeply [grep { !/^(?:200|500)\z/ } keys %codes], [], 'whoever is not served is told at once that it has failed';
    cmp_ok time - $start, '<', 6 * slowness(), 'nobody waits for longer than a job may';
    $im->sql("alter role im_message connection limit $limit");
    ok $im->eventually(10, sub { $ann->post('/message/private/send', message($bob, 'f12 after'))->code eq 200 }), 'then all are served';
    $im->together(map { $ann->post_p('/message/private/send', message($bob, "f12 $_")) } 1 .. 40);
    is stored('f12 %'), 41, 'and each message is there once';
    $im->allow(qr/lost a PostgreSQL connection|terminating connection due to administrator command|too many connections for role/,
        qr/PostgreSQL (?:is away or busy, nothing was sent|went away, the outcome is unknown)|failed: 57P01/);
};

# F13: who wants that row waits, and is told; the others do not notice.
subtest 'a row that is locked' => sub {
    my $place = $im->sql("select conversation_id from im.friendship where account_id = @{[$ann->id]}");
    $im->sql(qq{create function im.hold() returns void language plpgsql as 'begin perform 1 from im.conversation where id = $place for update;
        perform pg_sleep(3); end'});
    my $held = fork // die "could not fork: $!\n";
    if (!$held) {
        $im->sql('select im.hold()');
        POSIX::_exit(0);
    }
    ok $im->eventually(5, sub { $im->sql(q{select count(*) from pg_stat_activity where wait_event = 'PgSleep'}) == 1 }), 'somebody holds it';
    my $raw    = IM::Raw->new($im->port('chat'))->write($ann->_bytes(POST => '/message/private/send', message($bob, 'f13 waits')));
    my $waits  = sub { !IO::Select->new($raw->{socket})->can_read(0) };
    my $served = 0;
    while ($waits->() && $served < 20) {
        $cat->post('/message/private/send', message($dan, "f13 $served"))->must;
        $served++;
    }
    is $served, 20, 'twenty of others are sent while one waits for it';
    like $raw->read(qr/"code":\d+/, 10), qr/"code":(?:200|500)/, 'he has an answer too';
    waitpid $held, 0;
    $ann->post('/message/private/send', message($bob, 'f13 waits'))->ok('asking again helps');
    is stored('f13 waits'), 1, 'and does it once';
    $im->sql('drop function im.hold()');
    $im->allow(qr/canceling statement due to lock timeout/);
};

# What 99 of 100 of somebody's requests take, in milliseconds.
sub p99 ($user, $seconds) {
    my ($end, @took) = time + $seconds;
    while (time < $end) {
        my $start = time;
        $user->get('/friend/list')->must;
        push @took, 1000 * (time - $start);
        sleep 0.005;
    }
    return (sort { $a <=> $b } @took)[$#took * 0.99];
}

# While so many processes work without end: what watching them answers.
sub meanwhile ($processes, $work, $watch) {
    my @pids;
    for (1 .. $processes) {
        my $pid = fork // die "could not fork: $!\n";
        push @pids, $pid;
        next if $pid;
        eval { $work->() } while 1;
    }
    my @seen = $watch->();
    kill KILL => @pids;
    waitpid $_, 0 for @pids;
    return @seen;
}

sub middle (@of) { return (sort { $a <=> $b } @of)[$#of / 2] }

if ($ENV{IM_LONG}) {

    subtest 'a flood on one account' => sub {
        my @before = map { p99($cat, 2) } 1 .. 5;
        my @during = meanwhile(8, sub { $ann->many(([GET => '/friend/list', {}]) x 64) }, sub { sleep 1; map { p99($cat, 2) } 1 .. 5 });
        my @after  = map { p99($cat, 2) } 1 .. 5;
        my $quiet  = middle(@before, @after);
        cmp_ok middle(@during), '<', 2 * $quiet + 2, sprintf 'others: 99 of 100 within %.1f ms, in quiet %.1f', middle(@during), $quiet;
    };

    # F29: all sockets go at once, and come back.
    subtest 'a thousand sockets come back' => sub {
        my @clients = map { IM::Client->new(user => $_, retry => [0.2, 2], patience => 5)->start } @people;
        ok $im->eventually(60, sub { !grep { !$_->is_open } @clients }), 'all are connected';
        $im->parts->sv('push', 'restart');
        ok $im->eventually(10, sub { grep { !$_->is_open } @clients }), 'all are cut off';
        my $start = time;
        $clients[0]->say({ receiverId => $bob->id }, "f29 $_") for 1 .. 10;
        ok $im->eventually(30, sub { !grep { !$_->is_open } @clients }), 'all are connected again';
        ok $im->eventually(10, sub { $clients[0]->idle && (grep { $_->{content} =~ /^f29/ } map { $clients[1]->shown($_) } $clients[1]->conversations) == 10 }),
            'and have what was said meanwhile';
        note sprintf 'a thousand are back within %.1f s', time - $start;
        is_deeply [map { @{ $_->faults } } @clients], [], 'without a contradiction';
        $_->stop for @clients;
    };

    subtest 'a day' => sub { a_day($ENV{IM_DAY} // 300) };
}

# --- a day in some minutes: what everybody does at random, and what the programs hold ---

sub held ($what) {
    my %held;
    for my $program (qw(message friend group socket user)) {
        for my $pid ($im->parts->pids($program, $program)) {
            $held{"$program memory"} += $1 if path("/proc/$pid/status")->slurp =~ /^VmRSS:\s+(\d+)/m;
            $held{"$program descriptors"} += () = glob "/proc/$pid/fd/*";
        }
    }
    $held{outbox} = $im->sql('select count(*) from im.outbox');
    return \%held;
}

sub some_act () {
    my ($who, $whom) = map { $people[rand 100] } 1 .. 2;
    my @paths = (qw(/friend/list /conversation/list /group/list /message/private/pullOfflineMessage /user/self), '/user/find/' . $whom->id);
    my $path  = $paths[rand @paths];
    return $who->ask_p(GET => $path) if rand() < 0.6;
    return $who->post_p('/message/private/send', message($whom, join '-', $$, rand)) if rand() < 0.5;
    return $ann->post_p('/message/private/send', message($bob, join '-', $$, rand));
}

sub a_day ($seconds) {
    my ($end, @held, $next) = (time + $seconds, (), 0);
    my $asked = 0;
    while (time < $end) {
        $im->together(map { some_act() } 1 .. 20);
        $asked += 20;
        next if time < $next;
        push @held, held('now');
        $next = time + $seconds / 30;
    }
    ok $im->eventually(5, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'no event waits at its end';
    for my $what (sort keys %{ $held[0] }) {
        my @of = map { $_->{$what} } @held;
        my ($early, $late) = map { middle(@$_) } [@of[10 .. 14]], [@of[-5 .. -1]];
        my $room = $what =~ /memory/ ? 512 + $early * 0.05 : $what =~ /descriptors/ ? 8 : 100;
        cmp_ok $late, '<=', $early + $room, "$what: $early after a third of it, $late at its end";
    }
    note "$asked requests in $seconds seconds";
}

$im->end;
done_testing;
