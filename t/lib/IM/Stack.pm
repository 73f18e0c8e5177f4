package IM::Stack;

# A private stack of a test: ./imctl up with a state folder, ports and configuration of its own, so that
# several live side by side.
#
#     my $im = IM::Stack->new;                       # or ->new(IM_ACCESS_TTL => 2, …), ->new(turn => 1) with a TURN server
#     my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
#     $im->befriend($ann, $bob);
#     …
#     $im->end;                                      # stops it and asserts that its logs are clean
#     done_testing;
#
# attach() speaks to a stack that is already running instead (imctl demo, imctl bench): nothing is asserted,
# whatever the contract forbids ends the program.

use Mojo::Base -base, -signatures;
use File::Temp qw(tempdir);
use IM::Accounts;
use IM::Contract;
use IM::Logs;
use IM::Machine qw(slowness);
use IM::Parts;
use IM::Pool;
use IM::Psql;
use IM::User;
use IO::Socket::INET;
use Mojo::File qw(curfile path);
use Mojo::IOLoop;
use Mojo::Promise;
use Mojo::Util qw(trim);
use POSIX ();
use Test::More ();
use Time::HiRes qw(time);

my @PORTS = qw(IM_PORT_CHAT IM_PORT_BACKSTAGE IM_PORT_REDPACKET IM_PORT_HOP IM_PORT_METRICS);
my ($PSQL) = reverse sort glob '/usr/lib/postgresql/*/bin/psql';
my %RUNNING;    # state folder => stack, for END
my $POOL = IM::Pool->new;

# Chinese in titles and diagnostics.
binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);

has root     => sub { curfile->dirname->dirname->dirname->dirname->to_string };
has config   => sub { {} };
has on_fault => sub { \&_fail };        # what happens when a frame breaks the contract or does not come
has secrets  => sub { {} };
has allowed  => sub { [] };
has killed   => sub { [] };
has accounts => sub ($self) { IM::Accounts->new(im => $self) };
has logs_from => sub { {} };              # where this story's lines begin (IM::Logs)
has [qw(state ended own shared condition)];    # condition: how it was when it was made, which is how another story wants it

sub new ($class, %config) {
    my $self = $class->SUPER::new(own => $$);
    return $self if !%config && $self->_take;
    return $self->shared(!%config && defined $POOL->folder)->_make(%config);
}

# One of the pool, with a new database.  What does not come up again is not given on.
sub _take ($self) {
    return if !$POOL->folder;
    my $start  = time;
    my $given  = $POOL->take // return;
    my $config = $given->{config};
    $RUNNING{ $config->{IM_STATE_DIR} } = $self->config($config)->state($config->{IM_STATE_DIR})->shared(1)->condition($given->{condition});
    $self->eventually(10, sub { $self->sql('select count(*) from im.connection') == 0 })    # of who had it before
        && $self->_renew_database or die "could not renew the stack @{[$self->state]}\n";
    $POOL->count(taken => time - $start);
    $self->logs_from($self->logs->position);
    return 1;
}

sub _renew_database ($self) {
    $self->{psql}->close;
    my ($status, $output) = $self->_copy_database('im_seed', 'im');
    path($self->state, 'files')->list_tree({ hidden => 1 })->each(sub ($file, $) { $file->remove });
    return $self->eventually(10, sub { $POOL->connections($self) eq $self->condition->{connections} }) if $status == 0;
    return Test::More::diag($output) && 0;
}

# With owner and rights, which a template does not hand on.
sub _copy_database ($self, $from, $to) {
    return $self->psql("drop database if exists $to with (force); create database $to template $from;
        update pg_database d set datdba = f.datdba, datacl = f.datacl from pg_database f where f.datname = '$from' and d.datname = '$to'",
        '-d', 'postgres');
}

sub _make ($self, %config) {
    my ($fresh, $durable, $turn) = delete @config{qw(fresh durable turn)};
    my $start = time;
    my $dir   = tempdir('/var/tmp/im.XXXXXX', CLEANUP => 0);    # /tmp may be memory
    chmod 0755, $dir;
    $self->state($dir);
    my @small = $ENV{HARNESS_ACTIVE} ? (IM_DB_CONNECTIONS => 2, IM_NGINX_WORKERS => 1) : ();    # several run at once
    $self->config({ IM_STATE_DIR => $dir, IM_BUILD => 'no', IM_RATE_LIMIT => 'off', IM_PATIENCE => 120, _ports(), $turn ? _turn() : (), @small, %config });
    $RUNNING{$dir} = $self;
    path($dir, 'postgres')->make_path->child('local.conf')->open('>')->print("fsync = off\n") if !$durable;
    $POOL->clone($dir, sub ($file) { ref($self)->_make_template($file) }) if !$fresh;
    $self->up;
    $POOL->count(made => time - $start) if $POOL->folder;
    return $self if !$self->shared;
    $self->logs_from($self->logs->position);
    return $self->condition($POOL->condition($self));
}

