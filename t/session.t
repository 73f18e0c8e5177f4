# session: what ends a token, and everything that the secrets of an account are guarded by.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::JWT qw(decode_jwt);
use IM::Machine qw(slowness);
use IM::Stack;
use List::Util qw(sum0);
use Mojo::File qw(path);
use Test::More;
use Time::HiRes qw(clock_gettime time);

my $im       = IM::Stack->new(IM_PASSWORDS_WAITING => 12);
my $stranger = $im->stranger;
my ($ann, $bob) = $im->users(qw(ann bob));
$im->secret('wrong horse');

sub setting ($name, $value = undef) { $im->sql('update im.setting set value = ' . (defined $value ? "'$value'" : 'preset') . " where name = '$name'") }
sub forgive () { $im->sql('delete from im.login_failure; update im.trade_password set wrong = 0, locked_until = null') }
sub renew ($user, $as = $stranger) { return $as->put('/refreshToken', { refreshToken => $user->refresh }) }
sub device ($user) { my $device = $user->as; $device->login->must; return $device }

# The processor time that processes have had, to the nanosecond (clock_getcpuclockid(3)): other work on this machine costs them none.
sub used (@pids) {
    use integer;
    return sum0 map { clock_gettime(~$_ << 3 | 2) } @pids;
}

# Promises of so many refreshes with one token, at once.
sub renew_together ($user, $count) {
    return $im->together(map { $stranger->ask_p(PUT => '/refreshToken', { refreshToken => $user->refresh }) } 1 .. $count);
}

subtest 'a stolen refresh token' => sub {
    my $phone  = device($ann);
    my $tablet = device($ann);
    my $socket = $phone->socket;
    my @old    = ($phone->as);
    for (1 .. 3) {
        $phone->keep(renew($phone)->must);
        push @old, $phone->as;
    }
    $_->get('/user/self')->ok('an access token outlives the refresh') for @old;
    my $other = $tablet->socket;
    $im->sql("update im.session set refreshed_at = refreshed_at - interval '11 seconds'");
    $phone->keep(renew($old[2])->ok('at home an old one renews as well, later too'));
    push @old, $phone->as;
    $im->sql("update im.session set refreshed_at = refreshed_at - interval '11 seconds'");
    $im->parts->sv('clerk', 'down');
    renew($old[2], $stranger->at(9))->refused(401, 'the thief has another address');
    $socket->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'reuse' }, 'who has a socket with one is told why');
    $socket->expect_close('the socket opened with one is closed, by the program that refuses');
    $other->expect(SYSTEM_MESSAGE => 'NOTICE', { kind => 'SECURITY' }, 'and the account on its other device');
    $im->parts->sv('clerk', 'up');
    $_->get('/user/self')->refused(401, 'every access token of the family is void') for @old;
    renew($_)->refused(401, 'and every refresh token') for @old;
    $tablet->get('/user/self')->ok('the other device is another family');
    $tablet->get('/message/system/pullOfflineMessage')->ok('on which the notice can be read', [{ kind => 'SECURITY', content => qr/修改密码/ }]);
    $tablet->put('/message/system/readed')->must;
    $tablet->keep(renew($tablet)->ok('which goes on'));
    is $im->sql("select count(*) from im.session where revoke_reason = 'reuse'"), 1, 'the reuse is on record';
};

subtest 'refreshing in parallel' => sub {
    my $phone = device($ann);
    my @seen  = renew_together($phone, 8);
    $_->ok('one of eight is answered') for @seen;
    is_deeply [map { $_->data } @seen], [map { $seen[0]->data } @seen], 'all with the same pair';
    is $im->sql('select generation from im.session order by id desc limit 1'), 2, 'which is the second';
    my $next = $phone->as;
    $next->keep($seen[0]->data);
    $next->keep(renew($next)->ok('the pair renews'));
    is renew($phone)->must->{accessToken}, $next->access, 'then the first token, older now, gets the pair that there is';
    renew($phone, $stranger->at(9))->refused(401, 'but not elsewhere');
    renew($next)->refused(401, 'and that was reuse');
    device($ann)->put('/message/system/readed')->ok('of which she has been told', undef);
};

