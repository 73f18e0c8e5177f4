package IM::Faults;

# What may happen to a stack, one thing after the other, while others use it: those of the catalogue of faults that need neither
# another configuration nor a mount, a shim or a namespace.  The others have stories of their own.
#
#     my $faults = IM::Faults->new(im => $im, load => $load);
#     for my $fault ($faults->deck(90)) { $faults->strike($fault); $faults->recovers or … }

use Mojo::Base -base, -signatures;
use IO::Handle;
use IM::Money qw(fields);
use IM::Raw;
use List::Util qw(shuffle);
use Mojo::File qw(path);
use POSIX ();
use Time::HiRes qw(time);

has [qw(im load)];

my @PROGRAMS = qw(auth backstage file friend group message redpacket session socket system user wallet webrtc);

# Number and name of each, and what it does; it is over when that returns.
my @FAULTS = (
    ['F1 a program\'s process is killed',        sub ($self) { $self->_kill(_one($self->_pids($self->_program))) }],
    ['F2 all processes of a program are killed', sub ($self) { $self->_kill($self->_pids($self->_program)) }],
    ['F4 a program stands still',                sub ($self) { $self->_stands_still($self->_program, 1 + rand 9) }],
    ['F5 the edge reads its configuration again', sub ($self) { $self->_sv(nginx => 'hup') }],
    ['F5 the edge is restarted',                 sub ($self) { $self->_sv(nginx => 'restart') }],
    ['F5 the push instance is restarted',        sub ($self) { $self->_sv(push => 'restart') }],
    ['F6 a worker of the edge is killed',        sub ($self) { $self->_kill(_one($self->_workers('nginx'))) }],
    ['F6 a worker of the push instance is killed', sub ($self) { $self->_kill(_one($self->_workers('push'))) }],
    ['F7 nothing is pushed',                     sub ($self) { $self->_away(push => 5) }],
    ['F9 PostgreSQL is killed',                  sub ($self) { $self->_kill(($self->im->parts->pids('postgres'))[0]) }],
    ['F9 a backend of PostgreSQL is killed',     sub ($self) { $self->_kill(_one($self->_backends)) }],
    ['F11 PostgreSQL is restarted',              sub ($self) { $self->_sv(postgres => 'restart') }],
    ['F11 all its connections are ended',        sub ($self) { $self->im->sql(q{select count(pg_terminate_backend(pid)) from pg_stat_activity where usename like 'im\_%'}) }],
    ['F12 a program has no connections left',    sub ($self) { $self->_short_of_connections($self->_program) }],
    ['F13 a conversation is locked',             sub ($self) { $self->_locked }],
    ['F14 two want two purses, each one first',  sub ($self) { $self->_crossed }],
    ['F15 all rob one packet',                   sub ($self) { $self->_all_rob }],
    ['F17 files cannot be written',              sub ($self) { $self->_unwritable }],
    ['F18 nobody reads a program\'s log',        sub ($self) { $self->_stands_still($self->_program . '/log', 8) }],
    ['F18 all loggers are killed',               sub ($self) { $self->_kill(map { $self->_pids("$_/log") } $self->im->parts->names) }],
    ['F25 clients go in the middle of requests', sub ($self) { $self->_cut_off }],
    ['F26 clients are slow',                     sub ($self) { $self->_slow }],
    ['F27 many connections that say nothing',    sub ($self) { my @held = map { IM::Raw->new($self->im->port('chat')) } 1 .. 300; $self->im->run(4) }],
    ['F32 others want the processors',           sub ($self) { $self->_starved }],
    ['F33 the clerk is killed',                  sub ($self) { $self->_kill($self->_pids('clerk')) }],
    ['F34 the same is sent fifty times at once', sub ($self) { $self->_fifty }],
    ['F35 a sender\'s transaction stays open',   sub ($self) { $self->_held_open }],
    ['F38 a backup is made',                     sub ($self) { $self->_backed_up }],
    ['O4 a supervisor is killed',                sub ($self) { $self->_kill($self->im->parts->runsv($self->_program)) }],
);