# What every stack begins with; im_seed is its database once more.
sub _make_template ($class, $file) {
    my $self = $class->SUPER::new(own => $$)->_make(fresh => 1);
    $self->parts->sv($_, 'down') for grep { $_ ne 'postgres' } $self->parts->names;
    my ($status, $output) = $self->_copy_database('im', 'im_seed');
    die "could not copy the database: $output\n" if $status;
    $self->imctl('down');
    $self->_cut_wal;
    $POOL->keep_template($self->state, $file);
    $self->_remove(0);
}

# In segments of 1 MiB instead of 16: two of these were half of what a clone copies.
sub _cut_wal ($self) {
    my $cluster = path($self->state, 'pg');
    my @as_owner = $> ? () : ('chpst', '-u', scalar getpwuid $cluster->stat->uid);
    my ($status, $output) = $self->_command(undef, @as_owner, $PSQL =~ s/psql\z/pg_resetwal/r, '--wal-segsize=1', "$cluster");
    die "could not cut the write-ahead log: $output\n" if $status;
}

# The stack that IM_STATE_DIR and IM_PORT_… describe.
sub attach ($class) {
    my $self   = $class->SUPER::new(on_fault => sub (@why) { die join("\n  ", @why) . "\n" });
    my %config = (IM_PORT_CHAT => 8080, IM_PORT_BACKSTAGE => 8081, IM_PORT_REDPACKET => 8082,
        IM_STATE_DIR => $self->root . '/var', %ENV{ grep {/^IM_/} keys %ENV });
    return $self->config(\%config)->state($config{IM_STATE_DIR});
}

# Starts it, or upgrades it after $im->config has been changed.  Another stack may take a port that was free a moment ago.
sub up ($self) {
    for my $try (1 .. 3) {
        my ($status, $output) = $self->imctl('up');
        return $self if $status == 0;
        if ($try < 3 && $output =~ /port \d+ is taken/) { %{ $self->config } = (%{ $self->config }, _ports(), $self->config->{IM_TURN_LISTEN} ? _turn() : ()); next }
        print STDERR "imctl up failed:\n$output";
        last;
    }
    $self->imctl('down');
    $self->keep;
    die "could not start a private stack\n";
}

