package IM::Http;

# A plain HTTP client on Mojo's loop, for tests that ask ten thousand times: POST and the like with a body, kept
# connections, no redirects.  Mojo::UserAgent takes three times the processor time of the server that it asks.
#
#     IM::Http->new->ask(POST => $port, '/login', { 'X-Header' => 'value' }, $bytes)->then(sub ($status, $bytes, $head) { … });
#     IM::Http->new->send(POST => …, $bytes, sub ($why, $status, $bytes, $head) { … });     # costs half: promises cost more than requests

use Mojo::Base -base, -signatures;
use Mojo::IOLoop;
use Mojo::Promise;

has address     => '127.0.0.1';    # from which it asks
has connections => 64;     # to one port; requests beyond wait
has timeout     => 30;     # seconds without a byte
has idle        => 20;     # seconds after which a connection is not used again: the server is about to close it

# Rejects with a reason when no whole answer comes.
sub ask ($self, @request) {
    my $promise = Mojo::Promise->new;
    $self->send(@request, sub ($why, @answer) { defined $why ? $promise->reject($why) : $promise->resolve(@answer) });
    return $promise;
}

# Calls back with why no whole answer came, or undef, the status, the body and the head.
sub send ($self, $method, $port, $path, $headers, $bytes, $then) {
    my $head = join '', "$method $path HTTP/1.1\r\nHost: localhost:$port\r\n", (map {"$_: $headers->{$_}\r\n"} sort keys %$headers),
        'Content-Length: ', length $bytes, "\r\n\r\n";
    my $request = { bytes => $head . $bytes, then => $then };
    my $server  = $self->{servers}{$port} //= { port => $port, idle => [], waiting => [], open => 0 };
    push @{ $server->{waiting} }, $request;
    $self->_next($server);
}

sub _next ($self, $server) {
    while (@{ $server->{waiting} } && (@{ $server->{idle} } || $server->{open} < $self->connections)) {
        my $request = shift @{ $server->{waiting} };
        my $one     = pop @{ $server->{idle} };
        $one = undef if $one && $one->{since} < time - $self->idle;
        if ($one) { $self->_send($one, $request) }
        else      { $self->_connect($server, $request) }
    }
}

sub _connect ($self, $server, $request) {
    $server->{open}++;
    my %from = $self->address eq '127.0.0.1' ? () : (socket_options => { LocalAddr => $self->address });
    Mojo::IOLoop->client({ address => '127.0.0.1', port => $server->{port}, timeout => 10, %from } => sub ($loop, $why, $stream) {
        if (!$stream) {
            $server->{open}--;
            return $request->{then}->($why);
        }
        my $one = { stream => $stream->timeout($self->timeout), server => $server };
        $stream->on(read  => sub ($, $bytes) { $self->_read($one, $bytes) });
        $stream->on(error => sub ($, $text) { $one->{why} = $text });
        $stream->on(close => sub { $self->_closed($one) });
        $self->_send($one, $request);
    });
}

sub _send ($self, $one, $request) {
    @$one{qw(request answer)} = ($request, '');
    $one->{stream}->write($request->{bytes});
}

sub _read ($self, $one, $bytes) {
    $one->{answer} .= $bytes;
    my ($head, $length) = $one->{answer} =~ /\A(HTTP.*?\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n)/si or return;
    return if length $one->{answer} < length($head) + $length;
    my $request = delete $one->{request};
    $one->{since} = time;
    push @{ $one->{server}{idle} }, $one if $head !~ /^Connection: close/mi;
    my $body = substr $one->{answer}, length $head;
    $self->_next($one->{server});    # may be on this connection
    $request->{then}->(undef, substr($head, 9, 3), $body, $head);
}

sub _closed ($self, $one) {
    my $server = $one->{server};
    $server->{open}--;
    $server->{idle} = [grep { $_ != $one } @{ $server->{idle} }];
    $self->_next($server);
    $one->{request}{then}->($one->{why} // 'the connection was closed') if $one->{request};
}

1;
