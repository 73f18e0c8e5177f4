package IM::Parts;

# The processes of a stack: for tests that kill and stop them.

use v5.36;
use Mojo::File qw(path);
use POSIX ();

sub new ($class, $state) { return bless { service => path($state)->realpath->child('service') }, $class }

# Every part that is supervised.
sub names ($self) { return map { $_->basename } $self->{service}->list({ dir => 1 })->grep(sub {-d})->sort->each }

# runit's word to a part: up, down, term, …; waits until it is so.
sub sv ($self, $part, $word) {
    my $folder = $self->{service}->child($part);
    my $output = `sv -w 120 $word $folder 2>&1`;
    die "sv $word $part failed: $output\n" if $?;
}

# All processes of the machine: pid => {pid, session, name}.
sub _processes ($self) {
    return { map { $_ ? ($_->{pid} => $_) : () } map { _process(m{(\d+)\z}) } glob '/proc/[0-9]*' };
}

sub _process ($pid) {
    open my $file, '<', "/proc/$pid/stat" or return undef;
    my ($name, $state, $session) = (readline($file) // '') =~ /\A\d+ \((.*)\) (\S) \d+ \d+ (\d+)/s or return undef;
    return $state eq 'Z' ? undef : { pid => $pid, session => $session, name => $name, stopped => $state eq 'T' };
}

# A process and what it has started, in that order: a tenth of the time that all processes take.
sub _family ($pid) {
    my $first = _process($pid) // return ();
    open my $file, '<', "/proc/$pid/task/$pid/children" or return $first;
    return ($first, map { _family($_) } sort { $a <=> $b } split ' ', readline($file) // '');
}

sub _command ($pid) { return (eval { path("/proc/$pid/cmdline")->slurp } // '') =~ tr/\0/ /r }
sub _folder ($pid)  { return readlink("/proc/$pid/cwd") // '' }

# The part's file life names the session that its present life is.
sub _leader ($self, $part) { return (split ' ', eval { $self->{service}->child($part, 'life')->slurp } // '')[1] }

# The processes of a part (or of "part/log"), its leader first; optionally only those of that name.
sub processes ($self, $part, $name = undef, $all = $self->_processes) {
    my $leader = $self->_leader($part) || return ();
    return grep { !defined $name || $_->{name} eq $name }
        sort { ($b->{pid} == $leader) <=> ($a->{pid} == $leader) || $a->{pid} <=> $b->{pid} }
        grep { $_->{session} == $leader } values %$all;
}

sub pids ($self, $part, $name = undef) { return map { $_->{pid} } $self->processes($part, $name) }

# Seconds of processor time that processes have had, those that they have started and outlived included.
sub cpu (@pids) {
    my $ticks = 0;
    for my $pid (@pids) {
        my ($fields) = (eval { path("/proc/$pid/stat")->slurp } // '') =~ /\) (.*)/s or next;
        $ticks += $_ for (split ' ', $fields)[11 .. 14];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# The same of these and of all that they have started.
sub cpu_below ($self, @pids) { return cpu(map { $_->{pid} } map { _family($_) } @pids) }

# The names of every part's processes, the leader's first, and which are stopped: part => text.  Of PostgreSQL only the
# first, for the others come and go.
sub crews ($self) {
    my %crews;
    for my $part (map { ($_, "$_/log") } $self->names) {
        my $leader = $self->_leader($part);
        my @crew   = $leader ? $part eq 'postgres' ? _process($leader) // () : _family($leader) : ();
        $crews{$part} = join ' ', map { $_->{name} . ($_->{stopped} ? ' (stopped)' : '') } @crew;
    }
    return \%crews;
}

# Whatever runs for this stack, supervised or not: "pid command".
sub everything ($self) {
    my $state = $self->{service}->dirname;
    return map {"$_ " . _command($_)} grep { index(_command($_) . ' ' . _folder($_) . '/', "$state/") >= 0 }
        sort { $a <=> $b } keys %{ $self->_processes };
}

# The supervisors: runsv of a part, and runsvdir itself.
sub runsv ($self, @parts) {
    my %folders = map { ($self->{service}->child($_) => 1) } @parts;
    return grep { $folders{ _folder($_) } } map { $_->{pid} } grep { $_->{name} eq 'runsv' } values %{ $self->_processes };
}

sub runsvdir ($self) {
    return grep { index(_command($_), $self->{service}) >= 0 }
        map { $_->{pid} } grep { $_->{name} eq 'runsvdir' } values %{ $self->_processes };
}

1;
