# edge: what nginx answers by itself, on all three ports: always our JSON; who may read it; whose page may connect.  And
# whatever a request ends as, no log has its query, for it may hold a token.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Raw;
use IM::Stack;
use Mojo::JSON qw(decode_json);
use Test::More;

my $PAGE = 'https://chat.example.org';
my $im   = IM::Stack->new(IM_ORIGINS => "HTTPS://Chat.Example.org:443/ http://[::1]:8000 http://other.example");
my $ann  = $im->user('ann');
my @services = qw(chat backstage redpacket);
my %program  = (chat => ['user', '/user/self'], backstage => ['backstage', '/im/recharge/list'], redpacket => ['redpacket', '/red/packet/detail']);
my $token    = 'accessToken=' . $ann->access;

sub headers_of ($answer) { return map { lc $_->[0] => $_->[1] } map { [split /:\s*/, $_, 2] } split /\r\n/, $answer =~ s/\r\n\r\n.*//sr }

sub ask ($service, $bytes) { return IM::Raw->new($im->port($service))->write($bytes) }

sub hear ($raw, $deadline = 5) { return $raw->read(qr/\r\n\r\n.*\}|\r\n\r\n\z/s, $deadline) }

# The answer has that status, our JSON with that code, and the code in its header; the origin that may read it.
sub is_ours ($answer, $status, $code, $title, $reader = undef) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($got)   = $answer =~ m{\AHTTP/1\.1 (\d+)};
    my %headers = headers_of($answer);
    my $body    = eval { decode_json($answer =~ s/.*?\r\n\r\n//sr) } // {};
    my $ours    = ($body->{code} // '') eq $code && $body->{message} && ($headers{'x-im-code'} // '') eq $code;
    my $read    = !defined $reader || ($headers{'access-control-allow-origin'} // '') eq $reader;
    return ok +($got // '') eq $status && $ours && $read, "$title: $status" || diag $answer =~ s/x{50,}/x…/gr;
}

sub request ($line, @headers) { return join "\r\n", $line, 'Host: localhost', "Origin: $PAGE", @headers, '', '' }

subtest 'what cannot be served' => sub {
    my %refused = (
        'no HTTP'                     => ["\x16\x03\x01\0\r\n\r\n", 400, 400, '*'],
        'half a request line'         => ["GET\r\n\r\n", 400, 400, '*'],
        'a header without a colon'    => ["GET /ws?$token HTTP/1.1\r\nHost: x\r\nwhat is this\r\n\r\n", 400, 400, '*'],
        'no host'                     => ["GET /login?$token HTTP/1.1\r\nOrigin: $PAGE\r\n\r\n", 400, 400, $PAGE],
        'two lengths'                 => [request('POST /login HTTP/1.1', 'Content-Length: 2', 'Transfer-Encoding: chunked'), 400, 400, $PAGE],
        'half an escape'              => ["GET /user/self%0 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, '*'],
        'an unknown path'             => [request("GET /nothing?$token HTTP/1.1"), 404, 404, $PAGE],
        'TRACE'                       => [request("TRACE /ws?$token HTTP/1.1"), 405, 404, $PAGE],
        'CONNECT'                     => [request("CONNECT /im/x?$token HTTP/1.1"), 405, 404, $PAGE],
        'a body too long'             => [request("POST /im/login?$token HTTP/1.1", 'Content-Length: 65537'), 413, 413, $PAGE],
        'a request line too long'     => ['GET /' . 'x' x 9000 . "?$token HTTP/1.1\r\nHost: x\r\n\r\n", 414, 400, '*'],
        'a header too long'           => [request("GET /user/self?$token HTTP/1.1", 'X: ' . 'x' x 9000), 431, 400, $PAGE],
        'an encoding nobody knows'    => [request("POST /login?$token HTTP/1.1", 'Transfer-Encoding: gzip'), 501, 400, $PAGE],
        'HTTP of another version'     => [request("GET /ws?$token HTTP/3.0"), 505, 400, $PAGE],
    );
    for my $service (@services) {
        for my $name (sort keys %refused) {
            my ($bytes, $status, $code, $reader) = @{ $refused{$name} };
            $reader = '' if $status == 505;    # which nginx says before it has read the header
            is_ours(hear(ask($service, $bytes)), $status, $code, "$service: $name", $reader);
        }
    }
};

subtest 'a program that hangs' => sub {
    my %programs = map { $_->[0] => 1 } values %program;
    my @stopped  = map { $im->parts->pids($_, $_) } sort keys %programs;
    kill STOP => @stopped;
    my %asked = map { ($_ => ask($_, request("GET $program{$_}[1]?$token HTTP/1.1", 'Connection: close'))) } @services;
    is_ours(hear($asked{$_}, 15), 504, 504, "$_ says that it took too long", $PAGE) for @services;
    kill CONT => @stopped;
};

subtest 'a program that is away' => sub {
    for my $service (@services) {
        my ($program, $path) = @{ $program{$service} };
        $im->parts->sv($program, 'down');
        is_ours(hear(ask($service, request("GET $path?$token HTTP/1.1", 'Connection: close'))), 502, 502, "$service says so", $PAGE);
        is_ours(hear(ask($service, request("GET $path" . 'x' x 1500 . "?$token HTTP/1.1", 'Connection: close'))), 502, 502, "$service: also of a long path", $PAGE);
        $im->parts->sv($program, 'up');
    }
    ok $im->eventually(10, sub { !grep { hear(ask($_, request("GET $program{$_}[1] HTTP/1.1"))) !~ /"code":40[14]/ } @services }), 'all are back';
};

subtest 'pages of other origins' => sub {
    for my $service (@services) {
        my $path   = $program{$service}[1];
        my $before = sub ($origin) { my %h = headers_of(hear(ask($service, "OPTIONS $path HTTP/1.1\r\nHost: x\r\nOrigin: $origin\r\n"
                    . "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type\r\n\r\n"))); \%h };
        for my $origin ($PAGE, "$PAGE:443", 'HTTPS://CHAT.example.ORG', 'http://[::1]:8000', 'http://other.example:80') {
            my $says = $before->($origin);
            ok $says->{'access-control-allow-origin'} eq $origin && $says->{'access-control-allow-methods'} =~ /\bPUT\b/
                && !(grep { $says->{'access-control-allow-headers'} !~ /\b$_\b/ } qw(Authorization Content-Type Idempotency-Key accessToken refreshToken)),
                "$service: a page of $origin may ask" or diag explain $says;
        }
        for my $origin ('https://chat.example.org.evil.example', 'https://chat.example.org:444', 'http://chat.example.org', 'http://[::2]:8000', 'null') {
            my $says = $before->($origin);
            ok !(grep {/^access-control/} keys %$says), "$service: a page of $origin may not" or diag explain $says;
        }
        my %answer = headers_of(hear(ask($service, request("GET $path HTTP/1.1"))));
        is_deeply [@answer{qw(access-control-allow-origin access-control-expose-headers vary)}], [$PAGE, 'X-IM-Code', 'Origin'],
            "$service: it may read an answer, and its code";
    }
};

subtest 'whose page may connect' => sub {
    my $connects = sub ($host, $origin, $port = 'backstage') { IM::Raw->new($im->port($port))->upgrade($token, "Host: $host", "Origin: $origin") };
    for my $case (
        ['chat.example', 'http://chat.example'],    ['chat.example:8081', 'https://chat.example:8080'], ['Chat.Example', 'HTTP://chat.EXAMPLE'],
        ['chat.example.', 'http://chat.example'],   ['chat.example', 'http://chat.example.:80'],        ['[::1]:8081', 'http://[::1]:8080'],
        ['[FE80::A]', 'http://[fe80::a]'],          ['x', $PAGE],                                       ['x', 'https://chat.EXAMPLE.org:443'],
    ) {
        is $connects->(@$case, $_), 101, "on $case->[0] that of $case->[1] ($_)" for qw(backstage chat);
    }
    for my $case (
        ['chat.example', 'http://chat.example.evil'], ['chat.example', 'http://evil.chat.example'], ['chat.example', 'null'], ['chat.example', 'http://chat-example'],
        ['[::1]', 'http://[::2]'], ['[::1]', 'http://[::1].evil'], ['x', 'http://chat.example.org'], ['x', 'https://chat.example.org:8443'], ['a.b', 'ftp://a.b'],
    ) {
        is $connects->(@$case), 403, "on $case->[0] not that of $case->[1]";
    }
};

subtest 'a token however the query spells it' => sub {
    my $escaped = join '', map { sprintf '%%%02x', ord } split //, $ann->access;
    for my $spelt ($ann->access =~ s/\./%2E/gr, $ann->access =~ s/\./%2e/gr, $escaped) {
        $im->secret($spelt);
        is(IM::Raw->new($im->port($_))->upgrade("accessToken=$spelt"), 101, "$_ takes " . substr($spelt, -6)) for qw(backstage chat);
    }
    is(IM::Raw->new($im->port('backstage'))->upgrade('accessToken=' . $ann->access . $_), 401, "not with $_ after it") for '%', '%2', '%zz', '%00', '%20';
};

# Two lines, or one as nginx joins them from 1.23 on, with or without a blank.
subtest 'a header that comes twice' => sub {
    my $twice = sub ($name, $first, $second) { return (["$name: $first", "$name: $second"], ["$name: $first, $second"], ["$name: $first,$second"]) };
    my $code  = sub ($line, $body, @headers) { return ((IM::Raw->new($im->port('chat'))->request($line, $body, @headers))[1] =~ /"code":(\d+)/)[0] };
    my ($good, $none) = ($ann->access, 'x.y.z');
    is $code->('GET /user/self', '', @$_), 200, "the first counts: @$_[0 .. $#$_]" =~ s/eyJ\S{20,}/…/gr for $twice->('accessToken', $good, $none);
    is $code->('GET /user/self', '', @$_), 401, 'and only the first' for $twice->('accessToken', $none, $good);
    for my $service (qw(backstage chat)) {
        is(IM::Raw->new($im->port($service))->upgrade('', @$_), 101, "$service: so it is for a socket") for $twice->('accessToken', $good, $none);
        is(IM::Raw->new($im->port($service))->upgrade('', @$_), 401, "$service: either way") for $twice->('accessToken', $none, $good);
    }
    is $code->('PUT /refreshToken', '{}', @$_), 401, 'a refresh token that is none is none' for $twice->('refreshToken', $none, $ann->refresh);
    is $code->('PUT /refreshToken', '{}', @$_), 200, 'and the first one refreshes' for $twice->('refreshToken', $ann->refresh, $none);
    my $orders = sub (@keys) {
        (IM::Raw->new($im->port('chat'))->request('POST /user/recharge', '{"amount":1,"payType":"alipay"}', "Authorization: Bearer $good", @keys))[1] =~ /"id":(\d+)/;
        return $1;
    };
    my $order = $orders->('Idempotency-Key: one');
    is $orders->(@$_), $order, 'the first key is the key' for $twice->('Idempotency-Key', 'one', 'two');
};

is scalar(grep {/\?/} $im->logs->lines), 0, 'no log has a query';
$im->allow(qr/connect\(\) to unix:\S+ failed|upstream timed out|client intended to send too large body/);
$im->end;
done_testing;