# Runs ./imctl with this stack's environment: (exit status, everything that it printed, but for how long something took).
sub imctl ($self, @arguments) {
    $self->{psql}->close if $self->{psql};    # what ends PostgreSQL would log that it cuts a connection
    return map {s/^[^:\n]+: \d+ s\n//gmr} $self->_command(undef, $self->root . '/imctl', @arguments);
}

# SQL as the superuser: the rows, each a list of text; in scalar context the first value of the first row.
sub sql ($self, $sql) {
    my $psql = $self->{psql} //= IM::Psql->new(command => [$self->_psql('-F', "\x1f", '-R', "\x1e")]);
    my ($status, $output) = $psql->ask($sql);
    die "psql failed: $output\n$sql\n" if $status;
    my @rows = map { [split /\x1f/, $_, -1] } split /\x1e\n?/, $output =~ s/\n\z//r;
    return wantarray ? @rows : @rows ? $rows[0][0] : undef;
}

# The same by a psql of its own, with its output: (exit status, text).
sub psql ($self, $sql, @arguments) { return $self->_command($sql, $self->_psql(@arguments)) }

sub _psql ($self, @arguments) {
    return ($PSQL, '-h', $self->state . '/db', qw(-U postgres -d im -X -q -A -t -v ON_ERROR_STOP=1), @arguments);
}

sub url ($self, $service) { return 'http://127.0.0.1:' . $self->port($service) }

sub port ($self, $service) { return $self->config->{ 'IM_PORT_' . uc $service } }

sub contract ($self, $service) { return $self->{contract}{$service} //= IM::Contract->new(service => $service) }

# Is registered and logged in (IM::Accounts); the user name is the name unless the story wants another.
sub user ($self, $name, %profile) { return $self->accounts->user($name, %profile) }

sub users ($self, @names) { return map { $self->user($_) } @names }

# A client without a token.
sub stranger ($self, $service = 'chat') { return IM::User->new(im => $self, name => 'stranger', service => $service) }

# The first administrator, logged in on the backstage.
sub admin ($self) {
    return $self->{admin} //= do {
        my $password = trim path($self->state, 'admin-password')->slurp;
        ($password) = reverse split /[\s:]+/, $password;
        $self->secret($password);
        my $admin = IM::User->new(im => $self, name => 'admin', password => $password, service => 'backstage');
        my $session = $admin->post('/login', { username => 'admin', password => $password })->must;
        $self->secret($session->{accessToken});
        $admin->access($session->{accessToken});
    };
}

# The first applies, the others approve.
sub befriend ($self, $one, @others) {
    for my $other (@others) {
        my $request = $one->post('/friend/request/apply', { friendId => $other->id, applyInfo => 'hello' })->must;
        $other->post('/friend/request/approve', { requestId => $request->{requestId} })->must;
    }
    return $self;
}

# Money by the only door there is: a recharge order that the administrator approves.
sub fund ($self, $user, $amount) {
    my $order = $user->post('/user/recharge', { amount => $amount + 0, payType => 'alipay' })->must;
    $self->admin->post('/im/recharge/approve', { id => $order->{id} })->must;
    return $self;
}

# Sets the trade password, and remembers it as $user->trade.
sub arm ($self, @users) {
    for my $user (@users) {
        $user->trade('trade ' . _random());
        $self->secret($user->trade);
        $user->put('/setTradePwd', { tradePassword => $user->trade })->must;
    }
    return $self;
}

# A group of the owner and these friends: its id.
sub group ($self, $owner, @members) {
    return $owner->post('/group/create', { groupName => 'readers', memberIds => [map { $_->id } @members] })->must->{id};
}

# Runs promises of answers (IM::User's post_p) at once: the answers in order.
sub together ($self, @promises) {
    my (@answers, $error);
    Mojo::Promise->all(@promises)->then(sub (@all) { @answers = map { $_->[0] } @all })
        ->catch(sub ($why) { $error = $why })->wait;
    die "a request had no answer: $error\n" if $error;
    return @answers;
}

# What must not appear in any log.
sub secret ($self, @texts) {
    $self->secrets->{$_} = 1 for grep { length } @texts;
    return $self;
}

# Lines of logs that this test provokes.
sub allow ($self, @patterns) {
    push @{ $self->allowed }, @patterns;
    return $self;
}

# Programs that this test kills: no others may end but when they are told to.
sub kills ($self, @programs) {
    push @{ $self->killed }, @programs;
    return $self;
}

# Its processes: who can be stopped and killed.
sub parts ($self) { return $self->{parts} //= IM::Parts->new($self->state) }

# SQL in a process of its own, for locks that are held while the story goes on; its pid, which the story waits for.
sub background_sql ($self, $sql) {
    my $pid = fork // die "could not fork: $!\n";
    return $pid if $pid;
    my ($status) = $self->psql($sql);
    POSIX::_exit($status);
}

sub logs ($self) { return IM::Logs->new(im => $self) }

# Asks again until the condition is true: for what the server does in its own time.  Seconds it took, or undef.
sub eventually ($self, $deadline, $condition) {
    my ($start, $pause) = (time, 0.02);
    while (time - $start < $deadline || time - $start < $deadline * slowness) {
        return time - $start || 0.001 if eval { $condition->() };
        $self->run($pause);
        $pause *= 1.5 if $pause < 0.1;    # a question costs more than it
    }
    return;
}

# Reports a broken contract, or a frame that does not come: the title, then details.
sub complain ($self, @why) { return $self->on_fault->(@why) }

# Lets sockets and promises go on for so many seconds.
sub run ($self, $seconds) {
    my $timer = Mojo::IOLoop->timer($seconds => sub { Mojo::IOLoop->stop });
    Mojo::IOLoop->start;
}

# Asserts that nothing in it ended by itself, left a file behind or went wrong; stops the stack, unless another story can
# go on with it.
sub end ($self) {
    return if $self->ended;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $given = $self->shared && $POOL->is_whole($self);
    $self->_stop if !$given;
    my @deaths = $self->logs->deaths;
    Test::More::ok(!@deaths, 'no program has ended by itself') or Test::More::diag(map {"  $_\n"} @deaths);
    my @files = $self->leftovers;
    Test::More::ok(!@files, 'neither nginx has left a file behind') or Test::More::diag(map {"  $_\n"} @files);
    my @faults = $self->logs->faults;
    Test::More::ok(!@faults, 'its logs are clean') or Test::More::diag(join "\n", @faults[0 .. ($#faults > 20 ? 20 : $#faults)]);
    return $self->ended(1) if $given && Test::More->builder->is_passing;    # END gives it on
    $self->imctl('down') if $given;
    $self->_remove(@files || @faults || !Test::More->builder->is_passing);
}

sub _stop ($self) {
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    my ($status, $output) = $self->imctl('down');
    Test::More::is($status, 0, 'the stack stops') or Test::More::diag($output);
    my @left = $self->parts->everything;
    Test::More::ok(!@left, 'nothing of it is left running') or Test::More::diag(map {"  $_\n"} @left);
}

# What both nginx instances hold in files: bodies and answers that found no room in memory.
sub leftovers ($self) {
    my $state = path($self->state);
    return map { $_->to_rel($state)->to_string } map { $state->child($_, 'tmp')->list_tree->grep(sub { $_->basename ne 'nginx.pid' })->each } qw(nginx push);
}

# Leaves the state folder for whoever looks into a failure.
sub keep ($self) { $self->_remove(1) }

sub _remove ($self, $keep) {
    $self->ended(1);
    delete $RUNNING{ $self->state };
    return Test::More::diag("left in @{[$self->state]}") if $keep && $ENV{IM_KEEP};
    system 'rm', '-rf', $self->state;    # Perl takes ten times as long for the 2000 files of a cluster
}

sub _command ($self, $input, @arguments) {
    local %ENV = (%ENV, %{ $self->config });
    my $in = File::Temp->new;
    binmode $in, ':utf8';
    print $in $input // '';
    $in->flush;
    my $out = File::Temp->new;
    my $pid = fork // die "could not fork: $!\n";
    if (!$pid) {
        open STDIN,  '<',  $in->filename  or POSIX::_exit(127);
        open STDOUT, '>',  $out->filename or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT       or POSIX::_exit(127);
        exec @arguments or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $status = $? >> 8 || $? & 127;
    my $output = Mojo::Util::decode('UTF-8', path($out->filename)->slurp) // path($out->filename)->slurp;
    return ($status, $output);
}

# Ports below the range from which the kernel takes those of outgoing connections, each bound once to see that
# it is free.
sub _ports () {
    my @held = map { _port() } @PORTS;
    return map { ($PORTS[$_] => $held[$_]->sockport) } 0 .. $#PORTS;
}

sub _port () {
    my $socket;
    $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 20000 + int(rand 12000), Listen => 1) until $socket;
    return $socket;
}

# A TURN server that relays between clients on this machine.  Of its relay ports it leaves those that are taken.
sub _turn () {
    my $first = 10000 + 200 * int rand 50;
    return (IM_TURN_LISTEN => '127.0.0.1:' . _port()->sockport, IM_TURN_PORTS => "$first-" . ($first + 199), IM_TURN_PEERS => '127.0.0.1');
}

sub _random () { return join '', map { sprintf '%04x', rand 65536 } 1 .. 3 }

sub _fail ($title, @details) {
    local $Test::Builder::Level = $Test::Builder::Level + 3;
    Test::More::fail($title);
    Test::More::diag("  $_") for @details;
}

# One that is told to end leaves none either.
my $story = $$;
$SIG{$_} = sub { $$ == $story ? exit 1 : POSIX::_exit(1) } for qw(HUP INT TERM);

# A test that died leaves no stack behind, and fails for not having asked for clean logs, which may say why it died.
END {
    my $status = $?;
    for my $self (grep { $_->own && $_->own == $$ } values %RUNNING) {
        if ($self->ended && !$status) { $self->give_on; next }
        Test::More::diag(join "\n", grep {defined} (eval { reverse $self->logs->faults })[0 .. 9]) if !$self->ended;
        $self->imctl('down');
        $self->keep;
        $status ||= 1;
    }
    $? = $status;
}

sub give_on ($self) {
    $self->{psql}->close if $self->{psql};
    $POOL->give({ config => $self->config, condition => $self->condition });
}

1;
