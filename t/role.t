# role: a program that has been taken over, or whoever reaches its socket, cannot stop the others.  What its PostgreSQL
# role may not do at all is in t/sql/role.pg.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Machine qw(slowness);
use IM::Stack;
use IO::Socket::UNIX;
use Mojo::File qw(path);
use Test::More;
use Time::HiRes qw(sleep time);

my $im = IM::Stack->new;
my ($ann, $bob) = $im->users(qw(ann bob));

# A connection to PostgreSQL as that program: a psql that reads what is written to it; undef when it is refused.
sub connected ($program) {
    local %ENV = (%ENV, PGPASSWORD => path($im->state, "secret/$program/PGPASSWORD")->slurp =~ s/\s+\z//r);
    my $pid = open my $psql, '|-', 'exec psql -h ' . $im->state . "/db -U im_$program -d im -X -q -A -t >/dev/null 2>&1" or die "could not run psql: $!\n";
    return { pid => $pid, in => $psql, program => $program };
}

sub backends ($state) { return $im->sql("select count(*) from pg_stat_activity where usename = 'im_friend' and state like '$state%'") }

subtest 'connections' => sub {
    my $limit = $im->sql("select rolconnlimit from pg_roles where rolname = 'im_friend'");
    my ($wanted) = map { 2 * ($_ + 1) } $im->config->{IM_DB_CONNECTIONS} // 4;
    is $limit, $wanted, 'a role has twice what its program needs';
    my @taken = map { connected('friend') } 1 .. $limit;
    ok $im->eventually(10, sub { backends('') == $limit }), 'who takes more';
    sleep 0.3;
    is backends(''), $limit, 'gets no more';
    $ann->get('/friend/list')->ok('the program goes on', []);
    $im->parts->sv('friend', 'restart');
    ok $im->eventually(10, sub { $ann->get('/friend/list')->code == 200 }), 'and starts again, with what there is';
    $_->ok('as do the others') for $ann->get('/user/self'), $bob->get('/conversation/list');
    close $_->{in} for @taken;
};

subtest 'transactions' => sub {
    $im->sql("update im.setting set value = '1 second' where name = 'backend.transaction_max'");
    my $endless = connected('friend');
    syswrite $endless->{in}, "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; begin; select 1;\n";
    ok $im->eventually(10, sub { backends('idle in') == 1 }), 'one that its role has made endless';
    ok $im->eventually(10, sub { backends('idle in') == 0 }), 'is ended';
    close $endless->{in};
    $ann->get('/friend/list')->ok('and the program goes on', []);
};

# --- its socket ---

sub record ($type, $bytes = '') { return pack('CCnnCC', 1, $type, 1, length $bytes, 0, 0) . $bytes }

sub peer ($bytes) {
    my $socket = IO::Socket::UNIX->new(Peer => path($im->state, 'run/friend.sock')->to_string) or die "could not connect: $!\n";
    syswrite $socket, $bytes if length $bytes;
    return $socket;
}

sub open_still (@peers) {
    return grep { my $bits = ''; vec($bits, fileno $_, 1) = 1; !(select($bits, undef, undef, 0) && !sysread $_, my $bytes, 4096) } @peers;
}

subtest 'its socket' => sub {
    my $begin = record(1, pack 'nCx5', 1, 1);
    my $head  = $begin . record(4, pack('CC', 14, 3) . 'REQUEST_METHODGET' . pack('CC', 11, 12) . 'REQUEST_URI/friend/list') . record(4);
    my @halves = ('', "\1", substr($begin, 0, 12), $begin, substr($head, 0, 40), $head, $head . substr record(5, 'x' x 20_000), 0, 10_000);
    my $start = time;
    my @peers = map { peer($_) } @halves;
    sleep 0.2;
    for (1 .. 3) {
        $ann->get('/friend/list')->ok('whoever stalls half-way stops nobody', []);
    }
    cmp_ok time - $start, '<', 3 * slowness(), 'and delays nobody';
    syswrite $peers[5], record(5);
    my $answer = '';
    $peers[5]->blocking(0);
    $im->eventually(5, sub { sysread $peers[5], $answer, 4096; $answer =~ /"code"/ });
    like $answer, qr/"code":401/, 'who goes on in time is answered';
    splice @peers, 5, 1;
    ok $im->eventually(15, sub { !open_still(@peers) }), 'who does not is shut out';
    is scalar(open_still(peer($_))), 1, 'and may come again' for '';
    my $other = peer(record(9) . $head);
    ok $im->eventually(5, sub { !open_still($other) }), 'as is who sends something else';
    $ann->get('/friend/list')->ok('the program goes on', []);
};

$im->allow(qr/im_friend FATAL: .*(too many connections for role|terminating connection)/, qr/friend\.sock failed|upstream/);
$im->end;
done_testing;