# So many, each kind before any comes again.
sub deck ($self, $count) {
    my @deck;
    push @deck, shuffle @FAULTS while @deck < $count;
    return @deck[0 .. $count - 1];
}

sub strike ($self, $fault) { return $fault->[1]->($self) }

# Everything answers and everybody is connected again: seconds that it took, or undef.
sub recovers ($self) {
    my $start = time;
    return $self->im->eventually(60, sub { $self->_works && !grep { !$_->is_open } @{ $self->load->clients } }) && time - $start;
}

# One request to each program.
sub _works ($self) {
    my ($ann, $bob) = @{ $self->load->people };
    my $im      = $self->im;
    my @answers = $im->together(
        $im->stranger->raw_p(POST => '/login', '{}', 'Content-Type' => 'application/json'),
        $im->stranger->raw_p(PUT => '/refreshToken', '{"refreshToken":"x"}', 'Content-Type' => 'application/json'),
        (map { $ann->raw_p(GET => $_) } qw(/user/self /user/queryUserFundDetail /friend/list /group/list /conversation/list /system/config /webrtc/current /file/download?url=0)),
        $ann->raw_p(POST => '/redPackage/rob', '{"redPacketId":"00000000-0000-4000-8000-000000000000"}', 'Content-Type' => 'application/json'),
        $im->admin->raw_p(GET => '/im/recharge/list'));
    return !grep { $_->code =~ /^50/ } @answers;
}

# --- whom -----------------------------------------------------------------------------------------------------------

