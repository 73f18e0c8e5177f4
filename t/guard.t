# guard: what keeps these very packages from ending, hanging or being fooled (see push.conf, nginx.conf, src/base/json.h and
# src/base/token.h).  What would do so is kept nowhere: a guard is tried with something harmless that it must refuse or must not
# negotiate, or is read in the configuration, and no worker may have ended.  What our own programs have to survive comes as
# it is.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::JWT qw(encode_jwt);
use IM::Machine qw(slowness);
use IM::Raw;
use IM::Stack;
use IO::Socket::UNIX;
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::Util qw(encode);
use Socket qw(AF_INET AF_INET6 IPPROTO_TCP TCP_QUICKACK);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new;
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $port  = $im->port('backstage');
my $token = 'accessToken=' . $ann->access;
my $hello = '{"type":"HEARTBEAT","data":{}}';
my $count = 0;

# Crashes so far, and whether a message still goes from socket to socket.
sub survived ($title) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is scalar($im->logs->grep(qr/exited on signal/)), 0, "$title: nothing crashed";
    my ($from, $to) = map { $_->socket } $ann, $bob;
    my ($id, $arrived) = 'g' . ++$count;
    for my $try (1 .. 3) {    # as every client does, for a busy machine drops frames
        $from->send(PRIVATE_MESSAGE => { receiverId => $bob->id, content => 'alive', messageType => 1, clientMsgId => $id });
        last if $arrived = $to->take(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => $id });
    }
    ok $arrived, "$title: messages still arrive";
    $_->close for $from, $to;
}

# Keeps sockets for a while, so that none is closed in the moment of its answer, when nchan still has to hear that its frame
# has been dealt with, for which it waits up to three seconds: whoever leaves then can cost it a connection, and in rare cases
# end it.
my @kept;
$im->sql(q{update im.setting set value = '1000' where name = 'socket.limit'});    # else the newest closes the oldest

sub keep ($raw) {
    push @kept, { raw => $raw, since => time };
    shift @kept while $kept[0]{since} < time - 3;
    return $raw;
}

# Leaves, as soon as nobody is waiting.
sub let_go () {
    my $last = @kept ? $kept[-1]{since} : 0;
    $im->eventually(10, sub { time - $last > 3 });
    @kept = ();
}

# What comes of an attempt, and of another, up to three, as long as that does not fit: a busy machine loses a frame, which whoever
# has sent it repeats (socket(8)).
sub again ($fits, $attempt) {
    my $heard;
    for my $try (1 .. 3) { last if ($heard = $attempt->()) =~ $fits }
    return $heard;
}

# A new socket, whose handshake is done.
sub connected (@query) {
    my $raw = keep(IM::Raw->new($port));
    $raw->upgrade(@query ? @query : $token);
    return $raw;
}

# A FastCGI record; and a whole request in records.
sub record ($type, $bytes = '') { return pack('CCnnCC', 1, $type, 1, length $bytes, 0, 0) . $bytes }

