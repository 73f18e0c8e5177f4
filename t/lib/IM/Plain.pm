package IM::Plain;

# HTTP requests one after the other, each waited for, on connections that are kept: what a story does most.  An agent with
# an event loop takes several times the processor time of the server that it asks.
#
#     my $response = IM::Plain::ask(GET => $port, '/user/self', { Authorization => … });     # IM::Response

use v5.36;
use Errno ();
use IM::Response;
use Mojo::Message::Response;
use Socket qw(AF_INET IPPROTO_TCP MSG_DONTWAIT MSG_PEEK SOCK_STREAM SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO TCP_NODELAY inet_aton pack_sockaddr_in);

use constant PATIENCE => 20;    # seconds in which nothing goes on

my %kept;    # process, port and the client's own address => a connection that nobody uses

# Dies when no whole answer comes.
sub ask ($method, $port, $path, $headers = {}, $bytes = '', $address = '127.0.0.1') {
    my $server = "$$ $port $address";
    my $socket = delete $kept{$server};
    $socket = _connect($port, $address) if !$socket || !_rests($socket);
    my @lines = map { my $name = $_; map {"$name: $_\r\n"} ref $headers->{$name} ? @{ $headers->{$name} } : $headers->{$name} } sort keys %$headers;
    my $length = defined $headers->{'Content-Length'} ? '' : 'Content-Length: ' . length($bytes) . "\r\n";
    _write($socket, join '', "$method $path HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n", @lines, "$length\r\n", $bytes);
    my $response = eval { _read($socket, $method eq 'HEAD') } // die "$method $path on port $port: $@";
    $kept{$server} = $socket if $response->head !~ /^Connection: close/mi;
    return $response;
}

sub _connect ($port, $address) {
    socket my $socket, AF_INET, SOCK_STREAM, 0 or die "could not make a socket: $!\n";
    my $patience = pack 'l!l!', PATIENCE, 0;
    setsockopt $socket, SOL_SOCKET, $_, $patience for SO_RCVTIMEO, SO_SNDTIMEO;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    bind $socket, pack_sockaddr_in(0, inet_aton($address)) or die "could not ask from $address: $!\n" if $address ne '127.0.0.1';
    connect $socket, pack_sockaddr_in($port, inet_aton('127.0.0.1')) or die "could not connect to port $port: $!\n";
    return $socket;
}

# Whether the server has neither closed it nor said more than it was asked.
sub _rests ($socket) { return !defined recv($socket, my $byte, 1, MSG_PEEK | MSG_DONTWAIT) && $!{EAGAIN} }

# What cannot be written has been answered already, or will not be.
sub _write ($socket, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    my $done = 0;
    while ($done < length $bytes) {
        my $count = syswrite $socket, $bytes, length($bytes) - $done, $done;
        return if !defined $count && !$!{EINTR};
        $done += $count // 0;
    }
}

sub _read ($socket, $bodiless) {
    my $text = '';
    my ($head, $length);
    until ($head && length $text >= length($head) + $length) {
        my $count = sysread $socket, $text, 65_536, length $text;
        next if !defined $count && $!{EINTR};
        die defined $count ? "the connection was closed\n" : "no answer: $!\n" if !$count;
        next if $head || $text !~ /\A(HTTP.*?\r\n\r\n)/s;
        $head   = $1;
        $length = $bodiless || $head =~ /\AHTTP\S+ (?:204|304)/ ? 0 : ($head =~ /^Content-Length: (\d+)/mi)[0];
        return _read_chunks($socket, $text, $head) if !defined $length;
    }
    return IM::Response->new(code => substr($head, 9, 3), head => $head, body => substr $text, length($head), $length);
}

# One whose length nobody knew when it began.
sub _read_chunks ($socket, $text, $head) {
    my $message = Mojo::Message::Response->new(max_message_size => 0)->parse($text);
    until ($message->is_finished) {
        my $count = sysread $socket, my $more, 65_536;
        next if !defined $count && $!{EINTR};
        die "the connection was closed\n" if !$count;
        $message->parse($more);
    }
    return IM::Response->new(code => $message->code, head => $head, body => $message->body);
}

1;
