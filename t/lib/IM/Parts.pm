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
    my %all;
    for my $folder (glob '/proc/[0-9]*') {
        open my $file, '<', "$folder/stat" or next;
        my ($pid, $name, $state, $session) = (readline($file) // '') =~ /\A(\d+) \((.*)\) (\S) \d+ \d+ (\d+)/s or next;
        $all{$pid} = { pid => $pid, session => $session, name => $name, stopped => $state eq 'T' } if $state ne 'Z';
    }
    return \%all;
}

sub _command ($pid) { return (eval { path("/proc/$pid/cmdline")->slurp } // '') =~ tr/\0/ /r }
sub _folder ($pid)  { return readlink("/proc/$pid/cwd") // '' }

# The processes of a part (or of "part/log"), its leader first; optionally only those of that name.  The part's file
# life names the session that its present life is.
sub processes ($self, $part, $name = undef, $all = $self->_processes) {
    my (undef, $leader) = split ' ', eval { $self->{service}->child($part, 'life')->slurp } // return ();
    return () if !$leader;
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

# The names of every part's processes, the leader's first, and which are stopped: part => text.  Of PostgreSQL only the
# first, for the others come and go.
sub crews ($self) {
    my $all = $self->_processes;
    my %crews;
    for my $part (map { ($_, "$_/log") } $self->names) {
        my @names = map { $_->{name} . ($_->{stopped} ? ' (stopped)' : '') } $self->processes($part, undef, $all);
        $crews{$part} = "@names[0 .. ($part eq 'postgres' && @names ? 0 : $#names)]";
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
