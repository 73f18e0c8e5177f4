# limit: how much one address and one account may take, however it spells who it is; and that those who are slow, or
# come by the hundred, take nothing from others.  Limits are on here, as they are outside of tests.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Crowd;
use IM::Raw;
use IM::Stack;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use constant { CONNECTIONS => 40, SLOW => 500, READERS => 5, FLOOD => 1100, SHIPPED => 1000, BUSY_MS => 50, LOST_MS => 60_000 };

my $im    = IM::Stack->new(IM_RATE_LIMIT => 'on', IM_ADDRESS_CONNECTIONS => CONNECTIONS);
my ($ann, $bob, @crowd) = $im->users(qw(ann bob cat dan eve fay guy hal));
$im->befriend($ann, $bob);
my $next = 1;

# Each story comes from addresses of its own.
sub address () { return '127.0.' . int($next / 200) . '.' . (2 + $next++ % 200) }

sub raw ($service, $address) { return IM::Raw->new($im->port($service), $address) }

sub request ($line, @headers) { return join "\r\n", "$line HTTP/1.1", 'Host: localhost', @headers, '', '' }

# The answers to requests, on ten connections at once: the seconds that it took, and how many of each HTTP status.
sub answers ($service, $address, @requests) {
    my ($start, $each, %count, @open) = (time, @requests / 10);
    while (my @some = splice @requests, 0, $each) {
        $some[-1] =~ s/\r\n\r\n\z/\r\nConnection: close\r\n\r\n/;
        push @open, raw($service, $address)->write(join '', @some);
    }
    for my $text (map { $_->read(qr/(?!)/, 30) } @open) {
        $count{$1}++ while $text =~ m{HTTP/1\.1 (\d+) }g;
    }
    return (time - $start, \%count);
}

# One more comes back with each part of a second.
sub within ($count, $most, $per_second, $took, $title) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok $count, '<=', $most + $per_second * $took + 5, sprintf '%s: %d in %.1f s', $title, $count, $took;
}

