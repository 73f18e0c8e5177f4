package IM::Bench::Load;

# wrk on the stack's HTTP and pgbench on its database: one run each, measured from outside.

use Mojo::Base -base, -signatures;
use File::Temp;
use Mojo::File qw(curfile path tempdir);
use Time::HiRes qw(sleep time);

has [qw(im people processes)];     # IM::Stack; [{id, session, token, friend}…]; IM::Bench::Processes
has clients => 16;
has content => 'Shall we meet at the tea house at eight? The usual table.';
has folder  => sub { curfile->dirname->dirname->dirname->dirname };    # bench/
has scratch => sub { tempdir };
has packet  => 0;                   # the first red packet that nobody has robbed

# What programs send themselves: role, and the statements of one request.
my %ROLE = (self => 'user', send => 'message', rob => 'redpacket');

# Robs of one packet, as http.lua and rob.sql do them.
use constant ROBS => 96;

# {count, seconds, median, p99} of requests to the stack, latencies in ms.
sub http ($self, $what, $seconds) {
    my $output = _run(sub { }, 'wrk', '-t1', "-c@{[$self->clients]}", "-d${seconds}s", '-s', $self->folder->child('http.lua'),
        $self->im->url('chat'), '--', $what, $self->_tokens($what), $self->content, $self->packet);
    my ($count, $microseconds, $median, $p99, $failed) = $output =~ /^bench (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or die "wrk failed: $output\n";
    die "$failed requests failed\n" if $failed;
    $self->_robbed($what, $count);
    return { count => $count, seconds => $microseconds / 1e6, median => $median / 1000, p99 => $p99 / 1000 };
}

# The same for the same statements sent straight to PostgreSQL, by as many clients; and cpu, what they used once
# all were connected: the programs, too, connect long before the first request.
sub pgbench ($self, $what, $seconds) {
    my $first = $self->people->[0];
    my $log   = $self->scratch->child("pgbench-$what");
    unlink glob "$log*";
    local $ENV{PGPASSWORD} = $self->_secret("$ROLE{$what}/PGPASSWORD");
    $self->im->sql("alter role im_$ROLE{$what} connection limit -1");    # more clients than the program has connections
    my ($cpu, $window);
    my $during = sub {
        sleep 0.4;
        my ($start, $before) = (time, $self->processes->cpu);
        sleep $seconds - 0.5;
        ($cpu) = $self->processes->used($before, $self->processes->cpu);
        $window = time - $start;
    };
    my $output = _run($during, 'pgbench', '-n', '-M', 'prepared', '-c', $self->clients, '-j', 2, '-T', $seconds,
        '-f', $self->folder->child("$what.sql"), '-l', "--log-prefix=$log", '--sampling-rate=0.05',
        '-D', "account=$first->{id}", '-D', "session=$first->{session}", '-D', 'accounts=' . @{ $self->people },
        '-D', 'first=' . $self->packet, '-D', 'turn=-1',
        '-h', path($self->im->state, 'db'), '-U', "im_$ROLE{$what}", 'im');
    my ($count) = $output =~ /actually processed: (\d+)/ or die "pgbench failed: $output\n";
    my ($rate)  = $output =~ /^tps = ([\d.]+)/m;
    $self->_robbed($what, $count);
    my @times   = sort { $a <=> $b } map { (split)[2] / 1000 } map { split /\n/, path($_)->slurp } glob "$log*";
    return { count => $count, seconds => $count / $rate, median => at(\@times, 0.5), p99 => at(\@times, 0.99),
        cpu => $cpu / $window * $count / $rate };
}

# Whoever robs next begins with another packet; some clients are ahead of others.
sub _robbed ($self, $what, $count) { $self->packet($self->packet + int(1.5 * $count / ROBS) + 2) if $what eq 'rob' }

# The value below which that part of the ascending values lies.
sub at ($values, $part) { return @$values ? $values->[$#$values * $part] : 0 }

sub _tokens ($self, $what) {
    my $file = $self->scratch->child('tokens');
    my $out  = $file->open('>');
    print $out map {"$_->{token} $_->{friend} @{[$_->{call} // '']}\n"} grep { $what ne 'heartbeat' || $_->{call} } @{ $self->people };
    close $out;
    return $file;
}

sub _secret ($self, $name) { return path($self->im->state, 'secret', $name)->slurp =~ s/\s+\z//r }

# Runs the command, and meanwhile what is to be done meanwhile; its output.
sub _run ($meanwhile, @command) {
    my $out = File::Temp->new;
    my $pid = fork // die "could not fork: $!\n";
    if (!$pid) {
        open STDOUT, '>&', $out      or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec { $command[0] } map {"$_"} @command or POSIX::_exit(127);
    }
    $meanwhile->();
    waitpid $pid, 0;
    my $output = path($out->filename)->slurp;
    die "$command[0] failed: ", $output =~ /^(.*(?:error|ERROR|unable).*)$/m ? $1 : $output, "\n" if $?;
    return $output;
}

1;
