package IM::Raw;

# A client without manners: bytes on a TCP connection, and WebSocket frames made by hand.

use v5.36;
use IM::Machine qw(slowness);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

# From any address of the loopback network.
sub new ($class, $port, $address = '127.0.0.1') {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, LocalAddr => $address, Timeout => 5)
        or die "could not connect to port $port: $!\n";
    $socket->autoflush(1);
    return bless { socket => $socket, buffer => '' }, $class;
}

# Writes; a peer that has already gone is no error.
sub write ($self, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    $self->{socket}->syswrite($bytes);
    return $self;
}

# Reads until the pattern matches, the peer closes or the deadline is over, later on a busy machine: everything that came.
# With qr/(?!)/ it reads for just so long.
sub read ($self, $pattern = qr/\r\n\r\n/, $deadline = 5) {
    my $end    = time + $deadline * ($pattern eq qr/(?!)/ ? 1 : slowness);
    my $select = IO::Select->new($self->{socket});
    while ($self->{buffer} !~ $pattern && time < $end) {
        next if !$select->can_read($end - time > 0 ? $end - time : 0);
        $self->{socket}->sysread(my $bytes, 65536) or last;
        $self->{buffer} .= $bytes;
    }
    my $all = $self->{buffer};
    $self->{buffer} = '';
    return $all;
}

# True once the peer has closed.
sub gone ($self, $deadline = 5) {
    my $end    = time + $deadline;
    my $select = IO::Select->new($self->{socket});
    while (time < $end) {
        next if !$select->can_read($end - time > 0 ? $end - time : 0);
        return 1 if !$self->{socket}->sysread(my $bytes, 65536);
    }
    return 0;
}

# One HTTP request, its whole answer: (status, text).
sub request ($self, $line, $body = '', @headers) {
    push @headers, 'Content-Length: ' . length $body if length $body;
    $self->write(join "\r\n", "$line HTTP/1.1", 'Host: localhost', 'Connection: close', @headers, '', $body);
    my $answer = $self->read(qr/(?!)/, 30);
    my ($status) = $answer =~ m{\AHTTP/1\.1 (\d+)};
    return ($status // 0, $answer);
}

# The WebSocket handshake of that query and these headers: the HTTP status.
sub upgrade ($self, $query, @headers) { return ($self->handshake("GET /ws?$query", @headers))[0] }

# The same with any request line: (status, the answer's head).
sub handshake ($self, $line, @headers) {
    my @own = ('Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13');
    my %given = map { lc s/:.*//r => 1 } @headers;    # in the place of one of its own
    $self->write(join "\r\n", "$line HTTP/1.1", (grep { !$given{ lc s/:.*//r } } @own), @headers, '', '');
    my $head = $self->read;
    my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
    return ($status // 0, $head);
}

# A frame: options fin, rsv, opcode, mask and length (what the header claims) lie if wanted.
sub frame ($self, $payload, %o) {
    my $length = $o{length} // length $payload;
    my $mask   = $o{mask} // 1;
    my $head   = pack 'C', ($o{fin} // 1) << 7 | ($o{rsv} // 0) << 4 | ($o{opcode} // 1);
    my $bit    = $mask ? 128 : 0;
    $head .= $length < 126 ? pack('C', $bit | $length) : $length < 65536 ? pack('Cn', $bit | 126, $length)
        : pack 'CQ>', $bit | 127, $length;
    return $self->write($head . $payload) if !$mask;
    my $key = pack 'N', 0x12345678;
    my $pad = $key x (1 + length($payload) / 4);
    return $self->write($head . $key . ($payload ^. substr $pad, 0, length $payload));
}

sub close ($self) { CORE::close($self->{socket}) }

1;