# Every way to end all tokens, and what they are answered with from then on.
for my $way (
    [password => 401, sub ($one) {
        my $new = 'new horse ' . time;
        $im->secret($new);
        $one->put('/modifyPwd', { oldPassword => $one->password, newPassword => $new })->must;
        $one->password($new);
    }],
    [logout => 401, sub ($one) { $one->post('/logout', { all => \1 })->must }],
    [ban => 1003, sub ($one) { ban($one) }],
) {
    my ($why, $code, $end) = @$way;
    subtest "the end of all tokens: $why" => sub {
        my @devices = map { device($bob) } 1 .. 3;
        my @sockets = ($devices[0]->socket, $devices[1]->socket(service => 'chat'), $devices[1]->socket);
        my $quiet   = $ann->socket;
        my $start   = time;
        $end->($devices[2]);
        $_->get('/user/self')->refused($code, "an access token is refused with $code") for @devices;
        renew($_)->refused($code, 'a refresh token too') for @devices;
        is $_->socket->status, $code == 401 ? 401 : 403, 'nobody connects with one' for @devices;
        $_->expect(SYSTEM_MESSAGE => $code == 401 ? 'KICK' : 'BANNED', { reason => $why eq 'ban' ? 'spam' : $why }, 'a socket is told why') for @sockets;
        $_->expect_close('a socket is closed') for @sockets;
        cmp_ok time - $start, '<', 5 * slowness(), 'all within five seconds';
        $quiet->heartbeat;
        ok $quiet->is_open, "somebody else's is not";
        $bob->password($devices[2]->password);
        if ($code == 1003) {
            $bob->login->refused(1003, 'nor does he log in');
            $im->sql('select im.account_unban(' . $bob->id . ')');
            $_->get('/user/self')->refused(401, 'once the ban is lifted the tokens are just void') for @devices;
        }
        device($bob)->get('/user/self')->ok('a new login is good');
    };
}

subtest 'the end of one device' => sub {
    my ($phone, $tablet) = (device($ann), device($ann));
    my ($here, $there) = map { $_->socket } $phone, $tablet;
    $phone->post('/logout')->ok('ann logs out on one', undef);
    $here->expect_close('its socket is closed');
    $phone->get('/user/self')->refused(401, 'as is its token');
    is $there->heartbeat->{pending}, 0, "the other's goes on";
    $tablet->get('/user/self')->ok('and is as good as before');
};

subtest 'who only listens' => sub {
    my $phone  = device($ann);
    my $socket = $phone->socket;
    my $newest = "(select max(id) from im.connection where account_id = @{[$ann->id]})";
    my $left = $im->sql("select extract(epoch from expires_at - now()) from im.connection where id = $newest");
    ok $left > 1740 && $left <= 1801, 'ann is connected for as long as her token is good' or diag $left;
    $im->sql("update im.connection set expires_at = now() - interval '31 seconds' where id = $newest");
    $socket->expect_close('when it is over the clerk closes the socket');
};

