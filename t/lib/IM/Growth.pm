package IM::Growth;

# What a stack holds, again and again, and by how much that has grown: for the soak.
#
#     my $growth = IM::Growth->new(im => $im);
#     $growth->look;                      # whenever nothing is broken
#     $growth->of('memory');              # (middle of the first looks, of the last)

use Mojo::Base -base, -signatures;
use Mojo::File qw(path);
use Mojo::UserAgent;

has 'im';
has looks => sub { [] };
has ua    => sub { Mojo::UserAgent->new };

use constant FEW => 5;      # looks of which the middle one counts

# Memory is what is a process's own (RssAnon), in KiB.  PostgreSQL's processes are counted apart: they come and go.
sub look ($self) {
    my %holds = map { ($_ => 0) } 'memory', 'memory of PostgreSQL', 'descriptors';
    my $parts = $self->im->parts;
    my $all   = $parts->_processes;
    for my $part ($parts->names) {
        for my $pid (map { $_->{pid} } $parts->processes($part, undef, $all)) {
            $holds{ $part eq 'postgres' ? 'memory of PostgreSQL' : 'memory' } += $1 if (eval { path("/proc/$pid/status")->slurp } // '') =~ /^RssAnon:\s+(\d+)/m;
            $holds{descriptors} += () = glob "/proc/$pid/fd/*" if $part ne 'postgres';
        }
    }
    push @{ $self->looks }, { %holds, $self->_disk, $self->_queues };
    return $self->looks->[-1];
}

# In KiB.
sub _disk ($self) {
    my $state = $self->im->state;
    my %of    = (database => 'pg/base', 'write-ahead log' => 'pg/pg_wal', files => 'files', logs => 'log', disk => '.');
    return map { ($_ => (`du -sk $state/$of{$_} 2>/dev/null` =~ /^(\d+)/)[0] // 0) } keys %of;
}

sub _queues ($self) {
    my ($rows) = $self->im->sql(q{select (select count(*) from im.outbox), (select count(*) from im.blob_gone), (select count(*) from im.connection where ended_at is not null)});
    my $text = $self->ua->get($self->im->url('metrics') . '/metrics')->result->body;
    my %of = (outbox => $rows->[0], 'removed files' => $rows->[1], 'ended sockets' => $rows->[2]);
    for (['requests in work', 'im_requests_in_work'], ['waiting for PostgreSQL', 'im_database_waiting'], ['events to push', 'im_push_events']) {
        my ($what, $name) = @$_;
        $of{$what} = 0;
        $of{$what} += $1 while $text =~ /^$name\{program="(?!metrics")[^}]*\} (\d+)/gm;
    }
    return %of;
}

sub queues ($self) { return 'outbox', 'removed files', 'ended sockets', 'requests in work', 'waiting for PostgreSQL', 'events to push' }

# After the first tenth, in which programs and caches warm up.
sub of ($self, $what) {
    my @of = map { $_->{$what} } @{ $self->looks };
    splice @of, 0, @of / 10;
    my $few = @of < 2 * FEW ? 1 + int(@of / 3) : FEW;
    return map { (sort { $a <=> $b } @$_)[$#$_ / 2] } [@of[0 .. $few - 1]], [@of[-$few .. -1]];
}

sub grown ($self, $what) {
    my ($first, $last) = $self->of($what);
    return $last - $first;
}

1;
