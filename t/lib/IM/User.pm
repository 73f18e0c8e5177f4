package IM::User;

# One client of one service: ann on the chat API, an administrator on the backstage, or a stranger without
# a token.  Every answer is judged by the contract; its faults fail the assertion made on it.

use Mojo::Base -base, -signatures;
use IM::Answer;
use IM::Http;
use IM::Raw;
use IM::Sheet;
use IM::Socket;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Message::Response;
use Mojo::Parameters;
use Mojo::IOLoop;
use Mojo::UserAgent;
use Mojo::Util qw(decode encode url_escape);
use Time::HiRes qw(time);

has [qw(im name id password trade access refresh)];
has service => 'chat';
has ua      => sub {
    Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5, request_timeout => 20, inactivity_timeout => 20);
};

# Reading: ->get('/friend/list'), ->get('/x', {page => 2}).
sub get ($self, $path, $query = {}) { return $self->_run(GET => $path, {}, form => $query) }

# Writing: fields become the JSON body; further arguments are headers.
sub post ($self, $path, $fields = {}, %headers) { return $self->_run(POST => $path, \%headers, json => $fields) }
sub put ($self, $path, $fields = {}, %headers) { return $self->_run(PUT => $path, \%headers, json => $fields) }
sub delete ($self, $path, $fields = undef, %headers) {
    return $self->_run(DELETE => $path, \%headers, $fields ? (json => $fields) : ());
}

# Whatever bytes the story wants: ->raw(POST => '/login', $bytes, Header => …).
sub raw ($self, $method, $path, $bytes = '', %headers) { return $self->_run($method, $path, \%headers, $bytes) }

# A form as browsers send it: bytes, and name, type, field, more (other parts, [name => value]); the answer.
sub upload ($self, $bytes, %form) {
    my ($body, $boundary) = _form($bytes, %form);
    return $self->raw(POST => $form{path} // '/file/upload', $body, 'Content-Type' => "multipart/form-data; boundary=$boundary", %{ $form{headers} // {} });
}

# The same, without waiting: a promise of the answer.
sub upload_p ($self, $bytes, %form) {
    my ($body, $boundary) = _form($bytes, %form);
    my $tx = $self->_build(POST => '/file/upload', { 'Content-Type' => "multipart/form-data; boundary=$boundary" }, $body);
    return $self->ua->start_p($tx)->then(sub ($tx) { $self->_judge(POST => '/file/upload', $tx->result) });
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

# What a url that was answered leads to: a Mojo::Message::Response, whose body is the file, when it is not refused.
sub download ($self, $url, %headers) {
    my $method = delete $headers{method} // 'GET';
    return $self->bytes($method, '/file/download?url=' . url_escape(encode('UTF-8', $url)), %headers);
}

# What answers with a file's bytes, as it comes.
sub bytes ($self, $method, $path, %headers) { return $self->ua->start($self->_build($method, $path, \%headers))->result }

# A list of the backstage as a file.
sub sheet ($self, $path, $query = {}) {
    return IM::Sheet->new(response => $self->ua->start($self->_build(GET => $path, {}, form => { %$query, format => 'csv' }))->result);
}

# The same, where a refusal is expected: an answer like any other.
sub ask_file ($self, $url) { return $self->raw(GET => '/file/download?url=' . url_escape(encode('UTF-8', $url))) }

# The same, without waiting: a promise of the answer.  IM::Stack->together collects them.
sub post_p ($self, $path, $fields = {}, %headers) {
    my $tx = $self->_build(POST => $path, \%headers, json => $fields);
    return $self->ua->start_p($tx)->then(sub ($tx) { $self->_judge(POST => $path, $tx->result) });
}

# Bytes like raw(), without waiting, at a third of an agent's cost: a promise of the answer.
sub raw_p ($self, $method, $path, $bytes = '', %headers) {
    state $http = IM::Http->new;
    $headers{Authorization} //= 'Bearer ' . $self->access if $self->access;
    return $http->ask($method, $self->im->port($self->service), $path, \%headers, $bytes)
        ->then(sub ($, $body, $head) { $self->_judge($method, $path, Mojo::Message::Response->new->parse("$head$body")) });
}

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
    %headers = ($self->access ? (Authorization => 'Bearer ' . $self->access) : (), %headers, Host => 'localhost');
    my $body = $method eq 'GET' || $method eq 'DELETE' && !%$fields ? '' : encode_json($fields);
    $headers{'Content-Length'} = length $body if length $body;
    $path .= '?' . Mojo::Parameters->new(%$fields) if $method eq 'GET' && %$fields;
    return join "\r\n", "$method $path HTTP/1.1", (map {"$_: $headers{$_}"} grep { defined $headers{$_} } sort keys %headers), '', $body;
}

# The same client with another token (or none), on another service, …
sub as ($self, %other) {
    return IM::User->new(im => $self->im, name => $self->name, id => $self->id, access => $self->access,
        refresh => $self->refresh, password => $self->password, service => $self->service, ua => $self->ua, %other);
}

# The same client at another address, 127.0.0.N.
sub at ($self, $n) {
    my $ua = Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5, request_timeout => 20, inactivity_timeout => 20);
    return $self->as(ua => $ua->socket_options({ LocalAddr => "127.0.0.$n" }));
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

sub _build ($self, $method, $path, $headers, @body) {
    my %headers = ($self->access ? (Authorization => 'Bearer ' . $self->access) : (), %$headers);
    delete $headers{$_} for grep { !defined $headers{$_} } keys %headers;
    return $self->ua->build_tx($method, $self->im->url($self->service) . $path, \%headers, @body);
}

sub _run ($self, $method, $path, $headers, @body) {
    $self->im->run(0) if !Mojo::IOLoop->is_running;    # open sockets answer pings meanwhile, or are closed
    return $self->_judge($method, $path, $self->ua->start($self->_build($method, $path, $headers, @body))->result);
}

sub _judge ($self, $method, $path, $response) {
    my $text     = decode('UTF-8', $response->body);
    my @faults   = defined $text ? () : 'is not UTF-8';
    $text //= $response->body;
    push @faults, $self->im->contract($self->service)->answer_faults($method, $path, $response->code, $text);
    my $body = eval { decode_json $response->body };
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
