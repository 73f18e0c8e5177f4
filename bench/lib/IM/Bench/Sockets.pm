package IM::Bench::Sockets;

# WebSockets as a load generator wants them: frames are cut and pasted by hand, because every microsecond spent here
# is taken from the server on the same machine.  t/lib/IM/Socket.pm is the client that checks what it gets.

use Mojo::Base -base, -signatures;
use EV;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

has 'port';
has grace => 10;   # seconds after which a message counts as lost

# An open socket of the token's account.
sub open ($self, $token) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->port)
        or die "could not connect to port @{[$self->port]}: $@\n";
    my ($answer, $request) = ('', join "\r\n", "GET /ws?accessToken=$token HTTP/1.1", 'Host: localhost',
        'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '');
    syswrite $socket, $request;
    while ($answer !~ /\r\n\r\n/) {
        sysread $socket, $answer, 4096, length $answer or die "a handshake had no answer\n";
    }
    die "a handshake was refused: $answer\n" if $answer !~ m{\AHTTP/1.1 101 };
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    $socket->blocking(0);
    return $socket;
}

# Every pair {token, friend_token, friend} sends from one to the other, the next message when this one is
# acknowledged and has arrived.  Messages that arrived, their latencies in ms in ascending order, and the seconds.
sub exchange ($self, $pairs, $seconds, $content) {
    my $run = { start => clock_gettime(CLOCK_MONOTONIC), content => $content, latencies => [], arrived => 0 };
    $run->{end} = $run->{start} + $seconds;
    $self->{run}++;
    my @pairs = map { $self->_pair($_, $run) } @$pairs;
    $run->{waiting} = @pairs;
    _send($_) for @pairs;
    EV::now_update;    # the loop has not run for a while
    my $lost = EV::timer($seconds + $self->grace, 0, sub { EV::break });
    EV::run;
    die "$run->{failed}\n" if $run->{failed};
    die "$run->{waiting} messages were lost on their way\n" if $run->{waiting};
    return ($run->{arrived}, [sort { $a <=> $b } @{ $run->{latencies} }], $run->{last} - $run->{start});
}

# The same at a rate: each pair sends in its turn, whether or not something else is under way.  The latencies in ms, ascending,
# to the acknowledgement and to the other socket, and the seconds.
sub paced ($self, $pairs, $rate, $seconds, $content) {
    my $run = { start => clock_gettime(CLOCK_MONOTONIC), content => $content, latencies => [], acks => [], arrived => 0, paced => 1 };
    $self->{run}++;
    my @pairs = map { $self->_pair($_, $run) } @$pairs;
    my $sent  = 0;
    EV::now_update;
    my $turns = EV::timer(0, 1 / $rate, sub { $sent++, _send($pairs[$sent % @pairs]) });
    my $end   = EV::timer($seconds, 0, sub { undef $turns });
    my $done  = EV::timer($seconds + 0.5, 0, sub { EV::break });
    EV::run;
    die "$run->{failed}\n" if $run->{failed};
    die "@{[$sent - $run->{arrived}]} messages were late\n" if $run->{arrived} < $sent;
    return ((map { [sort { $a <=> $b } @$_] } @{$run}{qw(acks latencies)}), $seconds);
}

sub _pair ($self, $pair, $run) {
    my $p = { run => $run, friend => $pair->{friend}, prefix => "$$-$self->{run}-$pair->{friend}-", count => 0 };
    for my $end ([sender => 'token'], [receiver => 'friend_token']) {
        my ($side, $token) = @$end;
        my ($socket, $buffer) = ($self->open($pair->{$token}), '');
        $p->{$side} = $socket;
        push @{ $p->{watchers} }, EV::io($socket, EV::READ, sub { _read($p, $side, $socket, \$buffer) });
    }
    return $p;
}

sub _send ($p) {
    my $id   = $p->{id} = $p->{prefix} . ++$p->{count};
    my $text = qq({"type":"PRIVATE_MESSAGE","data":{"receiverId":$p->{friend},"content":"$p->{run}{content}",)
        . qq("messageType":1,"atUserIds":[],"clientMsgId":"$id"}});
    $p->{seen}    = 0;
    $p->{sent_at} = clock_gettime(CLOCK_MONOTONIC);
    _frame($p->{sender}, 1, $text);
}

# A masked frame under the mask 0, which leaves the text as it is.
sub _frame ($socket, $opcode, $text) {
    my $length = length $text;
    syswrite $socket, pack('C', 0x80 | $opcode)
        . ($length < 126 ? pack('C', 0x80 | $length) : pack('Cn', 0x80 | 126, $length)) . "\0\0\0\0" . $text;
}

sub _read ($p, $side, $socket, $buffer) {
    my $n = sysread $socket, $$buffer, 65536, length $$buffer;
    return if !defined $n && $!{EAGAIN};
    return _fail($p, 'a socket was closed') if !$n;
    while (length $$buffer >= 2) {
        my ($first, $length) = unpack 'CC', $$buffer;
        my $head = 2;
        ($length, $head) = (length $$buffer >= 4 ? unpack('x2 n', $$buffer) : 65536, 4) if $length == 126;
        last if length $$buffer < $head + $length;
        my $text = substr $$buffer, $head, $length;
        substr($$buffer, 0, $head + $length) = '';
        _frame($socket, 10, $text) if ($first & 15) == 9;
        _fail($p, 'the server closed a socket') if ($first & 15) == 8;
        _text($p, $side, $text) if ($first & 15) == 1;
    }
}

# The stored message comes to both: to the receiver as the message, to the sender as the acknowledgement.
sub _text ($p, $side, $text) {
    return if index($text, qq("$p->{id}")) < 0;
    return _fail($p, "a message was refused: $text") if index($text, '"ERROR"') >= 0;
    my $run = $p->{run};
    my $now = clock_gettime(CLOCK_MONOTONIC);
    if ($side eq 'receiver') {
        push @{ $run->{latencies} }, ($now - $p->{sent_at}) * 1000;
        $run->{arrived}++;
        $run->{last} = $now;
    } elsif ($run->{acks}) {
        push @{ $run->{acks} }, ($now - $p->{sent_at}) * 1000;
    }
    return if ++$p->{seen} < 2 || $run->{paced};
    return _send($p) if $now < $run->{end};
    EV::break if !--$run->{waiting};
}

sub _fail ($p, $why) {
    $p->{run}{failed} //= $why;
    EV::break;
}

1;
