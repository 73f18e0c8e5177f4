package IM::Logs;

# Every log of a stack, read after it has stopped, or by a story that gives it on: crashes, errors that the test did not announce, secrets.

use Mojo::Base -base, -signatures;
use Mojo::File qw(path);
use Mojo::Util qw(decode);

has 'im';

# What is always wrong, wherever it stands.
my @WRONG = (
    qr/exited on signal/,
    qr/\[(alert|emerg|crit)\]/,
    qr/(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer/,
    qr/runtime error:/,
    qr/^==\d+== /,    # valgrind
    qr/\b(ERROR|FATAL|PANIC):/,
    qr/^\S+\[\d+\] (error|fatal)\b/,
    qr/process \(PID \d+\) was terminated by signal/,    # PostgreSQL's
    qr/\bsegfault|core dumped|stack smashing|double free|malloc\(\)/,
);

# And what no story can announce: it kills with 9 and stops with 15, whatever else ends a process is a fault.
my $CRASH = qr/exited on signal (?!9\b|15\b)|Sanitizer|runtime error:|core dumped|stack smashing|double free|malloc\(\)/;

# pg_isready, asking until PostgreSQL answers.
my $STARTING = qr/postgres FATAL:  the database system is (?:starting up|not yet accepting connections)/;

# PostgreSQL, stopping, or giving up a database for a new one, in the middle of its own work.
my $STOPPING = qr/FATAL:  terminating autovacuum process due to administrator command/;

# PostgreSQL, noticing in the middle of a statement that the story has killed the program that asked.
my $KILLED = qr/FATAL:  connection to client lost/;

# A token, or the start of one, betrays itself.
my $TOKEN = qr/eyJ[A-Za-z0-9_-]{16,}/;

# The query of a request has no place in a log.
my $QUERY = qr{/[^\s"?]*\?[\w.%-]+=};

sub _files ($self) {
    my $state = path($self->im->state);
    my $logs  = $state->child('log')->list_tree->grep(sub { -f && !/\b(lock|state|config)\z/ });
    push @$logs, grep { -f } map { @{ $state->child($_)->list_tree->grep(qr/\.log\z/) } } qw(nginx push pg);
    return @$logs;
}

# How long each log is now, by its inode: svlogd renames what is full.
sub position ($self) { return { map { ($_->stat->ino => -s $_) } $self->_files } }

# Lines of all logs since the story began, each as "part: text".
sub lines ($self) {
    my @lines;
    my $state = path($self->im->state);
    my $from  = $self->im->logs_from;
    for my $file ($self->_files) {
        my $part  = $file->to_rel($state);
        my $bytes = substr $file->slurp, $from->{ $file->stat->ino } // 0;
        push @lines, map { "$part: " . _plain($_) } split /\n/, decode('UTF-8', $bytes) // $bytes;
    }
    return @lines;
}

# A program's line of IM_LOG=json as it is without.
sub _plain ($line) {
    my ($id, $program, $pid, $level, $text) = $line =~ /\A\{.*?"request":"(\w*)","program":"(\w+)","pid":(\d+),"level":"(\w+)","text":"(.*)"\}\z/ or return $line;
    return "$program\[$pid] $level" . ($id && " $id") . ": $text";
}

# The lines that match.
sub grep ($self, $pattern) { return grep {/$pattern/} $self->lines }

# What must not be there.
sub faults ($self) {
    my @lines   = $self->lines;
    my @secrets = ($self->_kept_secrets, keys %{ $self->im->secrets });
    my ($secret, $wrong) = map { my $all = join '|', @$_; qr/$all/ } [map {quotemeta} sort { length $b <=> length $a } @secrets], \@WRONG;
    my @faults  = ('no log was found') x !$self->_files;    # of a shared stack, whose lines may all be older
    my @allowed = ($STARTING, $STOPPING, ($KILLED) x !!@{ $self->im->killed }, @{ $self->im->allowed });
    for my $line (@lines) {
        my ($text) = $line =~ /\A\S+: (?:\d{4}-\d\d-\d\d_\S+ )?(.*)\z/s;    # part, svlogd's time
        push @faults, "a secret is in $line" if @secrets && $text =~ $secret || $text =~ $TOKEN;
        push @faults, "a query is in $line" if $text =~ $QUERY;
        push @faults, $line if $text =~ $wrong && ($text =~ $CRASH || !grep { $line =~ $_ } @allowed);
    }
    return @faults;
}

# Processes that began to serve and did not say that they stopped, as "program[pid]": nothing but a signal may end one.
sub deaths ($self) {
    my %running;
    for my $line ($self->lines) {
        my ($process, $name, $word) = $line =~ /((\w+)\[\d+\]) info: (ready|stopped)\z/ or next;
        $running{$process} += $word eq 'ready' ? 1 : -1 if !grep { $_ eq $name } @{ $self->im->killed };
    }
    my @running = grep { $running{$_} > 0 } sort keys %running or return ();
    my %lives   = map { /^(\d+)/ ? ($1 => 1) : () } $self->im->parts->everything;    # for the next story
    return grep { !$lives{ /\[(\d+)\]/ ? $1 : 0 } } @running;
}

# The stack's own: what imctl has put into secret/<program>/.
sub _kept_secrets ($self) {
    my $folder = path($self->im->state, 'secret');
    return () if !-d $folder;
    return grep { length >= 8 } map { s/\s+\z//r } map { $_->slurp } @{ $folder->list_tree };
}

1;
