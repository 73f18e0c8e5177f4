# message-kill: fifty clients write to each other while what carries their messages is killed, part after part.  No
# message that was acknowledged is lost, none comes twice, none out of order.
#
# Each part is killed twice, with IM_LONG=1 twenty times.  The clients do what socket(8) says, only with shorter
# waits in the short form: it is the kills that are to be many, not the waiting.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Client;
use IM::Crowd;
use IM::Stack;
use List::Util qw(max min sum0);
use Test::More;
use Time::HiRes qw(time);

my $KILLS   = $ENV{IM_LONG} ? 20 : 2;
my $CLIENTS = 50;
my $THINK   = 0.8;      # seconds, on average, between an acknowledgement and the next message
my $begun   = time;

my $im     = IM::Stack->new(durable => 1);
my $parts  = $im->parts;
my $crowd  = IM::Crowd->new(im => $im);
my @people = $crowd->people($CLIENTS);
my @pairs  = map { [@people[2 * $_, 2 * $_ + 1]] } 0 .. $CLIENTS / 2 - 1;
$crowd->befriend(@pairs);
my @groups = map { $crowd->group(@people[10 * $_ .. 10 * $_ + 9]) } 0 .. $CLIENTS / 10 - 1;

# --- the load: everybody writes to a friend, every third time to a group ---

my ($loaded, @clients, $said) = (1);
for my $i (0 .. $#people) {
    my $client = IM::Client->new(user => $people[$i], beat => 2, $ENV{IM_LONG} ? () : (patience => 2), retry => [0.2, 2]);
    my $write;
    $write = sub {
        return if !$loaded;
        my $to = rand 3 < 1 ? { groupId => $groups[$i / 10] } : { receiverId => $people[$i ^ 1]->id };
        $client->say($to, 'message ' . ++$said);
    };
    $client->on_sent(sub (@) { Mojo::IOLoop->timer($THINK * (0.5 + rand) => $write) });
    push @clients, $client;
    Mojo::IOLoop->timer(0.5 + rand $THINK => $write);
    $client->start;
}

sub count ($what) { return sum0 map { $_->count->{$what} } @clients }
sub acknowledged () { return sum0 map { scalar keys %{ $_->acknowledged } } @clients }

# The newest thing to be acknowledged that was first sent after that moment, or undef.
sub works_since ($client, $moment) {
    return $client->{works} && $client->{works} > $moment;
}
for my $client (@clients) {
    my $then = $client->on_sent;
    $client->on_sent(sub ($client, $done) { $client->{works} = $done->{sent}; $client->{answered} = time; $then->($client, $done) });
}

