package IM::User;

# One client of one service: ann on the chat API, an administrator on the backstage, or a stranger without
# a token.  Every answer is judged by the contract; its faults fail the assertion made on it.

use Mojo::Base -base, -signatures;
use IM::Answer;
use IM::Http;
use IM::Plain;
use IM::Raw;
use IM::Response;
use IM::Sheet;
use IM::Socket;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Message::Response;
use Mojo::Parameters;
use Mojo::IOLoop;
use Mojo::UserAgent;
use Mojo::Util qw(decode encode url_escape);

has [qw(im name id password trade access refresh)];
has service => 'chat';
has address => '127.0.0.1';    # its own
has ua      => sub { Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5) };    # of its sockets

# Reading: ->get('/friend/list'), ->get('/x', {page => 2}).
sub get ($self, $path, $query = {}) { return $self->_run(GET => $path, $query) }

# Writing: fields become the JSON body; further arguments are headers.
sub post ($self, $path, $fields = {}, %headers) { return $self->_run(POST => $path, $fields, %headers) }
sub put ($self, $path, $fields = {}, %headers) { return $self->_run(PUT => $path, $fields, %headers) }
sub delete ($self, $path, $fields = undef, %headers) { return $self->_run(DELETE => $path, $fields, %headers) }

# Whatever bytes the story wants: ->raw(POST => '/login', $bytes, Header => …).
sub raw ($self, $method, $path, $bytes = '', %headers) { return $self->_run($method, $path, $bytes, %headers) }