sub fastcgi ($method, $uri, $body = undef) {
    my %parameters = (REQUEST_METHOD => $method, REQUEST_URI => $uri, REMOTE_ADDR => '127.0.0.1', CONTENT_LENGTH => length($body // ''));
    my $head = record(1, pack 'nCx5', 1, 1) . record(4, join '', map { pack('CC', length, length $parameters{$_}) . $_ . $parameters{$_} } sort keys %parameters) . record(4);
    return $head if defined $body;
    return $head . record(5);
}

subtest 'FastCGI: a body that nobody reads' => sub {
    my $socket = IO::Socket::UNIX->new(Peer => path($im->state, 'run/session.sock')->to_string) or die "could not connect: $!\n";
    my $ends   = qr/\x01\x03\0\x01\0\x08\0\0.{8}/s;
    my $heard  = '';
    my $hear   = sub ($count) {
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 5 * slowness();
        while ((() = $heard =~ /$ends/g) < $count) { sysread $socket, $heard, 65536, length $heard or last }
        alarm 0;
        my @answers = split $ends, $heard;
        return map { /"code":(\d+)/ ? $1 : 'none' } grep {/\S/} @answers[0 .. $count - 1];
    };
    # libfcgi reads 8 KiB at a time, and takes what is left of a body for whatever comes next on the connection.
    syswrite $socket, fastcgi('POST', '/logout', 'x' x 20_000) . record(5, 'x' x 20_000) . record(5);
    is_deeply [$hear->(1)], [401], 'who has no token is answered without a look at the body';
    syswrite $socket, fastcgi('POST', '/logout');
    is_deeply [$hear->(2)], [401, 401], 'and the connection goes on with the next request';

    my $stranger = $im->stranger;
    for my $length (1, 100, 4096, 8000 .. 8200, 16_384, 40_000, 65_536) {
        my $code = $stranger->raw(POST => '/logout', 'x' x $length)->code;
        $code .= ', then ' . $stranger->raw(POST => '/logout')->code;
        is $code, '401, then 401', "a body of $length bytes disturbs nobody" if $code ne '401, then 401';
    }
    is scalar($im->logs->grep(qr/upstream prematurely closed|while reading response header from upstream/)), 0, 'no connection was lost';
};

subtest 'nchan: nothing is negotiated' => sub {
    for my $service (qw(backstage chat)) {
        for my $offer (
            ['Extensions: permessage-deflate; client_max_window_bits'], ['Extensions: permessage-deflate'], ['Extensions: deflate-frame'],
            ['Extensions: x-webkit-deflate-frame'], ['Extensions: foo', 'Extensions: permessage-deflate'],
            ['Protocol: ws+meta.nchan'], ['Protocol: chat'], ['Protocol: chat', 'Protocol: ws+meta.nchan'],
        ) {
            my ($status, $head);
            my $heard = again(qr/"pending"/, sub {
                my $raw = keep(IM::Raw->new($im->port($service)));
                ($status, $head) = $raw->handshake("GET /ws?$token", map {"Sec-WebSocket-$_"} @$offer);
                return $raw->frame($hello)->read(qr/"pending"/);
            });
            ok $status == 101 && $head !~ /^Sec-WebSocket-(?!Accept:)/mi, "$service: who offers @$offer gets a plain socket" or diag $head;
            like $heard, qr/\A\x81.\{"type":"HEARTBEAT"/, 'with plain frames';
        }
    }
    survived('offers');
};

subtest 'nchan: only a WebSocket' => sub {
    for my $service (qw(backstage chat)) {
        for my $request (
            (map { [$_, 'Upgrade: websocket'] } qw(HEAD POST PUT DELETE PATCH)), ['GET', 'Upgrade: h2c'], ['GET', 'Upgrade: '],
            (map { ['GET', 'Upgrade: ', 'Connection: close', "Accept: $_"] } 'text/event-stream', 'multipart/mixed', 'application/json'),
            ['GET', 'Upgrade: ', 'Connection: close', 'TE: chunked'],
        ) {
            my ($method, @headers) = @$request;
            my ($status, $head) = IM::Raw->new($im->port($service))->handshake("$method /ws?$token", @headers);
            ok $status == 400 && $head =~ /X-IM-Code: 400/, "$service: $method with @headers is refused" or diag $head;
        }
    }
    is(IM::Raw->new($port)->upgrade($token, 'Connection: keep-alive'), 400, 'as is an upgrade that is not asked for');
    survived('other requests');
};

# A worker that is asked to resume may end: the guard is tried with what it cannot read.
subtest 'nchan: asking to resume' => sub {
    $bob->post('/message/private/send', { receiverId => $ann->id, content => 'old', messageType => 1 })->must;
    ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'a message is told: to whoever connects until then it may be told as well';
    for my $asking ([$token, 'Last-Event-ID: x'], ["$token&last_event_id=x"], ["$token&last_message_id=x"]) {
        my $heard = again(qr/HEARTBEAT/, sub { connected(@$asking)->frame($hello)->read(qr/HEARTBEAT/) });
        ok $heard =~ /HEARTBEAT/ && $heard !~ /"old"/, "who asks by @$asking[1 .. $#$asking] hears what is new only";
    }
    for my $headers (['If-None-Match: x'], ['If-Modified-Since: 0'], ['If-None-Match: x', 'If-Modified-Since: 0']) {
        my ($status, $head) = IM::Raw->new($port)->handshake("GET /ws?$token", @$headers);
        ok $status == 400 && $head =~ /X-IM-Code: 400/, "a handshake with @$headers is refused" or diag $head;
    }
    survived('resuming');
};

# What each setting keeps from happening stands in push.conf.
subtest 'nchan: what it is told' => sub {
    my $text = path($im->state, 'push/nginx.conf')->slurp =~ s/^\s*#.*\n//mgr;
    my %block;
    $block{$1} = $2 while $text =~ /^ {8}location = (\S+) \{\n(.*?)^ {8}\}/msg;
    like $text, qr/^worker_processes 1;/m, 'one worker';
    like $text, qr/upstream hop \{\s*server 127\.0\.0\.1:\d+;/, 'the hop by TCP';
    like $block{'/frame'}, qr{proxy_pass http://hop/}, 'to which frames go';
    like $block{'/frame'}, qr/client_max_body_size 0;/, 'whatever their size';
    like $block{'/frame'}, qr/proxy_${_}_timeout [123]s;/, "within seconds ($_)" for qw(send read);
    like $block{'/ws'}, qr/more_clear_input_headers Sec-WebSocket-Extensions Sec-WebSocket-Protocol;/, 'nothing is offered to it';
    my $edge = path($im->state, 'nginx/nginx.conf')->slurp;
    like $edge, qr/location = \/ws \{[^}]*proxy_set_header Sec-WebSocket-$_ "";/, "nor handed on by the edge ($_)" for qw(Extensions Protocol);
    like $block{'/ws'}, qr/nchan_subscriber websocket;\s*nchan_publisher websocket;/, 'no other subscriber, no other publisher';
    like $block{'/ws'}, qr/if \(\$$_ != ""\) \{[^\n]*\s*return 400;/, "$_ is compared with nothing" for qw(http_if_none_match http_if_modified_since);
    like $block{'/ws'}, qr/nchan_subscriber_last_message_id "";/, 'no message to resume from';
    like $block{'/ws'}, qr/nchan_subscriber_first_message newest;/, 'no message from before';
    like $block{'/ws'}, qr/nchan_publisher_channel_id sink;/, 'nothing is published to an account';
    unlike $text, qr/nchan_(?:un)?subscribe_request|nchan_authorize_request|nchan_deflate|nchan_use_redis/, 'none of the hooks that lose events';
};

# Frames and what becomes of them; nothing here but what a confused client may send.
subtest 'nchan: frames' => sub {
    my $hear = sub ($raw) { my $bytes = $raw->read(qr/"pending":\d+[^}]*\}\}|\x88/s, 3); return $bytes =~ /\x88.(..)/s ? unpack 'n', $1 : $bytes };
    my $try  = sub (@frame) {
        return again(qr/"pending"|\A\d+\z/, sub { $hear->(connected()->frame(@frame)->frame($hello)) });
    };
    like $try->('x', opcode => 9), qr/\A\x8a\x01x.*HEARTBEAT/s, 'a ping is answered';
    like $try->('x', opcode => 10), qr/\A\x81.*HEARTBEAT/s, 'a pong that nobody asked for does nothing';
    like $try->(''), qr/"code":400.*HEARTBEAT/s, 'an empty text is refused, the socket stays';
    like $try->("a\tb"), qr/"code":400.*HEARTBEAT/s, 'so is any other text that is no JSON';
    like $try->($hello, opcode => 2), qr/HEARTBEAT.*pending/s, 'that a frame claims to be binary is overlooked';
    # nchan may have lost its place in what a client sends; only our program can tell, by what no client means.
    for my $bytes ("\0\1\2", "\xff\xfe{}", qq({"type":"HEARTBEAT"}\0), "$hello\x81\x85") {
        my $heard = again(qr/403 Forbidden/, sub { connected()->frame($bytes, opcode => 2)->read(qr/403 Forbidden/) });
        like $heard, qr/"event":"ERROR","code":400.*\x88.\x03\xf0403 Forbidden\z/s,
            'bytes that are no text are refused, and the socket is closed: ' . sprintf '%vd', substr $bytes, -3;
    }
    is $try->("\xff\xfe{}"), 1007, 'text that is not UTF-8 closes it';
    is $try->("\xaa\x56\x2a\xa9\x2c\x48\x55\xb2", rsv => 4), 1007, 'as does a frame that claims to be compressed';
    is $try->(pack('n', 1000) . 'bye', opcode => 8), 1000, 'a close is answered with its code';
    my $pieces = again(qr/"pending".*, then .*"pending"/s, sub {
        my $raw = connected();
        $raw->write($_)->read(qr/(?!)/, 0.02) for "\x89", "\x80", "\0\0", "\0";
        my $heard = $hear->($raw->write("\0")->frame($hello));
        $raw->write($_)->read(qr/(?!)/, 0.02) for "\x81", chr(0x80 | length $hello), "\0\0", "\0\0", substr $hello, 0, 10;
        return "$heard, then " . $hear->($raw->write(substr $hello, 10));
    });
    like $pieces, qr/\A\x8a\0.*HEARTBEAT.*, then /s, 'a ping without text may come in pieces';
    like $pieces, qr/, then .*HEARTBEAT/s, 'and so may a frame';
    survived('frames');
};

# Every size at which a buffer ends; ASCII, and Chinese, whose characters are cut at those ends.  Up to 64 KiB a frame
# is answered, what is larger closes the socket, and nothing of it stays behind (IM::Stack looks at its end).
subtest 'nchan: frames of every size' => sub {
    for my $size (map { ($_ - 1, $_, $_ + 1) } 126, 4096, 8192, 16_384, 32_768, 65_536, 1 << 20) {
        for my $letter ('x', encode('UTF-8', '字')) {
            my ($head, $tail) = ('{"type":"HEARTBEAT","data":{"pad":"', '"}}');
            my $room = $size - length "$head$tail";
            my $text = join '', $head, $letter x ($room / length $letter), 'y' x ($room % length $letter), $tail;
            my $end  = $size <= 65_536 ? qr/pending.*pending.*\}\}/s : qr/\x88/;
            my $heard = again($end, sub {
                my $raw = connected()->frame($text);
                $raw->frame($hello) if $size <= 65_536;
                return $raw->read($end);
            });
            my $right = $size <= 65_536 ? qr/HEARTBEAT.*HEARTBEAT/s : qr/\x88.\x03\xf0403 Forbidden/s;
            like $heard, $right, sprintf '%d bytes of %s', $size, length $letter == 1 ? 'ASCII' : 'Chinese';
        }
    }
    survived('sizes');
};

# What nchan queues for a client that does not read may be the memory of its stack by the time it is sent (socket(8)).
subtest 'nchan: worth nothing to read' => sub {
    my ($master, $worker) = $im->parts->pids('push');
    my $keys = join '|', map {quotemeta} grep { length >= 16 } map { $_->slurp =~ s/\s+\z//r } path($im->state, 'secret')->list_tree->each;
    open my $memory, '<:raw', "/proc/$worker/mem" or die "could not read the worker's memory: $!\n";
    no warnings 'portable';    # addresses have more than 32 bits
    my ($stack, @with_key) = '';
    for my $line (split /\n/, path("/proc/$worker/maps")->slurp) {
        my ($from, $to, $name) = $line =~ /\A(\w+)-(\w+) rw\S* \S+ \S+ \S+\s*(.*)/ or next;
        sysseek $memory, hex $from, 0;
        sysread $memory, my $bytes, hex($to) - hex $from or next;
        $stack = $bytes if $name eq '[stack]';
        push @with_key, $name if $bytes =~ /$keys/;
    }
    cmp_ok length $stack, '>', 16_384, 'its stack is read';
    unlike $stack, qr/eyJ[\w-]{16}|Bearer|accessToken=/, 'where no token is';
    unlike $stack, qr/"content"|"alive"|PRIVATE_MESSAGE/, 'and no message';
    is "@with_key", '', 'nor has it any key, wherever';
};

subtest 'nchan: leaving' => sub {
    for my $round (1 .. 60) {
        connected()->frame($hello)->read(qr/HEARTBEAT/);    # and without a word
    }
    for my $cut (1, 20, 100) {
        my $raw = IM::Raw->new($port);
        $raw->write(substr "GET /ws?$token HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n", 0, $cut);
        $raw->close;
    }
    let_go();
    survived('leaving');
};

subtest 'nchan: the handler is away' => sub {
    my $raw = keep(IM::Raw->new($port));
    is $raw->upgrade('accessToken=' . $ann->access), 101, 'connected';
    $im->parts->sv('socket', 'down');
    $raw->frame($hello);
    $raw->read(qr/never/, 1);
    ok !$raw->gone(0.2), 'an open socket stays open';
    my $status = IM::Raw->new($port)->upgrade($token);
    like $status, qr/^50[24]$/, 'a new one is refused';
    $im->parts->sv('socket', 'up');
    ok $im->eventually(10, sub { IM::Raw->new($port)->upgrade($token) == 101 }), 'until the handler is back';
    like again(qr/pending/, sub { $raw->frame($hello)->read(qr/pending/) }), qr/HEARTBEAT/, 'and the first one is answered again';
    $im->allow(qr/connect\(\) to unix:\S+socket\.sock failed/);
    survived('a handler that was away');
};

# Whoever acknowledges late hears the second of two pushes at once all the same: sockets have TCP_NODELAY (clerk/nodelay.c).
subtest 'nginx: two pushes, one after the other' => sub {
    let_go();    # a worker that is replaced complains about open sockets
    my $push = sub ($text) {
        my $publisher = IO::Socket::UNIX->new(Peer => path($im->state, 'run/push.sock')->to_string) or die "could not connect: $!\n";
        my $frame = encode_json({ type => 'RTC_CALL', data => { event => $text } });
        my $newest = $im->sql('select max(id) from im.connection where account_id = ' . $ann->id);
        syswrite $publisher, join "\r\n", "POST /pub?id=c$newest HTTP/1.1", 'Host: x', 'Connection: close', 'Content-Length: ' . length $frame, '', $frame;
        sysread $publisher, my $answer, 65536;
    };
    # Milliseconds until the second is there, the best of so many tries.
    my $took = sub ($service) {
        my $raw  = IM::Raw->new($im->port($service));
        my $best = 9999;
        $raw->upgrade($token);
        for my $try (1 .. 8) {
            setsockopt $raw->{socket}, IPPROTO_TCP, TCP_QUICKACK, 0 or die "could not acknowledge late: $!\n";
            $push->("$_ $try") for qw(first second);
            my $start = time;
            my $ms    = $raw->read(qr/second $try"/) =~ /second $try"/ ? 1000 * (time - $start) : 9999;
            $best = $ms if $ms < $best;
        }
        return $best;
    };
    my $quick = sub ($when) {
        for my $service (qw(backstage chat)) {
            my $ms = $took->($service);
            cmp_ok $ms, '<', 10, "$service: the second is there at once $when";
            note sprintf '%.1f ms', $ms;
        }
    };
    $quick->('at first');
    my ($master, $worker) = $im->parts->pids('push');
    $im->parts->sv('push', 'hup');
    $im->eventually(10, sub { ($im->parts->pids('push'))[1] != $worker });
    $quick->('after a reload');
    $im->parts->sv('push', 'restart');
    $im->eventually(10, sub { IM::Raw->new($port)->upgrade($token) == 101 });
    $quick->('after a restart');

    my $nodelay = path($ENV{IM_BUILD_DIR} // path($FindBin::Bin)->dirname, 'clerk/nodelay');
    my $look    = 'my ($fd, $more) = split /;/, $ENV{NGINX}, 2; open my $s, "+<&=", $fd or die; printf "%s %d %d %s", Socket::sockaddr_family(getsockname $s),
        unpack("i", getsockopt $s, Socket::IPPROTO_TCP, Socket::TCP_NODELAY), unpack("i", getsockopt $s, Socket::SOL_SOCKET, Socket::SO_ACCEPTCONN), $more';
    my $listen = sub (@where) { my $text = qx{$nodelay @where perl -MSocket -e '$look' 2>&1}; return $text };
    is $listen->('127.0.0.1', 0), AF_INET . ' 1 1 ', 'what nginx inherits listens, with the option';
    is $listen->('"[::1]"', 0), AF_INET6 . ' 1 1 ', 'an IPv6 address is written as nginx writes it' if -e '/proc/net/if_inet6' && length path('/proc/net/if_inet6')->slurp;
    like $listen->('127.0.0.1', $port), qr/could not listen: Address already in use/, 'a port that is taken is said so';
};

subtest 'nchan: a channel that was closed is not deaf afterwards' => sub {
    my $cat = $im->user('cat');
    $im->befriend($cat, $bob);
    for my $round (1 .. 8) {
        my $socket = $cat->socket;
        $cat->post('/logout', { all => \1 })->must;
        $socket->expect_close("round $round: logging out everywhere closes the socket");
        $cat->login->must;
        my $again = $cat->socket;
        $bob->post('/message/private/send', { receiverId => $cat->id, content => "round $round", messageType => 1 })->must;
        $again->expect(PRIVATE_MESSAGE => 'MESSAGE', { content => "round $round" }, 'the next one hears');
        $again->close;
    }
};

subtest 'nchan: more recipients than one request takes' => sub {
    my $group = $im->group($ann, $bob);
    $im->sql(qq{
        insert into im.account (username, nick_name, password_hash) select 'crowd' || n, 'crowd', 'x' from generate_series(1, 600) n;
        insert into im.member (conversation_id, account_id, role)
        select c.id, a.id, 'MEMBER' from im.conversation c, im.account a where c.group_id = $group and a.username like 'crowd%'});
    my $late = $im->user('late');
    $im->sql("insert into im.member (conversation_id, account_id, role) select id, @{[$late->id]}, 'MEMBER' from im.conversation where group_id = $group");
    my @sockets = map { $_->socket } $bob, $late;
    $ann->post('/message/group/send', { groupId => $group, content => 'to 603', messageType => 1 })->ok('a message to 603 members');
    $_->expect(GROUP_MESSAGE => 'MESSAGE', { content => 'to 603' }, 'reaches the first and the last') for @sockets;
};

subtest 'keep-alive: idle connections pin nobody' => sub {
    my $chat = $im->port('chat');
    my @idle = map { IM::Raw->new($chat) } 1 .. 80;
    $_->write("GET /user/self HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer @{[$ann->access]}\r\n\r\n") for @idle;
    is scalar(grep { $_->read(qr/"code":200.*\}/) =~ /"code":200/ } @idle), 80, 'eighty connections are answered and stay open';
    my @slow = map { IM::Raw->new($chat)->write("POST /friend/request/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{") } 1 .. 40;
    my @answers = $im->together(map { $ann->post_p('/friend/request/apply', { friendId => $ann->id }) } 1 .. 40);
    is scalar(grep { $_->code eq 400 } @answers), 40, 'forty more are answered beside forty that dawdle';
    is scalar(grep { $_->gone(0.002) } @slow), 0, 'without waiting until those are given up, after ten seconds';
};

subtest 'tokens' => sub {
    my $key    = path($im->state, 'secret/auth/IM_JWT_KEY_USER')->slurp =~ s/\s+\z//r;
    my ($head, $body, $signature) = split /\./, $ann->access;
    my $claims = Mojo::JSON::decode_json(Mojo::Util::b64_decode($body =~ tr{-_}{+/}r));
    my $header = Mojo::JSON::decode_json(Mojo::Util::b64_decode($head =~ tr{-_}{+/}r));
    my $sign   = sub (%o) {
        my %claims = (%$claims, %{ $o{claims} // {} });
        delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
        encode_jwt(payload => \%claims, key => $o{key} // $key, alg => $o{alg} // 'HS256', allow_none => 1,
            extra_headers => { kid => $header->{kid}, typ => 'JWT', %{ $o{header} // {} } });
    };
    my $try = sub ($text, $title) {
        $im->secret($text) if length $text > 20;
        $ann->as(access => $text)->get('/user/self')->refused(401, "$title: no entry");
        is(IM::Raw->new($port)->upgrade("accessToken=$text"), 401, "$title: no socket") if $text =~ /\A[\w.-]+\z/ && length $text < 4000;
    };
    $ann->as(access => $sign->())->get('/user/self')->ok('a token signed here is good');
    $try->($sign->(alg => 'none'), 'alg none');
    $try->("$head.$body.", 'without its signature');
    $try->("$head.$body", 'without even the dot');
    $try->($sign->(alg => $_), $_) for qw(HS384 HS512);
    $try->($sign->(key => 'x' x 64), 'another key');
    $try->($sign->(key => ''), 'an empty key') if eval { $sign->(key => ''); 1 };
    $try->($sign->(claims => { exp => int(time) - 1 }), 'expired');
    $try->($sign->(claims => { exp => undef }), 'without an end');
    $try->($sign->(claims => { exp => "$claims->{exp}" }), 'with an end in quotes');
    $try->($sign->(claims => { exp => -1 }), 'that ended before it began');
    $try->($sign->(claims => { nbf => int(time) + 600 }), 'not valid yet');
    $try->($ann->refresh, 'a refresh token');
    $try->($im->admin->access, "an administrator's");
    $try->($sign->(claims => { aud => 'im-admin' }), 'for administrators');
    $try->($sign->(claims => { aud => ['im-user', 'im-admin'] }), 'for everybody');
    $try->($sign->(claims => { iss => 'else' }), 'of somebody else');
    $try->($sign->(claims => { sub => $_ }), "of account '$_'") for '0', '-1', '1 ', '010001', '99999999999999999999', '', $bob->id . 'x';
    $try->($sign->(claims => { sub => $ann->id + 0 }), 'of an account without quotes');
    $try->($sign->(claims => { ver => $claims->{ver} + 1 }), 'of another version');
    $try->($sign->(claims => { ver => undef }), 'of no version');
    $try->($sign->(claims => { sid => $claims->{sid} + 1000 }), 'of no session');
    $try->($sign->(claims => { pad => 'x' x 3000 }), 'of 4 KiB');
    $try->(('x' x 7000), 'of 7 KiB of nothing');
    $try->(substr($ann->access, 0, -1), 'cut short');
    $try->($_, "'$_'") for '.', '..', 'a.b.c', 'null', '%00';
    for my $head ('Basic ' . $ann->access, 'Bearer', 'Bearer  ' . $ann->access, 'Bearer ' . $ann->access . ' x', '') {
        $ann->as(access => undef)->raw(GET => '/user/self', '', Authorization => $head)
            ->refused(401, 'Authorization: ' . ($head =~ s/ey\S+/token/r));
    }
};

subtest 'JSON' => sub {
    my $apply = sub ($bytes) { $ann->raw(POST => '/friend/request/apply', $bytes) };
    my $id    = $bob->id;
    my %bad = (
        'nothing closed'      => '{"friendId":' . $id,           'two documents'    => qq({"friendId":$id}{}),
        'trailing junk'       => qq({"friendId":$id}x),          'a comment'        => qq({"friendId":$id/**/}),
        'single quotes'       => qq({'friendId':$id}),           'a trailing comma' => qq({"friendId":$id,}),
        'two byte order marks' => qq(\xef\xbb\xbf\xef\xbb\xbf{"friendId":$id}), 'an array' => '[]',
        'a scalar'            => '5',                            'null'             => 'null',
        'NaN'                 => '{"friendId":NaN}',             'Infinity'         => '{"friendId":-Infinity}',
        '1e400'               => '{"friendId":1e400}',           'a leading zero'   => "{\"friendId\":0$id}",
        'a bare point'        => qq({"friendId":$id.}),          'a plus'           => qq({"friendId":+$id}),
        'hexadecimal'         => '{"friendId":0x2712}',          'a fraction'       => qq({"friendId":$id.0}),
        'an exponent'         => '{"friendId":1e4}',             'a blank in text'  => qq({"friendId":" $id"}),
        'text after digits'   => qq({"friendId":"${id}abc"}),    'beyond 2^53'      => '{"friendId":9007199254740993}',
        'beyond 2^63'         => '{"friendId":9223372036854775808}', 'beyond 2^64'  => '{"friendId":18446744073709551617}',
        'a key twice'         => qq({"friendId":1,"friendId":$id}),
        'a key twice, once escaped' => qq({"friendId":1,"\\u0066riendId":$id}),
        'a key cut at NUL'    => qq({"friendId\\u0000x":$id}),   'a NUL escaped'    => qq({"friendId":$id,"applyInfo":"a\\u0000b"}),
        'a NUL'               => qq({"friendId":$id,"applyInfo":"a\0b"}),
        'a raw newline'       => qq({"friendId":$id,"applyInfo":"a\nb"}),
        'overlong UTF-8'      => qq({"friendId":$id,"applyInfo":"\xc0\xaf"}),
        'a surrogate'         => qq({"friendId":$id,"applyInfo":"\xed\xa0\x80"}),
        'a digit that is none' => qq({"friendId":$id,"applyInfo":"\\u00g0"}),
        'UTF-8 beyond Unicode'  => qq({"friendId":$id,"applyInfo":"\xf5\x80\x80\x80"}),
        'cut UTF-8'           => qq({"friendId":$id,"applyInfo":"\xe4\xbd"}),
        'a bad escape'        => qq({"friendId":$id,"applyInfo":"\\x"}),
        'too deep'            => qq({"friendId":$id,"x":) . '[' x 9 . ']' x 9 . '}',
        'far too deep'        => '{"x":' . '[' x 30_000,
        'true'                => '{"friendId":true}',            'a list'           => "{\"friendId\":[$id]}",
        'an object'           => '{"friendId":{}}',              'null for a required field' => '{"friendId":null}',
    );
    for my $name (sort keys %bad) {
        my $answer = $apply->($bad{$name});
        $answer->refused(400, "$name is refused");
    }
    is $im->sql('select count(*) from im.friend_request where status = 1'), 0, 'and none of it did anything';
    $apply->('x' x 65_537)->refused(413, 'more than 64 KiB is too much');
    for my $body ('', ' ', "\n") {
        $apply->($body)->refused(400, 'an empty body lacks the field', qr/friendId/);
    }
    my $hello = encode 'UTF-8', qq({"friendId":$id,"applyInfo":"\x{1F600}\\ud83d\\ude00\\ud800","unknown":{"a":[1.5e3,null]}});
    $apply->($_)->refused(2002, 'what is right gets through') for " $hello\n", qq(\xef\xbb\xbf{"friendId":"$id"});
};

subtest 'HTTP' => sub {
    my $chat = $im->port('chat');
    my @auth = ('Authorization: Bearer ' . $ann->access);
    for my $case (
        ['GET /user%2fself', 404], ['GET /user/self%00', 400, 404], ['GET //user/self', 200], ['GET /user/./self', 404],
        ['GET /group/members/1%0d%0aX:y', 400, 404], ['GET /group/members/%2f..%2f..%2fuser%2fself', 400, 404],
        ['GET /group/members/', 404, 400], ['GET /group/members/1/2', 404], ['GET /user/self?x=%zz', 200], ['GET /friend/list?page=%ff', 400],
        ['get /user/self', 400, 404], ['TRACE /user/self', 404, 400], ['GET /user/self;x', 404], ['GET http://evil/user/self', 200, 404],
    ) {
        my ($line, @codes) = @$case;
        my ($status, $text) = IM::Raw->new($chat)->request($line, '', @auth);
        my ($code) = $text =~ /"code":(\d+)/;
        ok +(grep { ($code // $status) == $_ } @codes), "$line" or diag "  answered $status " . ($text =~ s/.*\r\n\r\n//sr);
    }
    my ($status) = IM::Raw->new($chat)->request('GET /user/self', '', @auth, 'Proxy: http://evil/');
    is $status, 200, 'a Proxy header does nothing';
    my $raw = IM::Raw->new($chat);
    $raw->write("POST /friend/request/apply HTTP/1.1\r\nHost: x\r\n$auth[0]\r\nContent-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /friend/list HTTP/1.1\r\nHost: x\r\n\r\n");
    is scalar(() = $raw->read(qr/(?!)/, 1) =~ m{HTTP/1\.1 200}g), 0, 'two lengths smuggle nothing';
    my $cut = IM::Raw->new($chat);
    $cut->write("POST /friend/request/apply HTTP/1.1\r\nHost: x\r\n$auth[0]\r\nContent-Length: 100\r\n\r\n{\"friendId\":")->close;
    $ann->get('/user/self')->ok('a client that leaves in its body hurts nobody');
};

subtest 'stopping finishes what runs' => sub {
    my $account = "locktype = 'advisory' and objid = " . $ann->id;
    my $lock = $im->background_sql("do \$\$ begin perform pg_advisory_xact_lock(@{[ $ann->id ]});
        while not exists (select from im.setting where name = 'test.told') loop perform pg_sleep(0.01); end loop; end \$\$");
    ok $im->eventually(5, sub { $im->sql("select count(*) from pg_locks where $account and granted and mode = 'ExclusiveLock'") > 0 }),
        "somebody holds ann's account";
    my ($answer, $error);
    $ann->ask_p(GET => '/user/self')->then(sub ($got) { $answer = $got })->catch(sub ($why) { $error = $why });
    $im->eventually(5, sub { $im->sql("select count(*) from pg_locks where $account and not granted") > 0 });
    ok !$answer, 'her request runs';
    kill TERM => $im->parts->pids('user', 'multiwatch');
    $im->run(0.3);    # in which it hears that; a lock is waited for no longer than 2 seconds
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.told', 'text', '')});
    $im->eventually(10, sub { $answer || $error });
    ok $answer, 'it gets its answer although multiwatch was told to stop' or diag $error;
    $answer->ok('the right one', { id => $ann->id }) if $answer;
    ok $im->eventually(2, sub { $ann->get('/user/self')->code eq 200 }), 'and the program is back';
    waitpid $lock, 0;
};

$im->allow(qr/connect\(\) to unix:\S+user\.sock failed/, qr/client intended to send too large body/);
$im->end;
done_testing;
