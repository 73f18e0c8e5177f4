# presence: who is seen online, when it begins and when it ends, and who is told.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false true);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob)->befriend($bob, $cat);
my $watch = $ann->socket(deadline => 20);    # bob's friend, who is told

# How ann sees bob.
sub seen () { my ($row) = grep { $_->{id} == $bob->id } @{ $ann->get('/friend/list')->must }; return $row }
sub status () { my $row = seen(); return $row->{isOnline} ? $row->{onlineStatus} : $row->{onlineStatus} eq 'OFFLINE' ? 'OFFLINE' : 'neither' }

# Waits until ann sees him so; how long a busy machine needs for that is only noted.
sub becomes ($wanted, $title) {
    my $took = $im->eventually(30, sub { status() eq $wanted });
    note sprintf '%s: %.2f s', $title, $took // 99;
    return ok $took, $title;
}

sub told ($event, $status, $title) { $watch->expect(FRIEND_REQUEST => $event, { userId => $bob->id, onlineStatus => $status }, $title) }

my @sockets;
is status(), 'OFFLINE', 'bob is not there';
push @sockets, $bob->socket;
becomes(ONLINE => 'he connects, and is online');
told(ONLINE => 'ONLINE', 'ann is told');

subtest 'states' => sub {
    for my $status (qw(BUSY AWAY ONLINE BUSY)) {
        $sockets[0]->heartbeat({ status => $status });
        is status(), $status, "his heartbeat says $status";
        told(ONLINE => $status, 'ann is told');
    }
    $sockets[0]->heartbeat for 1 .. 3;
    is status(), 'BUSY', 'a heartbeat without a word changes nothing';
    $watch->nothing(FRIEND_REQUEST => 'ONLINE', 'nor tells anything');
    $sockets[0]->send(HEARTBEAT => { status => 'OFFLINE' });
    $sockets[0]->expect(SYSTEM_MESSAGE => 'ERROR', { code => 400 }, 'nobody says that he is not there');
};

subtest 'several devices' => sub {
    push @sockets, $bob->socket, $bob->socket(service => 'chat');
    ok $im->eventually(20, sub { 3 == $im->sql('select count(*) from im.connection where account_id = ' . $bob->id) }), 'bob has three';
    $_->close for splice @sockets, 0, 2;
    ok $im->eventually(20, sub { 1 == $im->sql('select count(*) from im.connection where account_id = ' . $bob->id) }), 'two go';
    is status(), 'BUSY', 'he stays';
    $watch->nothing(FRIEND_REQUEST => 'OFFLINE', 'ann hears nothing of it');
};

(pop @sockets)->close;
becomes(OFFLINE => 'the last one is closed, and he is gone');
told(OFFLINE => 'OFFLINE', 'ann is told');

push @sockets, $bob->socket;
becomes(ONLINE => 'he comes back; the state he chose went with him');
told(ONLINE => 'ONLINE', 'ann is told');
(pop @sockets)->vanish;
becomes(OFFLINE => 'his connection is cut, and he is gone');
told(OFFLINE => 'OFFLINE', 'ann is told');

subtest 'a block hides' => sub {
    push @sockets, $bob->socket;
    told(ONLINE => 'ONLINE', 'bob is there');
    $bob->post('/blacklist/add', { targetId => $ann->id })->must;
    told(OFFLINE => 'OFFLINE', 'bob blocks ann: to her he is gone');
    is status(), 'OFFLINE', 'and looks so';
    $sockets[0]->heartbeat({ status => 'AWAY' });
    $watch->nothing(FRIEND_REQUEST => 'ONLINE', 'whatever he does');
    $bob->get('/friend/list')->ok('nor does he see her', sub { !grep { $_->{id} == $ann->id && $_->{isOnline} } @$_ });
    is +(grep { $_->{id} == $bob->id } @{ $cat->get('/friend/list')->must })[0]{onlineStatus}, 'AWAY', 'cat still sees him';
    $bob->delete('/blacklist/remove/' . $ann->id)->must;
    told(ONLINE => 'AWAY', 'the block is lifted: he is there');
    is status(), 'AWAY', 'and looks so';
    $ann->post('/blacklist/add', { targetId => $bob->id })->must;
    is status(), 'OFFLINE', 'who blocks does not see either';
    $ann->delete('/blacklist/remove/' . $bob->id)->must;
    told(ONLINE => 'AWAY', 'until she lifts it');
    $watch->frames([]);
    $ann->delete('/friend/delete/' . $bob->id)->must;
    $sockets[0]->heartbeat({ status => 'BUSY' });
    $watch->nothing(FRIEND_REQUEST => 'ONLINE', 'who is no friend is told nothing');
    $im->befriend($ann, $bob);
    told(ONLINE => 'BUSY', 'a new friend is shown at once');
};

subtest 'the push instance is killed' => sub {
    becomes(BUSY => 'bob is there');
    kill KILL => $im->parts->pids('push');
    becomes(OFFLINE => 'his socket died with it, and he is gone');
    ok $im->eventually(20, sub { my $one = $bob->socket; push @sockets, $one if $one->is_open; $one->is_open }), 'he connects again';
    becomes(ONLINE => 'and is there');
};

subtest 'the clerk is killed' => sub {
    $sockets[-1]->heartbeat({ status => 'AWAY' });
    becomes(AWAY => 'bob is there');
    my $old = join ' ', $im->parts->pids('clerk');
    kill KILL => split ' ', $old;
    ok $im->eventually(20, sub { my $new = join ' ', $im->parts->pids('clerk'); $new && $new ne $old }), 'there is another';
    my $opened = 'select count(*) from im.connection where opened and account_id = ' . $bob->id;
    ok $im->eventually(20, sub { $im->sql($opened) == 1 }), 'which asks who is there';
    is status(), 'AWAY', 'bob is, as before';
    $sockets[-1]->close;
    becomes(OFFLINE => 'until he goes');
    my $other = $bob->socket;
    becomes(ONLINE => 'who comes is there');
    $other->close;
    becomes(OFFLINE => 'and goes');
};

$im->allow(qr/exited on signal 9|could not|upstream|worker process|Connection refused|failed/);
$im->kills('imclerk');
$im->end;
done_testing;
