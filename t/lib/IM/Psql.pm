package IM::Psql;

# psql kept running: stories ask thousands of times, and a process with a connection of its own for each question costs
# more than the question.
#
#     my $psql = IM::Psql->new(command => [qw(psql -h … )]);
#     my ($status, $text) = $psql->ask('select 1');

use Mojo::Base -base, -signatures;
use IPC::Open2 qw(open2);
use Mojo::Util qw(decode encode);

has 'command';

my $count = 0;

# Runs SQL: (exit status, everything that psql has printed).  After an error psql ends (ON_ERROR_STOP); the next question
# starts another one, and so does a connection that had been lost while nobody asked, for which psql ends with 2, or with 3
# when the server had said why.
sub ask ($self, $sql) {
    my $old    = $self->_runs;
    my @answer = $self->_ask($sql);
    @answer = $self->_ask($sql) if $old && ($answer[0] == 2 || $answer[1] =~ /^server closed the connection unexpectedly$/m);
    return @answer;
}

# A process that was forked has none: it must not write into its parent's.
sub _runs ($self) { return $self->{pid} && $self->{owner} == $$ }

sub _start ($self) {
    @$self{qw(from to)} = ();
    $self->{pid} = open2($self->{from}, $self->{to}, 'sh', '-c', 'LC_ALL=C.UTF-8 exec "$0" "$@" 2>&1', @{ $self->command });
    $self->{owner} = $$;
}

sub _ask ($self, $sql) {
    $self->_start if !$self->_runs;
    my $end    = "-- end of answer $$ " . ++$count . ' --';
    my $answer = '';
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } encode('UTF-8', $sql), "\n;\n\\echo $end\n";
    $self->{to}->flush;
    while ($answer !~ s/(?:\A|(?<=\n))\Q$end\E\n\z//) {
        next if sysread $self->{from}, $answer, 65_536, length $answer;
        my $status = $self->close;
        return ($status || 1, decode('UTF-8', $answer) // $answer);
    }
    return (0, decode('UTF-8', $answer) // $answer);
}

# Ends it: its exit status.
sub close ($self) {
    return 0 if !$self->_runs;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } "\\q\n";
    CORE::close $self->{$_} for qw(to from);
    waitpid delete $self->{pid}, 0;
    return $? >> 8;
}

1;