subtest 'a session that ends while its socket opens' => sub {
    my $phone = device($ann);
    my $waits = sub ($what) { $im->eventually(10, sub { $im->sql("select count(*) from pg_stat_activity where query like '%$what%' and wait_event_type = 'Lock'") }) };
    my $lock  = sub { $im->background_sql(<<~'END') };    # whoever notes a socket has to wait
        begin;
        lock table im.connection in exclusive mode;
        do $$ begin while not exists (select from im.setting where name = 'test.open') loop perform pg_sleep(0.01); end loop; end $$;
        commit
        END
    my $held = $lock->();
    ok $im->eventually(10, sub { $im->sql(q{select count(*) from pg_locks where relation = 'im.connection'::regclass and mode = 'ExclusiveLock'}) }), 'the handshake has to wait';
    my ($answer, $socket);
    my $ended = sub { $phone->post_p('/logout', {})->then(sub ($got) { $answer = $got }) };
    my $url   = $im->url('backstage') =~ s/^http/ws/r . '/ws?accessToken=' . $phone->access;
    $phone->ua->websocket_p($url)->then(sub ($tx) { $socket = $tx; $tx->on(finish => sub { $socket = 'closed' }) })->catch(sub ($why) { $socket = $why });
    ok $waits->('socket_open'), 'it does';
    $ended->();
    ok $waits->('session_logout'), 'and whoever ends its session waits for it';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.open', 'text', '')});
    waitpid $held, 0;
    ok $im->eventually(10, sub { $answer }), 'the session ends';
    ok $im->eventually(10, sub { ($socket // '') eq 'closed' }), 'and the socket that has just opened with it';
};

# As the backstage does it, through the clerk's outbox.
sub ban ($user) { $im->sql('select im.account_ban(' . $user->id . ", null, 'spam')") }

subtest 'captcha' => sub {
    forgive();
    my $wrong = sub (%more) { $stranger->post('/login', { username => 'bob', password => 'wrong horse', %more }) };
    my $solve = sub { my $id = $stranger->get('/captcha')->must->{captchaId}; ($id, scalar $im->sql("select answer from im.captcha where id = '$id'")) };
    $wrong->()->refused(1002, "wrong password $_") for 1 .. 3;
    $wrong->()->refused(1006, 'the fourth needs a captcha');
    $bob->login->refused(1006, 'even with the right password');
    my ($id, $answer) = $solve->();
    like $answer, qr/\A\w{5}\z/, 'it shows five characters';
    $wrong->(captchaId => $id, captchaCode => $answer)->refused(1002, 'solved, the password counts again');
    $bob->login(captchaId => $id, captchaCode => $answer)->refused(1006, 'a captcha works once, even for a wrong password');
    ($id, $answer) = $solve->();
    $im->sql("update im.captcha set created_at = created_at - interval '121 seconds'");
    $bob->login(captchaId => $id, captchaCode => $answer)->refused(1006, 'and for two minutes');
    ($id) = $solve->();
    (undef, $answer) = $solve->();
    $bob->login(captchaId => $id, captchaCode => $answer)->refused(1006, "another one's answer is none");
    $bob->login(captchaId => 'x', captchaCode => $answer)->refused(400, 'an id has a form', qr/captchaId/);
    ($id, $answer) = $solve->();
    $bob->login(captchaId => $id, captchaCode => lc $answer)->ok('case does not matter');
    $bob->login->ok('and all is forgiven');

    forgive();
    setting('login.captcha_after_address', 2);
    $stranger->post('/login', { username => "nobody$_", password => 'wrong horse' })->refused(1001, 'an address guesses names') for 1 .. 2;
    $ann->login->refused(1006, 'then it needs a captcha for anybody');
    my %new = (username => 'cat', password => 'wrong horse', nickName => 'Cat');
    $stranger->post('/register', \%new)->refused(1006, 'and to register');
    ($id, $answer) = $solve->();
    $stranger->post('/register', { %new, captchaId => $id, captchaCode => $answer })->ok('with which it may');
    setting('login.captcha_after_address');
    forgive();
};

subtest 'trade password' => sub {
    my @secret = map {"trade $_ " . time} 0 .. 4;
    $im->secret(@secret, 'trade wrong');
    my $set    = sub ($new, %more) { $ann->put('/setTradePwd', { tradePassword => $secret[$new], %more }) };
    my $kept   = sub { join ' ', @{ ($im->sql('select wrong, locked_until is not null from im.trade_password where account_id = ' . $ann->id))[0] } };
    my $wrong  = { oldTradePassword => 'trade wrong' };
    $set->(0)->ok('the first is free');
    $set->(1)->refused(400, 'the second is not', qr/oldTradePassword/);
    $set->(1, oldTradePassword => $secret[0])->ok('the old one changes it');
    $set->(2, password => $ann->password)->ok('so does the login password');
    $set->(3, password => 'wrong horse')->refused(1002, 'a wrong one does not');
    $set->(3, password => 'wrong horse', oldTradePassword => $secret[2])->refused(1002, 'whatever else is shown');
    is $kept->(), '0 f', 'nor does it count as a try of the trade password';
    $set->(3, %$wrong)->refused(4002, 'a wrong old one is refused');
    is $kept->(), '1 f', 'and counted, although it was refused';
    $set->(3, oldTradePassword => $secret[2])->ok('the right one is taken');
    is $kept->(), '0 f', 'and forgives';
    $set->(4, %$wrong)->refused(4002, "wrong try $_") for 1 .. 5;
    is $kept->(), '5 t', 'five lock it';
    $set->(4, oldTradePassword => $secret[3])->refused(4004, 'even for the right one');
    $set->(4, %$wrong)->refused(4004, 'or another wrong one');
    is $kept->(), '5 t', 'which is not counted';
    $im->sql("update im.trade_password set locked_until = locked_until - interval '23:59:30'");
    $set->(4, oldTradePassword => $secret[3])->refused(4004, 'for nearly a day');
    $im->sql("update im.trade_password set locked_until = locked_until - interval '30 seconds'");
    $set->(4, %$wrong)->refused(4002, 'then one has five tries again');
    is $kept->(), '1 f', 'of which this was the first';
    $set->(4, oldTradePassword => $secret[3])->ok('and the right one works');
    $set->(3, oldTradePassword => $secret[4])->ok('and works again');

    # Parallel guesses are counted one by one.
    my @code = map { $_->code } $im->together(map { $ann->ask_p(PUT => '/setTradePwd', { tradePassword => $secret[0], %$wrong }) } 1 .. 12);
    is_deeply [sort @code], [(4002) x 5, (4004) x 7], 'of twelve guesses at once five are heard';
    forgive();

    my @crew   = $im->parts->pids('wallet', 'wallet');
    my $before = used(@crew);
    $ann->post('/user/withdraw', { amount => 1, toAddress => '0x' . 'a' x 40, tradePassword => $secret[3] })->code eq '4001' or die for 1 .. 25;
    my $spent = (used(@crew) - $before) / 25;
    cmp_ok $spent, '<=', 0.005, "checking it with a payment takes no more than 5 ms";
    note sprintf 'a payment that is refused: %.1f ms', 1000 * $spent;
};

subtest 'passwords are computed beside everything else' => sub {
    my $dan   = $im->user('dan');
    my $all   = sub ($count) {
        return map { $_->code } $im->together(map {
            $dan->ask_p(PUT => '/setTradePwd', { tradePassword => "trade dan $_", password => $dan->password })
        } 1 .. $count);
    };
    $im->secret('trade dan');
    my @codes = $all->(60);
    my %count = (200 => 0, 429 => 0);
    $count{$_}++ for @codes;
    is_deeply [sort keys %count], [200, 429], 'of sixty at once as many as may wait are served, and the rest told soon' or diag "@codes";
    ok $count{200} >= 12 && $count{429} >= 1, "$count{200} of them";
    $dan->put('/setTradePwd', { tradePassword => 'trade dan', password => $dan->password })->ok('then the next is served');

    my @crew = $im->parts->pids('auth', 'auth');
    my $phone = device($dan);
    kill STOP => @crew;
    $phone->keep(renew($phone)->ok('who refreshes waits for none of it'));
    $stranger->get('/captcha')->ok('nor does who asks for a captcha');
    $phone->post('/logout', {})->ok('or logs out');
    kill CONT => @crew;
};

subtest 'a hash of another cost' => sub {
    my $hash = sub { scalar $im->sql('select password_hash from im.account where id = ' . $ann->id) };
    my @kept = map { scalar $im->sql("select password_hash from im.$_") } 'account where id = ' . $ann->id, "admin where name = 'admin'";
    my $old  = '$argon2id$v=19$m=8192,t=3,p=1$c29tZXNhbHRvZjE2Ynl0ZQ$IGuyYINENySxoBE1ldzfZTLHhD85QWE5tnUXfrsiLNA';
    $im->sql("update im.account set password_hash = '$old' where id = " . $ann->id);
    $stranger->post('/login', { username => 'ann', password => 'passwort' })->refused(1002, 'is compared at its own');
    is $hash->(), $old, 'and stays for who does not know the password';
    $stranger->post('/login', { username => 'ann', password => 'password' })->ok('whoever does is let in');
    like $hash->(), qr/\A\$argon2id\$v=19\$m=19456,t=2,p=1\$/, 'and it is made anew';
    $stranger->post('/login', { username => 'ann', password => 'password' })->ok('which is as good');
    $im->sql("update im.admin set password_hash = '$old' where name = 'admin'");
    $im->stranger('backstage')->post('/login', { username => 'admin', password => 'password' })->ok("so is an administrator's");
    like scalar $im->sql("select password_hash from im.admin where name = 'admin'"), qr/m=19456,t=2,p=1/, 'made anew';
    $im->sql("update im.account set password_hash = '$kept[0]' where id = " . $ann->id . "; update im.admin set password_hash = '$kept[1]' where name = 'admin'");
};

subtest 'an unknown name takes as long as a wrong password' => sub {
    setting($_, 100_000) for qw(login.captcha_after login.captcha_after_address login.lock_after);
    my @crew = $im->parts->pids('auth', 'auth');
    my (%spent, %code, $ratio);
    for my $time (1 .. 3) {    # what others do on this machine has its weight all the same
        %spent = (ann => 0, nobody => 0);
        %code  = ();
        for my $try (1 .. 20) {
            for my $name ($try % 2 ? qw(ann nobody) : qw(nobody ann)) {
                my $before = used(@crew);
                $code{$name}{ $stranger->post('/login', { username => $name, password => 'wrong horse' })->code }++ for 1 .. 2;
                $spent{$name} += used(@crew) - $before;
            }
        }
        $ratio = $spent{nobody} / ($spent{ann} || 1);
        last if $ratio > 0.85 && $ratio < 1.18;
    }
    is_deeply \%code, { ann => { 1002 => 40 }, nobody => { 1001 => 40 } }, 'the codes are those of the document';
    note sprintf 'seconds for 40 log-ins: unknown %.3f, wrong %.3f', @spent{qw(nobody ann)};
    cmp_ok $spent{ann} / 40, '>', 0.005, 'comparing costs something';
    ok $ratio > 0.85 && $ratio < 1.18, 'and as much for a name that there is not';
    is join(' ', $im->parts->pids('auth', 'auth')), "@crew", 'by the same processes';
    $im->sql(q{delete from im.login_failure});
};

subtest 'a new signing key' => sub {
    my $kid = sub ($token) { (decode_jwt(token => $token, ignore_signature => 1, decode_header => 1))[0]{kid} };
    my $phone = device($ann);
    my $old   = $phone->as;
    my $socket = $phone->socket;
    my $rotate = sub { my ($status, $output) = $im->imctl(qw(token rotate)); is $status, 0, 'imctl changes the key' or diag $output };
    my $before = path($im->state, 'secret/jwt-key-user')->slurp;
    $rotate->();
    is path($im->state, 'secret/jwt-key-user-old')->slurp, $before, 'the old one is kept';
    isnt path($im->state, 'secret/jwt-key-user')->slurp, $before, 'the new one is another';
    my @kept = map { path($im->state, "secret/jwt-key-$_")->slurp } qw(user admin);
    is +($im->imctl(qw(token rotate admin)))[0], 0, 'one can be changed alone';
    is path($im->state, 'secret/jwt-key-user')->slurp, $kept[0], "which leaves the users'";
    isnt path($im->state, 'secret/jwt-key-admin')->slurp, $kept[1], "and is the administrators'";
    is +($im->imctl(qw(token rotate nobody)))[0], 2, 'if there is such a key';
    $old->get($_)->ok("a token of the old key opens $_") for qw(/user/self /friend/list /group/list /conversation/list);
    is $old->socket->heartbeat->{pending}, 0, 'and a socket';
    is $socket->heartbeat->{pending}, 0, 'the open socket goes on';
    $phone->keep(renew($phone)->ok('a refresh token of the old key renews'));
    isnt $kid->($phone->access), $kid->($old->access), 'the new pair is signed with the new key';
    $phone->get($_)->ok("and opens $_") for qw(/user/self /friend/list /group/list /conversation/list);
    delete $im->{admin};
    $im->admin->get('/im/recharge/list')->ok('administrators log in') if $im->admin;
    $rotate->();
    $old->get('/user/self')->refused(401, 'after the next change the oldest token is void');
    renew($old)->refused(401, 'as is the oldest refresh token');
    $phone->get('/user/self')->ok('the newer one is not');
    is +($im->imctl('up'))[0], 0, 'imctl up afterwards';
    $phone->get('/user/self')->ok('changes nothing of that');
};

subtest "a service's token" => sub {
    my ($status, $token) = $im->imctl(qw(token service shop));
    is $status, 0, 'imctl makes one' or diag $token;
    ($token) = $token =~ /(\S+)\s*\z/;
    $im->secret($token);
    my $key    = path($im->state, 'secret/jwt-key-service')->slurp =~ s/\s+\z//r;
    my $claims = decode_jwt(token => $token, key => $key, accepted_alg => 'HS256');
    is_deeply { map { ($_ => $claims->{$_}) } qw(iss aud typ ver sid gen) },
        { iss => 'im-chat', aud => 'im-service', typ => 'access', ver => 1, sid => 0, gen => 0 }, 'which says what it is';
    cmp_ok abs($claims->{exp} - time - 315360000), '<', 60, 'for ten years';
    my $shop = $im->stranger('redpacket')->as(access => $token);
    my $ask  = sub { $shop->post('/red/packet/isRob', { userId => $ann->id, redId => '00000000-0000-4000-8000-000000000000' }) };
    $ask->()->refused(404, 'it is let in');
    is +($im->imctl(qw(token revoke shop)))[0], 0, 'imctl revokes it';
    $ask->()->refused(401, 'then it is not');
    is +($im->imctl(qw(token service), $_))[0], 1, "no service is called '$_'" for "x'y", 'a b';
    is +($im->imctl(qw(token revoke nobody)))[0], 1, 'who does not exist cannot be revoked';
    is +($im->imctl('token'))[0], 2, 'token needs to know what';
};

subtest 'proofs' => sub {
    $bob->login->must;
    $im->arm($bob)->fund($bob, 10);
    my ($status, $output) = $im->imctl(qw(ledger check));
    is "$status $output", "0 the ledger holds\n", 'imctl proves the ledger';
    my $group = $im->group($bob);
    my $id = $bob->post('/redPackage/send', { receiverType => 1, receiverId => $group, totalAmount => 3, totalCount => 3, redPacketType => 1, tradePassword => $bob->trade })->must->{redPacketId};
    ($status, $output) = $im->imctl(qw(packet verify), $id);
    is $status, 0, 'and a packet' or diag $output;
    like $output, qr/\A1 \d\.\d\d\n2 \d\.\d\d\n3 \d\.\d\d\n\z/, 'share by share';
    ($status, $output) = $im->imctl(qw(packet verify 00000000-0000-4000-8000-000000000000));
    is $status, 1, 'there must be one';
    like $output, qr/there is no packet/, 'it says' ;
    $im->sql("set session_replication_role = replica; update im.redpacket_share set amount = amount + 0.01 where packet_id = '$id' and number = 2");
    ($status, $output) = $im->imctl(qw(packet verify), $id);
    is $status, 1, 'a share that was not drawn is found';
    like $output, qr/^2 \d\.\d\d, but \d\.\d\d was drawn$/m, 'and named';
    ($status, $output) = $im->imctl(qw(ledger check));
    is $status, 1, 'the ledger does not hold any more';
    like $output, qr/does not hold\n\S/, 'and why is said';
};

$im->allow(qr/im_owner ERROR:/);
$im->end;
done_testing;