# A form as browsers send it: bytes, and name, type, field, more (other parts, [name => value]); the answer.
sub upload ($self, $bytes, %form) {
    my ($body, $boundary) = _form($bytes, %form);
    return $self->raw(POST => $form{path} // '/file/upload', $body, 'Content-Type' => "multipart/form-data; boundary=$boundary", %{ $form{headers} // {} });
}

# The same, without waiting: a promise of the answer.
sub upload_p ($self, $bytes, %form) {
    my ($body, $boundary) = _form($bytes, %form);
    return $self->raw_p(POST => '/file/upload', $body, 'Content-Type' => "multipart/form-data; boundary=$boundary");
}

sub _form ($bytes, %form) {
    my $boundary = '----WebKitFormBoundary' . join '', map { ('a' .. 'z')[rand 26] } 1 .. 16;
    my $name     = encode('UTF-8', $form{name} // 'file.bin') =~ s/(["\r\n])/sprintf '%%%02X', ord $1/ger;
    my $file     = qq{--$boundary\r\nContent-Disposition: form-data; name="file"; filename="$name"\r\nContent-Type: application/octet-stream\r\n\r\n};
    my @fields   = map { qq{--$boundary\r\nContent-Disposition: form-data; name="$_->[0]"\r\n\r\n$_->[1]\r\n} }
        defined $form{type} ? [type => $form{type}] : (), @{ $form{more} // [] };
    my @parts = ("$file$bytes\r\n", @fields);
    return (join('', $form{last} ? reverse @parts : @parts) . "--$boundary--\r\n", $boundary);
}

# What a url that was answered leads to: an IM::Response, whose body is the file, when it is not refused.
sub download ($self, $url, %headers) {
    my $method = delete $headers{method} // 'GET';
    return $self->bytes($method, '/file/download?url=' . url_escape(encode('UTF-8', $url)), %headers);
}

# What answers with a file's bytes, as it comes.
sub bytes ($self, $method, $path, %headers) { return $self->_ask($method, $path, '', %headers) }

# A list of the backstage as a file.
sub sheet ($self, $path, $query = {}) { return IM::Sheet->new(response => $self->_ask(GET => $path, { %$query, format => 'csv' })) }

# The same, where a refusal is expected: an answer like any other.
sub ask_file ($self, $url) { return $self->raw(GET => '/file/download?url=' . url_escape(encode('UTF-8', $url))) }

# The same as get, post …, without waiting: a promise of the answer.  IM::Stack->together collects them.
sub ask_p ($self, $method, $path, $body = undef, %headers) {
    state %http;    # at each address one
    my $http = $http{ $self->address } //= IM::Http->new(address => $self->address);
    my ($whole, $bytes, $all) = $self->_request($method, $path, $body, %headers);
    return $http->ask($method, $self->im->port($self->service), $whole, $all, $bytes)
        ->then(sub ($code, $bytes, $head) { $self->_judge($method, $path, IM::Response->new(code => $code, head => $head, body => $bytes)) });
}

sub post_p ($self, $path, $fields = {}, %headers) { return $self->ask_p(POST => $path, $fields, %headers) }
sub raw_p ($self, $method, $path, $bytes = '', %headers) { return $self->ask_p($method, $path, $bytes, %headers) }

# Many requests one behind the other on one connection, at a tenth of an agent's cost: [method, path, fields, headers].
# The answers in their order.
sub many ($self, @requests) {
    my $raw = IM::Raw->new($self->im->port($self->service));
    $raw->write(join '', map { $self->_bytes(@$_) } @requests);
    my ($text, @answers) = ('');
    while (@answers < @requests) {
        my $more = $raw->read(qr/./s);
        die "only @{[scalar @answers]} of @{[scalar @requests]} requests were answered\n" if $more eq '';
        $text .= $more;
        while (length $text) {
            my $response = Mojo::Message::Response->new->parse($text);
            last if !$response->is_finished;
            $text = $response->content->leftovers;
            push @answers, $self->_judge(@{ $requests[@answers] }[0, 1], $response);
        }
    }
    return @answers;
}

sub _bytes ($self, $method, $path, $fields, %headers) {
    ($path, my $body, my $all) = $self->_request($method, $path, $method eq 'DELETE' && !%$fields ? undef : $fields, %headers);
    return join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', 'Content-Length: ' . length $body, (map {"$_: $all->{$_}"} sort keys %$all), '', $body;
}

# The same client with another token (or none), on another service, …
sub as ($self, %other) {
    return IM::User->new(im => $self->im, name => $self->name, id => $self->id, access => $self->access,
        refresh => $self->refresh, password => $self->password, service => $self->service,
        address => $self->address, ua => $self->ua, %other);
}

# The same client at another address, 127.0.0.N.
sub at ($self, $n) {
    my $ua = Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5);
    return $self->as(address => "127.0.0.$n", ua => $ua->socket_options({ LocalAddr => "127.0.0.$n" }));
}

# Logs in with the password and keeps the tokens; the answer is for the story.
sub login ($self, %more) {
    my $answer = $self->as(access => undef)->post('/login',
        { username => $self->name, password => $self->password, %more });
    $self->keep($answer->data) if $answer->code eq 200;
    return $answer;
}

sub keep ($self, $session) {
    $self->access($session->{accessToken})->refresh($session->{refreshToken});
    $self->id($session->{userId}) if $session->{userId};
    $self->im->secret($session->{accessToken}, $session->{refreshToken});
    return $self;
}

# An open WebSocket; see IM::Socket for the options.
sub socket ($self, %options) { return IM::Socket->new(user => $self, %options)->open }

sub _run ($self, $method, $path, $body, %headers) {
    $self->im->run(0) if !Mojo::IOLoop->is_running;    # open sockets answer pings meanwhile, or are closed
    return $self->_judge($method, $path, $self->_ask($method, $path, $body, %headers));
}

sub _ask ($self, $method, $path, @more) {
    my ($whole, $bytes, $headers) = $self->_request($method, $path, @more);
    return IM::Plain::ask($method, $self->im->port($self->service), $whole, $headers, $bytes, $self->address);
}

# (path, body, headers) as they are sent.  The body is bytes, or fields: JSON, and of GET the query.
sub _request ($self, $method, $path, $body = undef, %headers) {
    my %all = ('User-Agent' => 'IM::User', $self->access ? (Authorization => 'Bearer ' . $self->access) : (), %headers);
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    $path =~ s{([^A-Za-z0-9\-._~%!\$&'()*+,;=:@/?])}{url_escape(encode('UTF-8', $1))}ge;
    return ($path, $body // '', \%all) if !ref $body;
    return ($path . (!%$body ? '' : $path =~ /\?/ ? '&' : '?') . Mojo::Parameters->new(%$body), '', \%all) if $method eq 'GET';
    $all{'Content-Type'} //= 'application/json';
    return ($path, encode_json($body), \%all);
}

# What a response is worth to a story; IM::Response, or Mojo's.
sub _judge ($self, $method, $path, $response) {
    my $bytes    = $response->body;
    my $text     = decode('UTF-8', $bytes);
    my @faults   = defined $text ? () : 'is not UTF-8';
    $text //= $bytes;
    push @faults, $self->im->contract($self->service)->answer_faults($method, $path, $response->code, $text);
    my $body = eval { decode_json $bytes };
    $body = {} if ref $body ne 'HASH';
    push @faults, $self->_header_faults($response->headers, $body, $response->code);
    @faults = () if $method eq 'HEAD' || $method eq 'OPTIONS';
    return IM::Answer->new(method => $method, path => $path, status => $response->code, text => $text, body => $body,
        headers => $response->headers, faults => \@faults);
}

sub _header_faults ($self, $headers, $body, $status) {
    my @faults;
    push @faults, 'is not sent as application/json' if ($headers->content_type // '') !~ m{^application/json};
    push @faults, 'has X-IM-Code ' . ($headers->header('X-IM-Code') // 'missing') . ', body code ' . ($body->{code} // '')
        if ($headers->header('X-IM-Code') // '') ne ($body->{code} // '');
    return @faults;
}

1;
