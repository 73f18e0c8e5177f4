# tls: whom the servers believe who a client is, and TLS of their own, with certificates of an authority that this story makes.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Machine qw(slowness);
use IM::Stack;
use IO::Select;
use IPC::Open2 qw(open2);
use Mojo::File qw(path);
use Test::More;

my $im = IM::Stack->new(IM_TRUSTED_PROXIES => '127.0.0.2 10.9.0.0/16');
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $here = path(tempdir(CLEANUP => 1));

# Whom a log-in came from, by address 127.0.0.N with this X-Forwarded-For: as the session of a user, or of the administrator.
sub origin ($user, $n, $forwarded) {
    my $session = $user->at($n)->as(access => undef)->post('/login', { username => $user->name, password => $user->password }, 'X-Forwarded-For' => $forwarded)->must;
    $im->secret(grep {defined} @$session{qw(accessToken refreshToken)});
    my $table = $user->service eq 'chat' ? 'session' : 'admin_session';
    return $im->sql("select host(address) from im.$table order by id desc limit 1");
}

subtest 'behind a proxy' => sub {
    for my $user ($ann, $im->admin) {
        my $of = $user->service;
        is origin($user, 2, '203.0.113.7'), '203.0.113.7', "$of: one that is trusted says whom it asks for";
        is origin($user, 2, '198.51.100.1, 203.0.113.7, 10.9.0.3'), '203.0.113.7', "$of: of several the last that is no proxy of ours counts";
        is origin($user, 2, '2001:db8::7'), '2001:db8::7', "$of: by IPv6 too";
        is origin($user, 2, 'nobody'), '127.0.0.2', "$of: what is no address is not believed";
        is origin($user, 1, '203.0.113.7'), '127.0.0.1', "$of: nor is anybody else";
    }
    $im->sql(q{update im.setting set value = '2' where name = 'login.captcha_after_address'});
    my $proxy = $bob->at(2)->as(access => undef);
    my $try = sub ($from, $password) { $proxy->post('/login', { username => 'bob', password => $password }, 'X-Forwarded-For' => $from) };
    $try->('203.0.113.66', 'wrong')->refused($_ < 2 ? 1002 : 1006, 'wrong passwords of one client') for 0 .. 2;
    $try->('203.0.113.66', $bob->password)->refused(1006, 'make him answer a captcha');
    $try->('203.0.113.67', $bob->password)->ok('and nobody else behind the same proxy');
    $im->sql(q{update im.setting set value = preset where name = 'login.captcha_after_address'});
};

# A key and a certificate of the authority, which is made first: their files.
sub pair ($name) {
    my @by = $name eq 'ca' ? () : ('-CA', "$here/ca.pem", '-CAkey', "$here/ca.key", '-addext', 'subjectAltName=DNS:im.test');
    system('sh', '-c', 'exec openssl "$@" 2>/dev/null', 'sh', qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2), '-subj' => "/CN=$name", @by,
        '-keyout' => "$here/$name.key", '-out' => "$here/$name.pem") == 0 or die "could not make a certificate\n";
    return ("$here/$name.pem", "$here/$name.key");
}

# What curl hears, as who knows the authority and calls us im.test: version, status, headers and body.
sub ask ($service, $path, $scheme = 'https', @options) {
    my $port = $im->port($service);
    open my $out, '-|', 'curl', '-s', '-m', 20 * slowness, '--noproxy', '*', '--cacert', "$here/ca.pem", '--resolve', "im.test:$port:127.0.0.1",
        '-D', '-', '-w', '\n%{http_version} %{http_code}', @options, "$scheme://im.test:$port$path" or die "could not run curl: $!\n";
    local $/;
    return readline($out) // '';
}

# What a WebSocket hears by TLS: $then is done once it is open, and it listens until the pattern comes.
sub hear ($service, $token, $then, $wanted) {
    my $port = $im->port($service);
    my $pid  = open2(my $out, my $in, qw(openssl s_client -quiet -verify_quiet -verify_return_error -verify_hostname im.test -servername im.test),
        '-CAfile' => "$here/ca.pem", '-connect' => "127.0.0.1:$port");
    syswrite $in, join "\r\n", 'GET /ws HTTP/1.1', "Host: im.test:$port", "Origin: https://im.test:$port", 'Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', "Authorization: Bearer $token", '', '';
    my $heard = '';
    $im->eventually(20, sub {
        IO::Select->new($out)->can_read(0.1) and sysread $out, $heard, 65_536, length $heard;
        $then = $then->() if $then && $heard =~ /\r\n\r\n/;
        return $heard =~ $wanted;
    });
    kill TERM => $pid;
    waitpid $pid, 0;
    return $heard;
}

