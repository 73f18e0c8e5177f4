package IM::Parts;

# The processes of a stack: for tests that kill and stop them.

use v5.36;
use Mojo::File qw(path);

sub new ($class, $state) { return bless { service => path($state)->realpath->child('service') }, $class }

# Every part that is supervised.
sub names ($self) { return map { $_->basename } $self->{service}->list({ dir => 1 })->grep(sub {-d})->sort->each }

# runit's word to a part: up, down, term, …; waits until it is so.
sub sv ($self, $part, $word) {
    my $folder = $self->{service}->child($part);
    my $output = `sv -w 15 $word $folder 2>&1`;
    die "sv $word $part failed: $output\n" if $?;
}

# All processes of the machine: pid => {pid, session, name, command, cwd}.
sub _processes ($self) {
    my %all;
    for my $folder (glob '/proc/[0-9]*') {
        my ($pid) = $folder =~ /(\d+)\z/;
        my $stat  = eval { path($folder, 'stat')->slurp } // next;
        my ($name, $state, $session) = $stat =~ /\A\d+ \((.*)\) (\S) \d+ \d+ (\d+)/s or next;
        next if $state eq 'Z';
        my $command = (eval { path($folder, 'cmdline')->slurp } // '') =~ tr/\0/ /r;
        $all{$pid} = { pid => $pid, session => $session, name => $name, command => $command, cwd => readlink("$folder/cwd") // '' };
    }
    return \%all;
}

# The processes of a part (or of "part/log"), its leader first; optionally only those of that name.  The part's file
# life names the session that its present life is.
sub processes ($self, $part, $name = undef) {
    my (undef, $leader) = split ' ', eval { $self->{service}->child($part, 'life')->slurp } // return ();
    return () if !$leader;
    my $all = $self->_processes;
    return grep { !defined $name || $_->{name} eq $name }
        sort { ($b->{pid} == $leader) <=> ($a->{pid} == $leader) || $a->{pid} <=> $b->{pid} }
        grep { $_->{session} == $leader } values %$all;
}

sub pids ($self, $part, $name = undef) { return map { $_->{pid} } $self->processes($part, $name) }

# Whatever runs for this stack, supervised or not.
sub everything ($self) {
    my $state = $self->{service}->dirname;
    return grep { index("$_->{command} $_->{cwd}/", "$state/") >= 0 } values %{ $self->_processes };
}

# The supervisors: runsv of a part, and runsvdir itself.
sub runsv ($self, $part) {
    my $all = $self->_processes;
    return map { $_->{pid} } grep { $_->{name} eq 'runsv' && $_->{cwd} eq $self->{service}->child($part) } values %$all;
}

sub runsvdir ($self) {
    my $all = $self->_processes;
    return map { $_->{pid} } grep { $_->{name} eq 'runsvdir' && index($_->{command}, $self->{service}) >= 0 } values %$all;
}

1;