subtest 'one account, by whatever name' => sub {
    my @tokens = map { $ann->login->data->{accessToken} } 1 .. 3;
    my @names  = map { my $token = $_; (map {"Authorization: $_ $token"} qw(Bearer bearer BEARER bEaReR)), "accessToken: $token", 'accessToken: ' . $token =~ s/\./%2E/gr } @tokens;
    my $here = address();
    my ($took, $count) = answers(chat => $here, map { request('GET /user/self', $names[$_ % @names]) } 1 .. 900);
    within($count->{200} // 0, 200, 100, $took, 'as one');
    is_deeply [sort keys %$count], [200, 429], 'and the rest is told so with HTTP 429' or diag explain $count;
    is $count->{200} + ($count->{429} // 0), 900, 'each of them';
    $bob->get('/user/self')->ok('another account is not concerned');
    ok $im->eventually(5, sub { $ann->get('/user/self')->code eq 200 }), 'nor is she a moment later';
};

subtest 'one address, by whatever token' => sub {
    my $garbage = sub ($n) { join '.', 'eyJhbGciOiJIUzI1NiJ9', "garbage$n", 'x' x 43 };
    my ($here, $there, $start) = (address(), address(), time);
    my ($took, $count) = answers(chat => $here, map { $_ % 2 ? request('GET /user/self', 'Authorization: Bearer ' . $garbage->($_))
            : request('PUT /refreshToken', 'refreshToken: ' . $garbage->($_)) } 1 .. 3000);
    within($count->{200} // 0, 1000, 300, $took, 'garbage');
    is +($count->{200} // 0) + ($count->{429} // 0), 3000, 'and the rest is told so';
    my $all = $count->{200};
    for my $case ([chat => 'GET /friend/list'], [redpacket => 'GET /red/packet/detail'], [backstage => 'GET /im/recharge/list']) {
        my ($service, $line) = @$case;
        ($took, $count) = answers($service => $here, map { request($line) } 1 .. 100);
        $all += $count->{200} // 0;
        like raw($service, $there)->write(request($line))->read(qr/\}/), qr/"code":40[14],/, "$service: who comes from elsewhere is served";
    }
    within($all, 1000, 300, time - $start, 'nor more of it elsewhere');
};

# The hop is told whose request it is.
subtest 'one IPv6 network, by whatever address' => sub {
    my $captchas = sub (@addresses) {
        return (answers(hop => '127.0.0.1', map { request('GET /captcha', "X-IM-Address: $_") } @addresses))[1];
    };
    for my $network ('2001:db8:1:2:%x:1:1:1', '2001:db8:1:3::%x', '2001:db8:4::%x', '2001:db8::5:%x:1:1') {
        my $count = $captchas->(map { sprintf $network, $_ } 1 .. 150);
        ok $count->{429}, "$network" or diag explain $count;
    }
    is $captchas->(map { sprintf '2001:db8:6:%x::1', $_ } 1 .. 150)->{429}, undef, 'many networks are many';
};

subtest 'searching' => sub {
    my $start = time;
    my @codes = map { $bob->get('/user/search', { name => "1380013$_" })->code } 1000 .. 1039;
    my $found = grep { $_ eq 200 } @codes;
    ok $found >= 30 && $found <= 31 + (time - $start) / 2, "thirty a minute: $found";
    is scalar(grep { $_ eq 429 } @codes), 40 - $found, 'the others are refused with 429';
    $bob->get('/user/self')->ok('everything else goes on');
};

subtest 'refreshing' => sub {
    my ($start, @codes) = time;
    for (1 .. 100) {
        my $answer = $crowd[0]->put('/refreshToken', { refreshToken => $crowd[0]->refresh });
        $crowd[0]->keep($answer->data) if $answer->code eq 200;
        push @codes, $answer->code;
        last if @codes >= 35 && $codes[-1] eq 429;
    }
    my $done = grep { $_ eq 200 } @codes;
    ok $done >= 30 && $done <= 31 + (time - $start) / 2, "thirty a minute: $done" or diag "@codes";
    is $codes[-1], 429, 'the others are refused with 429';
};

subtest 'passwords of one account' => sub {
    my $other = $crowd[5];
    my @codes = map { $other->put('/setTradePwd', { tradePassword => "trade $_", password => $other->password })->code } 1 .. 14;
    my $done = grep { $_ eq 200 } @codes;
    ok $done >= 10 && $done <= 12, "ten a minute: $done" or diag "@codes";
    is $codes[-1], 429, 'the others are refused with 429';
    $other->put('/refreshToken', { refreshToken => $other->refresh })->ok('who is refused there may refresh');
};

subtest 'whatever computes passwords, of one address' => sub {
    my @paths = map {"PUT $_"} qw(/modifyPwd /setTradePwd);
    my ($took, $count) = answers(chat => address(), map { request($paths[$_ % 2], 'Authorization: Bearer x.y.z') } 1 .. 200);
    within($count->{200} // 0, 100, 5, $took, 'of users');
    ($took, $count) = answers(backstage => address(), map { request('PUT /im/self/password', 'Authorization: Bearer x.y.z') } 1 .. 200);
    within($count->{200} // 0, 100, 5, $took, 'of administrators');
};

subtest 'frames of one account' => sub {
    my $other   = $crowd[1]->as;
    $other->login;
    my @sockets = map { my $raw = raw(backstage => address()); $raw->upgrade('accessToken=' . $_->access); $raw } $crowd[1], $other;
    my $start   = time;
    for (1 .. 40) {
        $_->frame('{"type":"HEARTBEAT","data":{}}') for map { ($_) x 10 } @sockets;
        sleep 0.02;
    }
    my $heard = $sockets[0]->read(qr/(?!)/, 2);
    my $count = () = $heard =~ /"event":"HEARTBEAT"/g;
    cmp_ok $count, '>', 20, "some are answered";
    within($count, 200, 50, time - $start, 'two tokens, 800 frames');
};

# What holds a connection: a body that does not come, and on 8081 a socket.
sub holding ($service, $address, $path) {
    return raw($service, $address)->write(request("POST $path", 'Content-Length: 100') . '{');
}

subtest 'connections of one address' => sub {
    for my $case ([chat => '/friend/request/apply'], [redpacket => '/red/packet/rob'], [backstage => '/im/recharge/approve'], [backstage => '/openapi/backstage.json']) {
        my ($service, $path) = @$case;
        my ($here, $there)   = (address(), address());
        my @held = map { holding($service, $here, $path) } 1 .. CONNECTIONS + 3;    # should a question come between
        my $asks = sub ($address) { raw($service, $address)->write(request("POST $path"))->read(qr/\}/) };
        ok $im->eventually(5, sub { $asks->($here) =~ m{\AHTTP/1\.1 429 .*^X-IM-Code: 429\r\n.*^\{"code":429,}ms }), "$service: is at its limit";
        like $asks->($there), qr/"code":40[0134],/, 'another is not';
        $_->close for @held;
        ok $im->eventually(5, sub { $asks->($here) =~ /"code":40[0134],/ }), 'and when they have gone it is not either';
    }
};

subtest 'sockets of one address' => sub {
    for my $service (qw(backstage chat)) {
        my ($here, $there) = (address(), address());
        my $connect = sub ($user, $address) { my $raw = raw($service, $address); ($raw->upgrade('accessToken=' . $user->access), $raw) };
        my @held = map { my $user = $_; map { ($connect->($user, $here))[1] } 1 .. CONNECTIONS / 5 } @crowd[1 .. 5];
        is +($connect->($ann, $here))[0],  429, "$service: is at its limit";
        is +($connect->($ann, $there))[0], 101, 'another is not';
        $_->close for @held;
        ok $im->eventually(5, sub { ($connect->($ann, $here))[0] == 101 }), 'and when they have gone it is not either';
    }
};

# A part of a flood, in a process that has descriptors of its own: sockets, and as many connections that begin a request.
# Where to read, once all are open, how many had each status; and its pid.  It holds them until nobody writes to $held any more.
sub flood ($stack, $address, $held, $holding, @tokens) {
    pipe my $from, my $to or die "could not make a pipe: $!\n";
    my $pid = fork // die "could not fork: $!\n";
    return [$from, $pid] if $pid;
    close $holding;
    my (%count, @open);
    for my $token (@tokens) {
        push @open, IM::Raw->new($stack->port('backstage'), $address), IM::Raw->new($stack->port('chat'), $address)->write('GET /');
        $count{ $open[-2]->upgrade("accessToken=$token") }++;
    }
    syswrite $to, join(' ', %count) . "\n";
    sysread $held, my $end, 1;
    POSIX::_exit(0);
}

# F27, with the limits that are shipped.
subtest 'more than a thousand sockets from one address' => sub {
    my $shipped = IM::Stack->new(IM_RATE_LIMIT => 'on');
    my @tokens  = map { ($_->access) x 10 } IM::Crowd->new(im => $shipped)->people(FLOOD / 10);
    my ($zoe, $here, $there) = ($shipped->user('zoe'), address(), address());
    my $connects = sub ($address) { IM::Raw->new($shipped->port('backstage'), $address)->upgrade('accessToken=' . $zoe->access) };
    pipe my $held, my $holding or die "could not make a pipe: $!\n";
    my (%count, @parts);
    push @parts, flood($shipped, $here, $held, $holding, splice @tokens, 0, FLOOD / 4) for 1 .. 4;
    for my $counts (map { my %some = split ' ', readline $_->[0]; \%some } @parts) {
        $count{$_} += $counts->{$_} for keys %$counts;
    }
    is_deeply \%count, { 101 => SHIPPED, 429 => FLOOD - SHIPPED }, 'a thousand are open, and the others refused' or diag explain \%count;
    is $connects->($here),  429, 'one more is as well';
    is $connects->($there), 101, 'but not from elsewhere';
    $zoe->get('/friend/list')->ok('where requests are served', []);
    my @crowded = grep { my $part = $_; grep { (() = glob "/proc/$_/fd/*") >= 1024 } $shipped->parts->pids($part, $part) } grep { !/^(?:nginx|push)$/ } $shipped->parts->names;
    is "@crowded", '', 'no program has so many descriptors that libfcgi could not wait for them';
    close $holding;
    waitpid $_->[1], 0 for @parts;
    ok $shipped->eventually(20, sub { $connects->($here) == 101 }), 'when they have gone one may come again';
    ok $shipped->eventually(30, sub { $shipped->sql('select count(*) from im.connection') <= 1 }), 'and the register has forgotten them';
    $shipped->end;
};

subtest 'refused handshakes' => sub {
    my %seen;
    my $see = sub ($line, @headers) {
        for my $service (qw(backstage chat)) {
            my ($status, $answer) = raw($service, address())->handshake($line, @headers);
            my $code = $answer =~ /^X-IM-Code: (\d+)/m ? $1 : 'none';
            $seen{"$status $code"} .= $service;
        }
    };
    my $banned = $crowd[5];
    $im->sql("update im.account set status = 'banned' where id = @{[$banned->id]}");
    my ($good, $here) = ('GET /ws?accessToken=' . $ann->access, address());
    my @held = map { holding(chat => $here, '/friend/request/apply') } 1 .. CONNECTIONS + 3;
    $see->($good, 'Upgrade: h2c');
    $see->($good, 'If-None-Match: 0');
    $see->($good, 'Sec-WebSocket-Version: 8');
    $see->('GET /ws?accessToken=x');
    $see->($good, 'Origin: http://elsewhere.example');
    $see->('GET /ws?accessToken=' . $banned->access);
    $im->eventually(5, sub { (raw(chat => $here)->handshake($good))[0] == 429 }) and $seen{'429 429'} = 'backstagechat';
    $im->parts->sv('socket', 'down');
    $see->($good);
    $im->parts->sv('socket', 'up');
    my @table = map {"@$_"} @{ $im->contract('chat')->handshake_refusals };
    is_deeply [sort keys %seen], [sort @table], 'are those of the table' or diag explain \%seen;
};

subtest 'slow clients' => sub {
    my $text = '字' x 4096;
    for my $n (1 .. 60) {
        $ann->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1, clientMsgId => "slow $n" })->must;
    }
    # Somebody else's requests for a second, each on a connection of its own: what 99 of 100 of them take at most, in
    # milliseconds.  The middle one of several seconds counts, for others may use the machine.
    my $p99 = sub {
        my ($end, @ms) = time + 1;
        while (time < $end) {
            my $start  = time;
            my $answer = eval { raw(chat => '127.0.9.9')->write(request('GET /friend/list', 'Authorization: Bearer ' . $crowd[2]->access))->read(qr/\}/) } // '';
            push @ms, $answer =~ /"code":200/ ? 1000 * (time - $start) : LOST_MS;
            sleep 0.005;
        }
        return (sort { $a <=> $b } @ms)[$#ms * 0.99];
    };
    my $middle = sub (@of) { (sort { $a <=> $b } @of)[$#of / 2] };
    my $before = $middle->(map { $p99->() } 1 .. 5);
    my (%slow, $begun);
    for my $n (1 .. SLOW / 3) {    # 25 of each address
        my $address = '127.0.8.' . (1 + $n % (SLOW / 25));
        push @{ $slow{header} },  raw(chat => $address)->write("GET /user/self HTTP/1.1\r\nX: ");
        push @{ $slow{body} },    holding(chat => $address, '/friend/request/apply');
        push @{ $slow{trickle} }, holding(chat => $address, '/friend/request/apply');
    }
    for (1 .. READERS) {    # each asks for more than the kernel keeps
        my $reader = raw(chat => '127.0.8.100');
        push @{ $slow{reader} }, $reader->write(request("GET /message/private/history?friendId=@{[$ann->id]}&size=100", 'Authorization: Bearer ' . $bob->access) x 16);
    }
    $begun = time;
    my @busy;
    while (time - $begun < 11) {
        $_->write('x') for @{ $slow{header} }, @{ $slow{trickle} };
        push @busy, $p99->();
    }
    for my $kind (qw(header body)) {
        ok $im->eventually(5, sub { !grep { !$_->gone(0.002) } @{ $slow{$kind} } }), "a $kind that does not come is waited for ten seconds";
    }
    $_->close for @{ $slow{trickle} };
    is scalar(grep { length $_->read(qr/(?!)/, 3) < 16 * 700_000 && $_->gone(0.1) } @{ $slow{reader} }), READERS, 'and so is who does not read';
    my ($during, $after) = ($middle->(@busy), $middle->(map { $p99->() } 1 .. 5));
    cmp_ok $during, '<', 2 * ($before > $after ? $before : $after) + BUSY_MS,
        sprintf 'others do not notice %d of them: 99 of 100 within %.1f ms, %.1f before, %.1f after', SLOW, $during, $before, $after;
    ok $im->eventually(5, sub { $bob->get('/user/self')->code eq 200 }), 'all is well';
};

$im->allow(qr/connect\(\) to unix:\S+socket\.sock failed/);
$im->end;
done_testing;