subtest 'TLS that cannot work is refused in a line' => sub {
    my ($certificate, $key) = (pair('ca'), pair('one'))[2, 3];
    my (undef, $other) = pair('two');
    my %wrong = (
        'IM_TLS_CERTIFICATE and IM_TLS_KEY belong together' => [$certificate, ''],
        'IM_TLS_CERTIFICATE cannot be read'                 => ["$here/none", $key],
        'IM_TLS_KEY cannot be read'                         => [$certificate, "$here/none"],
        'IM_TLS_CERTIFICATE holds no certificate'           => [$key, $key],
        'IM_TLS_KEY holds no key'                           => [$certificate, $certificate],
        'IM_TLS_KEY is not the key of the certificate'      => [$certificate, $other],
    );
    for my $why (sort keys %wrong) {
        local @{ $im->config }{qw(IM_TLS_CERTIFICATE IM_TLS_KEY)} = @{ $wrong{$why} };
        my ($status, $output) = $im->imctl('configtest');
        like "$status $output", qr/\A1 imctl: $why[^\n]*\n\z/, $why;
    }
    $ann->get('/user/self')->ok('and all runs on');
};

subtest 'TLS' => sub {
    @{ $im->config }{qw(IM_TLS_CERTIFICATE IM_TLS_KEY)} = ("$here/one.pem", "$here/one.key");
    $im->up;
    my $token = $ann->access;
    my @as    = (-H => "Authorization: Bearer $token");
    for ([chat => '/user/self', '"code":200'], [chat => '/nothing', '"code":404'], [chat => '/doc.js', 'use strict|import|document'],
        [backstage => '/im/self', '"code":401'], [backstage => '/doc.js', 'use strict|import|document'], [redpacket => '/red/packet/x', '"code":404']) {
        my ($service, $path, $answer) = @$_;
        my $heard = ask($service, $path, 'https', $service eq 'chat' ? @as : ());
        like $heard, qr/$answer.*\n2 \d+\z/s, "$service $path: is answered by HTTP/2";
        is scalar(() = $heard =~ /^strict-transport-security: max-age=\d{8}\r$/mg), 1, 'and says that it is by nothing else';
    }
    my $plain = ask('chat', '/user/self', 'http', @as);
    like $plain, qr/\{"code":400,.*\n1\.1 400\z/s, 'without TLS nobody is answered but so';
    unlike $plain, qr/strict-transport/i, 'which no page takes for more';
    is ask('chat', '/', 'https', '--tls-max', '1.1'), "\n0 000", 'nor with an old version of it';
    for my $service (qw(chat backstage)) {
        my $said = qq({"receiverId":"@{[$ann->id]}","content":"heard at $service","messageType":1});
        my $send = sub { ask('chat', '/message/private/send', 'https', -H => 'Authorization: Bearer ' . $bob->access, -H => 'Content-Type: application/json', -d => $said); return };
        like hear($service, $token, $send, qr/heard at $service/), qr{\AHTTP/1\.1 101 .*"PRIVATE_MESSAGE".*heard at $service}s, "the WebSocket of the $service port hears of a message";
    }
    my ($status, $output) = $im->imctl('status');
    is $status, 0, 'imctl asks by TLS too' or diag $output;
    like +($im->imctl('seed'))[1], qr/^imctl: seed speaks HTTP/, 'what cannot says so';
};

subtest 'a new certificate' => sub {
    my $serial = sub { qx{openssl s_client -connect 127.0.0.1:@{[$im->port('backstage')]} </dev/null 2>/dev/null | openssl x509 -noout -subject -nameopt RFC2253} };
    like $serial->(), qr/CN=one$/m, 'there is an old one';
    my ($certificate, $key) = pair('two');
    path($certificate)->copy_to("$here/one.pem");
    path($key)->copy_to("$here/one.key");
    my $before = ($im->parts->pids('nginx'))[0];
    $im->up;
    ok $im->eventually(20, sub { $serial->() =~ /CN=two$/m }), 'is presented after up';
    is +($im->parts->pids('nginx'))[0], $before, 'by the nginx that there was';
};

subtest 'and without' => sub {
    delete @{ $im->config }{qw(IM_TLS_CERTIFICATE IM_TLS_KEY IM_TRUSTED_PROXIES)};
    $im->up;
    $ann->get('/user/self')->ok('all is as it was');
    is origin($_, 2, '203.0.113.7'), '127.0.0.2', $_->service . ': nobody is believed' for $ann, $im->admin;
    is $bob->socket->close->status, 101, 'the WebSocket too';
    ok !-e path($im->state, 'nginx/key.pem'), 'of the key no copy is left';
};

$im->end;
done_testing;
