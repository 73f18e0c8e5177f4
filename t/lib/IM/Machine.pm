package IM::Machine;

# How busy the machine is on which a test waits for something: with ten programs on each of its cores all takes ten times as
# long.  Deadlines are stretched by that when they are over, so that they are as short as they say on a machine that is not.

use v5.36;
use Exporter 'import';
use List::Util qw(max);

our @EXPORT_OK = qw(slowness);

# 1, or more: processes that want to run, in the last minute, to a core.
sub slowness () {
    state $cores = max 1, scalar grep {/^processor\s*:/} _lines('/proc/cpuinfo');
    my ($load) = split ' ', (_lines('/proc/loadavg'))[0] // 0;
    return max 1, $load / $cores;
}

sub _lines ($file) {
    open my $handle, '<', $file or return;
    return readline $handle;
}

1;