# Kills the processes and waits until messages that were written afterwards are acknowledged: (seconds to the first,
# seconds until everybody has one).
sub survives ($signal, @pids) {
    my $start = time;
    kill $signal => @pids;
    my $first = $im->eventually(60, sub { grep { works_since($_, $start) } @clients });
    my $all   = $im->eventually(60, sub { $CLIENTS == grep { ($_->{answered} // 0) > $start && $_->is_open } @clients });
    return ($first, defined $first && defined $all ? $first + $all : undef);
}

# Why somebody has not written.
sub silent () {
    for my $client (grep { !$_->is_open || !$_->{answered} } @clients) {
        my $next = $client->under_way;
        diag sprintf '%s: %s, %s, faults: %s', $client->name, $client->is_open ? 'open' : 'closed',
            $next ? sprintf('%s sent %d times', $next->{data}{clientMsgId}, $next->{tries} // 0) : 'nothing to say', "@{ $client->faults }";
    }
    BAIL_OUT('nobody would be left to kill') if !grep { $_->{answered} } @clients;
}

my @kinds = (
    ["the socket program's worker", KILL => sub { $parts->pids('socket', 'socket') }],
    ["the message program's worker", KILL => sub { $parts->pids('message', 'message') }],
    ["the push instance's worker",  KILL => sub { grep { $_ != ($parts->pids('push'))[0] } $parts->pids('push') }],
    ['the push instance, master and all', KILL => sub { $parts->pids('push') }],
    ["the edge's workers",          KILL => sub { grep { $_ != ($parts->pids('nginx'))[0] } $parts->pids('nginx') }],
    ['the edge, master and all',    KILL => sub { $parts->pids('nginx') }],
    ['PostgreSQL, an immediate stop', QUIT => sub { ($parts->pids('postgres'))[0] }],
    ['PostgreSQL, its postmaster',  KILL => sub { ($parts->pids('postgres'))[0] }],
    ['the clerk',                   KILL => sub { $parts->pids('clerk') }],
);

ok $im->eventually(120, sub { $CLIENTS == grep { $_->is_open && $_->{answered} } @clients }), "$CLIENTS clients write"
    or silent();

for (@kinds) {
    my ($title, $signal, $victims) = @$_;
    my (@first, @all, $failed);
    my ($acknowledged, $again) = (acknowledged(), count('again'));
    for my $kill (1 .. $KILLS) {
        my @pids;
        $im->eventually(10, sub { @pids = $victims->() }) or last;
        my ($first, $all) = survives($signal, @pids);
        last if !defined $all;
        push @first, $first;
        push @all,   $all;
        $im->run(rand 0.5);
    }
    is scalar @all, $KILLS, "$title: $KILLS kills, after each of which everybody writes again";
    ($ENV{IM_LONG} ? \&diag : \&note)->(sprintf '%s: acknowledged again after %.1f s (worst %.1f), everybody after %.1f s (worst %.1f); %d acknowledged meanwhile, %d sent again',
        $title, sum0(@first) / @first, max(@first), sum0(@all) / @all, max(@all), acknowledged() - $acknowledged, count('again') - $again) if @all;
}

# --- nothing more is written; what is under way arrives ---

$loaded = 0;
ok $im->eventually(60, sub { !grep { !$_->idle } @clients }), 'everything that was written is acknowledged';
my %last = map { ($_->[0] => $_->[1]) } $im->sql('select id, last_seq from im.conversation');
my %members;
push @{ $members{ $_->[0] } }, $_->[1] for $im->sql('select conversation_id, account_id from im.member');
my %client = map { ($_->user->id => $_) } @clients;
my $behind = sub {
    my $count = 0;
    for my $conversation (keys %members) {
        $count += grep { $client{$_}->seq($conversation) < $last{$conversation} } @{ $members{$conversation} };
    }
    return $count;
};
ok $im->eventually(60, sub { !$behind->() }), 'and shown to everybody' or diag $behind->() . ' conversations of clients are behind';
ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'nothing waits in the outbox';

# --- the check ---

my %stored = map { ($_->[3] => $_) } my @stored = $im->sql('select id, conversation_id, seq, client_msg_id, content from im.message order by id');
my %acknowledged = map { %{ $_->acknowledged } } @clients;
my @lost = grep {
    my $row = $stored{$_};
    !$row || $row->[0] != $acknowledged{$_}{id} || $row->[2] != $acknowledged{$_}{seq} || $row->[4] ne $acknowledged{$_}{content};
} sort keys %acknowledged;
is scalar @lost, 0, 'lost: 0' or diag "lost @lost";

my ($duplicated, $disordered, $absent) = (@stored - keys %stored, 0, 0);
my %own;    # who wrote what, in the order of the conversation
for my $conversation (keys %members) {
    my @wanted = grep { $_->[1] == $conversation } @stored;
    $disordered += grep { $wanted[$_][2] != $_ + 1 } 0 .. $#wanted;
    for my $account (@{ $members{$conversation} }) {
        my @shown = $client{$account}->shown($conversation);
        my %seen;
        $duplicated += grep { $seen{ $_->{id} }++ } @shown;
        $absent     += grep { !$seen{ $_->[0] } } @wanted;
        $disordered++ if "@{[map { $_->{id} } @shown]}" ne "@{[map { $_->[0] } @wanted]}";
    }
    for (@wanted) {
        my ($name, $number) = $_->[3] =~ /\A(.*)-(\d+)\z/;
        $disordered++ if ($own{$conversation}{$name} // 0) >= $number;
        $own{$conversation}{$name} = $number;
    }
}
is $duplicated, 0, 'duplicated: 0';
is $disordered, 0, 'out of order: 0';
is $absent,     0, 'missing on a screen: 0';
is_deeply [map { @{ $_->faults } } @clients], [], 'and nobody saw a contradiction';
is scalar(grep { !$acknowledged{$_} } keys %stored), 0, 'nothing is there that its sender does not know of';

# Whoever comes without memory reads the same from history.
my $unread = 0;
for my $i (0 .. $#pairs) {
    my ($one, $other) = @{ $pairs[$i] };
    my (@read, $page);
    while (1) {
        my $rows = $other->get('/message/private/history', { friendId => $one->id, page => ++$page, size => 100 })->must->{records};
        push @read, map { $_->{clientMsgId} } @$rows;
        last if @$rows < 100;
    }
    my %read = map { ($_ => 1) } @read;
    $unread += grep { !$read{$_} } map { $_->{clientMsgId} } map { $client{ $one->id }->shown($_) }
        grep { @{ $members{$_} } == 2 } $client{ $one->id }->conversations;
}
is $unread, 0, 'history has all of it';
diag sprintf '%d kills in %.0f s: %d messages acknowledged, %d stored, %d shown; frames pushed %d, pulled %d, from history %d, dropped %d, held back %d, '
    . 'sent again %d, connections %d', $KILLS * @kinds, time - $begun, scalar keys %acknowledged, scalar @stored,
    sum0(map { my $client = $_; map { scalar(my @shown = $client->shown($_)) } $client->conversations } @clients),
    map { count($_) } qw(pushed pulled history dropped held again connected);

$_->stop for @clients;
$im->allow(qr/exited on signal 9|\b(FATAL|PANIC|ERROR):|could not|failed|PostgreSQL|upstream|worker process|presence stream|was terminated/);
$im->kills(qw(socket message imclerk));
$im->end;
done_testing;
