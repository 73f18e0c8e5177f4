package IM::Bench::Load;

# wrk on the stack's HTTP and pgbench on its database: one run each, measured from outside.

use Mojo::Base -base, -signatures;
use File::Temp;
use Mojo::File qw(curfile path tempdir);

has [qw(im people)];               # IM::Stack; [{account, session, token, friend}…]
has clients => 16;
has content => 'Shall we meet at the tea house at eight? The usual table.';
has folder  => sub { curfile->dirname->dirname->dirname->dirname };    # bench/
has scratch => sub { tempdir };
has tokens  => sub ($self) { $self->_tokens };

# What programs send themselves: role, and the statements of one request.
my %ROLE = (self => 'user', send => 'message');

# {count, seconds, median, p99} of requests to the stack, latencies in ms.
sub http ($self, $what, $seconds) {
    my $output = _run('wrk', '-t1', "-c@{[$self->clients]}", "-d${seconds}s", '-s', $self->folder->child('http.lua'),
        $self->im->url('chat'), '--', $what, $self->tokens, $self->content);
    my ($count, $microseconds, $median, $p99, $failed) = $output =~ /^bench (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or die "wrk failed: $output\n";
    die "$failed requests failed\n" if $failed;
    return { count => $count, seconds => $microseconds / 1e6, median => $median / 1000, p99 => $p99 / 1000 };
}

# The same for the same statements sent straight to PostgreSQL, by as many clients.
sub pgbench ($self, $what, $seconds) {
    my $first = $self->people->[0];
    my $log   = $self->scratch->child("pgbench-$what");
    unlink glob "$log*";
    local $ENV{PGPASSWORD} = $self->_secret("$ROLE{$what}/PGPASSWORD");
    my $output = _run('pgbench', '-n', '-M', 'prepared', '-c', $self->clients, '-j', 2, '-T', $seconds,
        '-f', $self->folder->child("$what.sql"), '-l', "--log-prefix=$log", '--sampling-rate=0.05',
        '-D', "account=$first->{account}", '-D', "session=$first->{session}", '-D', 'accounts=' . @{ $self->people },
        '-h', path($self->im->state, 'run'), '-U', "im_$ROLE{$what}", 'im');
    my ($count) = $output =~ /actually processed: (\d+)/ or die "pgbench failed: $output\n";
    my ($rate)  = $output =~ /^tps = ([\d.]+)/m;
    my @times   = sort { $a <=> $b } map { (split)[2] / 1000 } map { split /\n/, path($_)->slurp } glob "$log*";
    return { count => $count, seconds => $count / $rate, median => at(\@times, 0.5), p99 => at(\@times, 0.99) };
}

# The value below which that part of the ascending values lies.
sub at ($values, $part) { return @$values ? $values->[$#$values * $part] : 0 }

sub _tokens ($self) {
    my $file = $self->scratch->child('tokens');
    $file->spew(join '', map {"$_->{token} $_->{account} $_->{friend}\n"} @{ $self->people });
    return $file;
}

sub _secret ($self, $name) { return path($self->im->state, 'secret', $name)->slurp =~ s/\s+\z//r }

sub _run (@command) {
    my $out = File::Temp->new;
    my $pid = fork // die "could not fork: $!\n";
    if (!$pid) {
        open STDOUT, '>&', $out      or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec { $command[0] } map {"$_"} @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $output = path($out->filename)->slurp;
    die "$command[0] failed: $output\n" if $?;
    return $output;
}

1;