sub _program ($self) { return _one(@PROGRAMS) }
sub _one (@of) { return $of[rand @of] // () }
sub _pids ($self, $part) { return $self->im->parts->pids($part) }
sub _workers ($self, $part) { my (undef, @workers) = $self->_pids($part); return @workers }
sub _backends ($self) { return map { $_->[0] } $self->im->sql(q{select pid from pg_stat_activity where usename like 'im\_%'}) }

# --- how ------------------------------------------------------------------------------------------------------------

sub _kill ($self, @pids) { kill KILL => @pids }

# Begins something that takes its time, beside the load.  It says by a pipe how it ended: the event loop waits for every child.
sub _begin ($self, $code) {
    pipe my $from, my $to or die "could not make a pipe: $!\n";
    my $pid = fork // die "could not fork: $!\n";
    return $from if $pid;
    print $to 'done' if eval { $code->(); 1 };
    $to->flush;
    POSIX::_exit(0);
}

# Whether it worked, when it has ended.
sub _ends ($self, $from) {
    my $said = '';
    $from->blocking(0);
    $self->im->eventually(120, sub { my $n = sysread $from, $said, 16, length $said; defined $n && $n == 0 });
    return $said eq 'done';
}

sub _beside ($self, $code) { return $self->_ends($self->_begin($code)) }

sub _sv ($self, $part, $word) { $self->_beside(sub { $self->im->parts->sv($part, $word) }) or $self->load->_finds("sv $word $part failed") }

sub _stands_still ($self, $part, $seconds) {
    my @pids = $self->_pids($part);
    kill STOP => @pids;
    $self->im->run($seconds);
    kill CONT => @pids;
}

sub _away ($self, $part, $seconds) {
    $self->_sv($part => 'down');
    $self->im->run($seconds);
    $self->_sv($part => 'up');
}

sub _short_of_connections ($self, $program) {
    my $im    = $self->im;
    my $limit = $im->sql("select rolconnlimit from pg_roles where rolname = 'im_$program'");
    $im->sql("alter role im_$program connection limit 1");
    $im->sql("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'im_$program'");
    $im->run(5);
    $im->sql("alter role im_$program connection limit $limit");
}

sub _conversation ($self) { return scalar $self->im->sql("select id from im.conversation where group_id = @{[_one(@{ $self->load->groups })]}") }

sub _locked ($self) {
    my $place = $self->_conversation;
    $self->_beside(sub { $self->im->psql("begin; select 1 from im.conversation where id = $place for update; select pg_sleep(4); commit") });
}

# Two transactions of an operator's, which the server's own have to survive; PostgreSQL ends one of them.
sub _crossed ($self) {
    my $im  = $self->im;
    my @ids = map { $_->[0] } $im->sql("select id from im.purse where kind = 'available' and account_id in (@{[join ',', map { $_->id } @{ $self->load->people }[0, 1]]}) order by id");
    my @both = map { my ($one, $other) = @$_; $self->_begin(sub {
        $im->psql("begin; select 1 from im.purse where id = $one for update; select pg_sleep(1.5); select 1 from im.purse where id = $other for update; commit")
    }) } [@ids], [reverse @ids];
    $self->_ends($_) for @both;
    $self->{deadlocks}++;
}

sub _all_rob ($self) {
    my $load = $self->load;
    my @people = @{ $load->people }[0 .. 5];
    $load->im->together($load->_sends_packet($people[0]));
    $load->im->together(map { $load->_robs($people[$_ % 6]) } 1 .. 64);
}

sub _unwritable ($self) {
    my @folders = map { $_->to_string } path($self->im->state, 'files'), path($self->im->state, 'files')->list({ dir => 1 })->grep(sub {-d})->each;
    chmod 0500, @folders;
    $self->im->run(5);
    chmod 0700, @folders;
}

# A hundred requests, each cut at another place.
sub _cut_off ($self) {
    my $ann = $self->load->people->[0];
    for my $n (1 .. 100) {
        my $bytes = $ann->_bytes(POST => '/redPackage/rob', { redPacketId => '00000000-0000-4000-8000-000000000000' });
        IM::Raw->new($self->im->port('chat'))->write(substr $bytes, 0, length($bytes) * $n / 100);
        $self->im->run(0.02) if $n % 10 == 0;
    }
}

sub _slow ($self) {
    my $bytes = $self->load->people->[0]->_bytes(POST => '/conversation/list', {});
    my @slow  = map { IM::Raw->new($self->im->port('chat')) } 1 .. 60;
    for my $second (0 .. 7) {
        eval { $_->write(substr $bytes, $second, 1) } for @slow;
        $self->im->run(1);
    }
}

# Two that do nothing but compute, a core each.
sub _starved ($self) {
    my @both = map { $self->_begin(sub { my $end = time + 5; 1 while time < $end }) } 1 .. 2;
    $self->_ends($_) for @both;
}

# One withdrawal, fifty times with one key: one order.
sub _fifty ($self) {
    my $load = $self->load;
    my $who  = $load->people->[0];
    my $body = fields(amount => \'2.00', toAddress => '0x' . 'b' x 40, tradePassword => $who->trade);
    my @all  = $self->im->together(map { $load->surely(money => $who, POST => '/user/withdraw', $body, 'Idempotency-Key' => "fifty-$$-" . ($load->{key} + 0)) } 1 .. 50);
    $load->{key}++;
    my %ids = map { (($_->data // {})->{id} // 'none') => 1 } @all;
    return $load->_finds('fifty times the same has ' . join(', ', sort keys %ids)) if keys %ids != 1;
    $load->_settle(withdrawals => keys %ids);
}

# Others wait for its place in the conversation, and come behind it.
sub _held_open ($self) {
    my $load  = $self->load;
    my $group = $load->groups->[1];
    my $from  = $load->people->[6];
    my $id    = join '-', 'held', ++$self->{held};
    $self->_beside(sub { $self->im->psql("begin; select (im.group_append(@{[$from->id]}, $group, 'held', 1::smallint, null, '$id')).id; select pg_sleep(5); commit") });
}

sub _backed_up ($self) {
    my $file = path($self->im->state)->sibling(path($self->im->state)->basename . '.backup');
    my $done = $self->_beside(sub { my ($status, $text) = $self->im->imctl('backup', "$file"); die $text if $status });
    $self->load->_finds('a backup fails') if !$done;
    $file->remove;
}

1;
