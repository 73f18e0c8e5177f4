package IM::Bench::Report;

# What a run measured, as JSON: commit, machine, settings, and of each row the rate, the percentiles and whose processor time
# it was.  Two of them can be compared: ratios of one machine in one hour say something, others do not.

use Mojo::Base -base, -signatures;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json);
use POSIX ();

has [qw(root settings)];
has rows => sub { {} };

# A row of the table: {count, seconds, cpu, parts} and percentiles in ms.
sub add ($self, $title, $r) {
    my $each = sub ($cpu) { 0 + sprintf '%.4f', 1000 * $cpu / $r->{count} };
    $self->rows->{$title} = {
        perSecond => 0 + sprintf('%.1f', $r->{count} / $r->{seconds}), cpuPer1000 => $each->($r->{cpu}),
        (map { ($_ => 0 + sprintf '%.3f', $r->{$_}) } grep { defined $r->{$_} } qw(median p99)),
        shares => $self->_shares($r->{parts} // {}, $each),
    };
}

# PostgreSQL's, both nginx instances', the clerk's and the programs' share.
sub _shares ($self, $parts, $each) {
    my %shares;
    for my $part (keys %$parts) {
        my $whose = $part =~ /^postgresql/ ? 'postgresql' : $part =~ /^(?:nginx|push)\z/ ? 'nginx' : $part =~ /^(?:imclerk|logs|runsvdir)\z/ ? $part : 'programs';
        $shares{$whose} += $parts->{$part};
    }
    return { map { ($_ => $each->($shares{$_})) } keys %shares };
}

sub as_hash ($self) {
    my ($model) = path('/proc/cpuinfo')->slurp =~ /^model name\s*:\s*(.*)$/m;
    chomp(my $commit = `git -C @{[$self->root]} rev-parse HEAD 2>/dev/null` || 'unknown');
    return { commit => $commit, time => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), settings => $self->settings, rows => $self->rows,
        machine => { cores => POSIX::sysconf(84), model => $model // '', kernel => (POSIX::uname())[2] } };
}

# Lines that say how each row stands beside that of another report.
sub beside ($self, $file) {
    my $other = decode_json(path($file)->slurp);
    my @lines = sprintf 'beside commit %.10s of %s%s', $other->{commit}, $other->{time},
        $other->{machine}{model} eq $self->as_hash->{machine}{model} ? '' : ', of another machine';
    for my $title (sort keys %{ $self->rows }) {
        my ($now, $then) = ($self->rows->{$title}, $other->{rows}{$title} // next);
        push @lines, sprintf '%-34s CPU × %.2f, rate × %.2f', $title, map { $then->{$_} ? $now->{$_} / $then->{$_} : 0 } qw(cpuPer1000 perSecond);
    }
    return @lines;
}

1;
