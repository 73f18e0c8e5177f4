package IM::Bench::Processes;

# What the processes of a stack use, by part.  runit's tree says whose they are: runsvdir, a runsv per part, and
# below it whatever the part consists of.

use Mojo::Base -base, -signatures;
use Mojo::File qw(path);
use POSIX qw(sysconf _SC_CLK_TCK);
use Time::HiRes qw(sleep time);

has 'state';
has tick => sub { sysconf(_SC_CLK_TCK) };
has root => sub ($self) { $self->_find_root };

# Of a stack on a disk: in memory a commit costs nothing (Debian 13 has /tmp there).
sub new ($class, %stack) {
    chomp(my $kind = qx{stat -f -c %T $stack{state}});
    die "$stack{state} is in memory ($kind): there is nothing to measure\n" if $kind =~ /\A(?:tmp|ram)fs\z/;
    return $class->SUPER::new(%stack);
}

# CPU seconds used so far, by part; those of ended children are in their parents'.
sub cpu ($self) {
    my %used;
    $self->_walk(sub ($process, $part) { $used{$part} += $process->{ticks} / $self->tick });
    return \%used;
}

# What was used between two results of cpu(): the sum and the parts.
sub used ($self, $before, $after) {
    my %parts = map { ($_ => $after->{$_} - ($before->{$_} // 0)) } keys %$after;
    my $sum   = 0;
    $sum += $_ for values %$after;
    $sum -= $_ for values %$before;
    return ($sum, \%parts);
}

# CPU seconds used on this machine by anybody.
sub machine ($self) {
    my ($user, $nice, $system, $idle, $wait, @interrupts) = path('/proc/stat')->slurp =~ /^cpu +(.*)/ ? split ' ', $1 : die;
    return ($user + $nice + $system + $interrupts[0] + $interrupts[1]) / $self->tick;
}

# Waits until the stack has nothing left to do, at most so many seconds.
sub settle ($self, $seconds) {
    my ($end, $quiet) = (time + $seconds, 0);
    my $before = $self->cpu;
    while ($quiet < 3 && time < $end) {
        sleep 0.1;
        my $after = $self->cpu;
        my ($used) = $self->used($before, $after);
        $quiet  = $used <= 0.02 ? $quiet + 1 : 0;
        $before = $after;
    }
    return $quiet >= 3;
}

# Proportional memory of a part's processes whose command line matches, in KiB.
sub memory ($self, $wanted, $pattern) {
    my $kib = 0;
    $self->_walk(sub ($process, $part) {
        return if $part ne $wanted || _command($process->{pid}) !~ $pattern;
        my $maps = eval { path("/proc/$process->{pid}/smaps_rollup")->slurp } // die "cannot read the memory of $part\n";
        $kib += $1 if $maps =~ /^Pss:\s+(\d+)/m;
    });
    return $kib;
}

sub _walk ($self, $each) {
    my $all  = _processes();
    my @todo = ([$all->{ $self->root } // die("the stack has ended\n"), 'runsvdir']);
    while (my $next = shift @todo) {
        my ($process, $part) = @$next;
        my $name = _part($process, $part);
        $each->($process, $name);
        push @todo, map { [$all->{$_}, $name] } @{ $process->{children} // [] };
    }
}

# The part that a process belongs to, given its parent's.
sub _part ($process, $part) {
    return _command($process->{pid}) =~ /(\S+)\s*\z/ ? $1 : $part if $process->{name} eq 'runsv';
    return 'logs' if $process->{name} eq 'svlogd';
    return $part if $process->{name} ne 'postgres';
    return 'postgresql ' . (_command($process->{pid}) =~ /^postgres: (?:\S+: )?(im_\w+|[a-z ]+)/ ? $1 : 'postmaster');
}

sub _command ($pid) {
    my $text = eval { path("/proc/$pid/cmdline")->slurp } // '';
    return $text =~ tr/\0/ /r;
}

# Every process by its id: name, CPU ticks, children.
sub _processes () {
    my %all;
    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $name, $rest) = (eval { path($file)->slurp } // next) =~ /\A(\d+) \((.*)\) (.*)/s or next;
        my @fields = split ' ', $rest;
        $all{$pid} = { pid => $pid, name => $name, parent => $fields[1], ticks => 0 };
        $all{$pid}{ticks} += $_ for @fields[11 .. 14];
    }
    push @{ $all{ $_->{parent} }{children} }, $_->{pid} for grep { $all{ $_->{parent} } } values %all;
    return \%all;
}

sub _find_root ($self) {
    my $state = $self->state;
    for my $process (values %{ _processes() }) {
        return $process->{pid} if $process->{name} eq 'runsvdir' && _command($process->{pid}) =~ /\Q$state\E/;
    }
    die "there is no runsvdir of $state\n";
}

1;
