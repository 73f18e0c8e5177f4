# auth: registration, login, refresh, trade password.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::JWT qw(decode_jwt);
use IM::Stack;
use Mojo::File qw(path);
use Test::More;

my $im       = IM::Stack->new;
my $stranger = $im->stranger;
my $password = 'correct horse ' . time;
$im->secret($password, 'wrong horse');
my %profile = (username => 'ann', password => $password, nickName => '安', email => 'ann@example.com', phone => '13800138000');

sub with (%other) { return { %profile, %other } }

# The settings of logins that this story makes wrong on purpose.
sub setting ($name, $value = undef) { $im->sql('update im.setting set value = ' . (defined $value ? "'$value'" : 'preset') . " where name = '$name'") }
sub forgive () { $im->sql('delete from im.login_failure') }

subtest 'registration' => sub {
    my $new = $stranger->post('/register', with(balance => 1000, isVip => \1, id => 5));
    my $id  = $new->ok('ann registers', { userId => sub { $_ >= 10001 } })->{userId};

    $stranger->post('/register', with(email => undef, phone => undef))->refused(1004, 'a user name is registered once');
    $stranger->post('/register', with(username => 'ANN', email => undef, phone => undef))
        ->refused(1004, 'in whatever case');
    $stranger->post('/register', with(username => 'ａｎｎ', email => undef, phone => undef))
        ->refused(1004, 'or width');
    $stranger->post('/register', with(username => 'ann2', email => undef))->refused(1005, 'a phone number is registered once');
    $stranger->post('/register', with(username => 'ann2', phone => undef, email => 'Ann@Example.com'))
        ->refused(1005, 'an e-mail address is registered once');
    $stranger->post('/register', with(username => 'ann2', email => undef, phone => $_))->refused(1005, "'$_' is the same phone number")
        for '+8613800138000', '8613800138000', '008613800138000', '013800138000', '+86 138-0013-8000', '１３８００１３８０００';
    $stranger->post('/register', with(username => $_, email => undef, phone => '13900139000'))->refused(400, "'$_' is somebody's number", qr/username/)
        for '13800138000', '１３８００１３８０００';
    $stranger->post('/register', with(username => '13800138000', email => undef, phone => undef))->refused(1005, 'as a user name too');

    for my $case (
        [username => undef,      'without a user name'],
        [username => '',         'with an empty user name'],
        [username => 'a b',      'with a space in the user name'],
        [username => 'x' x 21,   'with a user name of 21 characters'],
        [username => 13800138,   'with a number for a user name'],
        [username => '12345678', 'with digits for a user name'],
        [username => "admin\x{3164}", 'with an invisible letter in the user name'],
        [password => undef,      'without a password'],
        [password => '12345',    'with a password of 5 characters'],
        [password => '密' x 65,   'with a password of 65 characters'],
        [nickName => '安' x 21,   'with a nickname of 21 characters'],
        [email    => 'nowhere',  'with an e-mail address that is none'],
        [phone    => 'call me',  'with a phone number that is none'],
    ) {
        my ($field, $value, $title) = @$case;
        my $fresh = with(username => 'new', email => undef, phone => undef, $field => $value);
        $stranger->post('/register', $fresh)->refused(400, "nobody registers $title", qr/\b$field\b/);
    }
    is $im->sql('select count(*) from im.account'), 1, 'none of these left an account';

    my $ann = $im->stranger->as(name => 'ann', password => $password);
    $ann->login->ok('ann logs in');
    $ann->get('/user/self')->ok('what she smuggled in was ignored', { id => $id, balance => 0, isVip => 0 });
};

my $ann = $im->stranger->as(name => 'ann', password => $password);

subtest 'login' => sub {
    $ann->login->ok('ann logs in by her name',
        { userId => 10001, accessTokenExpiresIn => 1800, refreshTokenExpiresIn => 604800 });
    $ann->login(username => '13800138000')->ok('by her phone number');
    $ann->login(username => 'ANN@example.com')->ok('and by her e-mail address');
    $ann->login(username => $_)->ok("also as '$_'") for ' ann ', "ＡＮＮ\x{3000}", '+86 138 0013 8000', '0086-138-0013-8000', '１３８００１３８０００', ' ann@EXAMPLE.com';
    my %gus = (username => '13700137000', password => "passe\x{301}word");
    my $gus = $stranger->post('/register', \%gus)->ok('a mobile number is a name of its owner')->{userId};
    is $im->sql("select phone || ' ' || phone_key from im.account where id = $gus"), '13700137000 +8613700137000', 'and his phone number';
    $stranger->post('/login', { username => '+86 137 0013 7000', password => "pass\x{e9}word" })->ok('a password is the same however its letters are composed');
    $stranger->post('/register', { username => $_, password => $password })->ok("$_ registers") for 'ΣΑΣ', 'Straße';
    $stranger->post('/register', { username => $_, password => $password })->refused(1004, "who is $_") for 'σας', 'STRASSE';

    my $key    = path($im->state, 'secret/auth/IM_JWT_KEY_USER')->slurp =~ s/\s+\z//r;
    my $claims = decode_jwt(token => $ann->access, key => $key, accepted_alg => 'HS256');
    is_deeply [@$claims{qw(iss aud typ sub)}], [qw(im-chat im-user access 10001)], 'her access token says what it is';

    $stranger->post('/login', { username => $_, password => '' })->refused($_ eq 'ann' ? 1002 : 1001, "$_ is not logged in with an empty password")
        for qw(ann nobody);
    forgive();
    $stranger->post('/login', { username => 'nobody', password => 'wrong horse' })->refused(1001, 'an unknown user is not logged in');
    $stranger->post('/login', { username => 'ann', password => 'wrong horse' })->refused(1002, 'nor is ann with a wrong password');
    $stranger->post('/login', { username => 'ann' })->refused(400, 'nor without one', qr/\bpassword\b/);
    $stranger->post('/login', { password => 'wrong horse' })->refused(400, 'nor without a name', qr/\busername\b/);

    $stranger->post('/login', { username => 'ann', password => 'wrong horse' }) for 1 .. 2;
    $ann->login->refused(1006, 'after three wrong passwords the captcha is asked for, even with the right one');
    my $captcha = $stranger->get('/captcha')->ok('a captcha is drawn', { captchaImage => qr{\A[A-Za-z0-9+/]+=*\z} })->{captchaId};
    $ann->login(captchaId => $captcha, captchaCode => '?')->refused(1006, 'a wrong answer is not let in');
    my $code = $im->sql('select count(*) from im.captcha');
    is $code, 0, 'and uses the captcha up';
    $captcha = $stranger->get('/captcha')->must->{captchaId};
    my $answer = $im->sql("select answer from im.captcha where id = '$captcha'");
    $im->secret($answer) if length $answer > 5;
    $ann->login(captchaId => $captcha, captchaCode => lc $answer)->ok('a right one is');
    $ann->login(captchaId => $captcha, captchaCode => $answer)->ok('which also forgives the failures');
    $stranger->post('/login', { username => 'ann', password => 'wrong horse' }) for 1 .. 3;
    setting('login.captcha_after', 1000);
    $stranger->post('/login', { username => 'ann', password => 'wrong horse' }) for 1 .. 17;
    $ann->login->refused(1007, 'after twenty the account is locked for that address');
    $ann->at(2)->login->ok('but not for others');
    $stranger->post('/login', { username => 'ann', password => 'wrong horse' })->refused(1007, 'while it stays so there');
    $captcha = $stranger->get('/captcha')->must->{captchaId};
    $answer  = $im->sql("select answer from im.captcha where id = '$captcha'");
    $ann->login(captchaId => $captcha, captchaCode => $answer)->ok('a captcha opens it for whoever shares the address');
    setting('login.captcha_after');
    $stranger->at($_)->post('/login', { username => 'ann', password => 'wrong horse' })->refused(1002, "address $_ guesses") for 11 .. 13;
    $stranger->at(14)->post('/login', { username => 'ann', password => 'wrong horse' })->refused(1006, 'guesses from wherever end in the captcha');
    $ann->at(15)->login->refused(1006, 'which ann is asked for, too, where she is new');
    $captcha = $stranger->get('/captcha')->must->{captchaId};
    $answer  = $im->sql("select answer from im.captcha where id = '$captcha'");
    $ann->at(15)->login(captchaId => $captcha, captchaCode => $answer)->ok('and with it is let in');
    $stranger->at($_)->post('/login', { username => 'ann', password => 'wrong horse' })->refused(1002, "address $_ guesses") for 16 .. 18;
    $ann->at(2)->login->ok('where she has been before no stranger makes her solve one');
    $stranger->at(2)->post('/login', { username => 'ann', password => 'wrong horse' }) for 1 .. 3;
    $ann->at(2)->login->refused(1006, 'unless he is there himself');
    forgive();

    $im->sql("update im.account set status = 'banned' where username = 'ann'");
    $ann->login->refused(1003, 'a banned user is not logged in');
    $ann->get('/user/self')->refused(1003, 'and is told so at every call');
    $ann->put('/refreshToken', { refreshToken => $ann->refresh })->refused(1003, 'and when refreshing');
    $im->sql("update im.account set banned_until = now() - interval '1 second' where username = 'ann'");
    $ann->get('/user/self')->ok('until the ban is over');
    $im->sql("update im.account set status = 'normal', banned_until = null where username = 'ann'");
};

subtest 'refresh' => sub {
    $ann->login->must;
    my ($access, $refresh) = ($ann->access, $ann->refresh);
    my $answer = $stranger->put('/refreshToken', { refreshToken => $refresh });
    my $new    = $answer->ok('ann gets a new pair for her refresh token', { userId => 10001 });
    $ann->keep($new);
    isnt $ann->refresh, $refresh, 'the refresh token is a new one';
    $ann->get('/user/self')->ok('the new access token is good');

    my $again = $stranger->put('/refreshToken', { refreshToken => $refresh })
        ->ok('refreshing twice at the same time is answered twice');
    is_deeply $again, $new, 'with the same pair';

    $stranger->put('/refreshToken', { refreshToken => $access })->refused(401, 'an access token refreshes nothing');
    $ann->as(access => $ann->refresh)->get('/user/self')->refused(401, 'a refresh token opens nothing');
    $stranger->put('/refreshToken', {})->refused(400, 'without a token nothing is refreshed', qr/refreshToken/);
    $stranger->put('/refreshToken', { refreshToken => 'x.y.z' })->refused(401, 'nor with one that is none');

    my $next = $stranger->put('/refreshToken', {}, refreshToken => [$ann->refresh, 'x.y.z']);
    $ann->keep($next->ok('the token may come as a header, of which the first counts'));
    my $latest = $ann->as;

    $im->sql("update im.session set refreshed_at = refreshed_at - interval '11 seconds'");
    $stranger->at(9)->put('/refreshToken', { refreshToken => $refresh })->refused(401, 'an old refresh token is good no more elsewhere');
    $stranger->put('/refreshToken', { refreshToken => $latest->refresh })->refused(401, 'its reuse ends the family');
    $latest->get('/user/self')->refused(401, 'and its access tokens');
    $ann->login->ok('ann logs in again');
};

subtest 'two refreshes at once get the same pair' => sub {
    $ann->login->must;
    my $token = $ann->refresh;
    my @seen  = $im->together(map { $ann->ask_p(PUT => '/refreshToken', { refreshToken => $token }, Authorization => undef) } 1 .. 4);
    $_->ok('a parallel refresh is answered') for @seen;
    is_deeply $_->data, $seen[0]->data, 'alike' for @seen[1 .. 3];
    $ann->keep($seen[0]->data);
    $ann->get('/user/self')->ok('and the pair is good');
};

subtest 'trade password' => sub {
    my ($first, $second, $third) = map {"trade $_ " . time} 1 .. 3;
    $im->secret($first, $second, $third, 'trade wrong');
    my $change = sub (%fields) { $ann->put('/setTradePwd', {%fields}) };

    $change->()->refused(400, 'a trade password must be given', qr/tradePassword/);
    $change->(tradePassword => '12345')->refused(400, 'and have 6 characters', qr/tradePassword/);
    $change->(tradePassword => $password)->refused(400, 'and not be the log-in password', qr/tradePassword/);
    $change->(tradePassword => $first)->ok('the first is set without further ado', undef);
    $change->(tradePassword => $second)->refused(400, 'a thief of the token cannot change it', qr/oldTradePassword/);
    $change->(tradePassword => $second, password => 'wrong horse')->refused(1002, 'nor with a wrong login password');
    $change->(tradePassword => $second, password => '')->refused(1002, 'nor with an empty one');
    $change->(tradePassword => $second, oldTradePassword => '')->refused(4002, 'nor with an empty old one');
    $change->(tradePassword => $password, oldTradePassword => $first)->refused(400, 'nor become the log-in password later', qr/tradePassword/);
    my $tablet = $ann->as;
    $tablet->login->must;
    my ($socket, $own) = ($tablet->socket, $ann->socket);
    $change->(tradePassword => $second, oldTradePassword => $first)->ok('the old one changes it');
    $socket->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'trade' }, 'which her other devices are told');
    $socket->expect_close('and are closed');
    $tablet->get('/user/self')->refused(401, 'their sessions are over');
    $stranger->put('/refreshToken', { refreshToken => $tablet->refresh })->refused(401, 'for good');
    $ann->get('/user/self')->ok('the device that changed it goes on');
    $own->nothing(SYSTEM_MESSAGE => 'KICK', 'and hears nothing of an end');
    $own->close;
    $ann->put('/modifyPwd', { oldPassword => $password, newPassword => $second })->refused(400, 'the log-in password does not become the trade password', qr/newPassword/);
    $change->(tradePassword => $third, password => $password)->ok('the login password changes it');

    $change->(tradePassword => $first, oldTradePassword => 'trade wrong')->refused(4002, "wrong try $_ is refused") for 1 .. 5;
    $change->(tradePassword => $first, oldTradePassword => $third)->refused(4004, 'after five it is locked');
    $im->sql("update im.trade_password set locked_until = now()");
    $change->(tradePassword => $first, oldTradePassword => $third)->ok('until a day has passed');
};

subtest 'logout' => sub {
    $ann->login->must;
    my $tablet = $ann->as;
    $tablet->login->must;
    $ann->post('/logout')->ok('ann logs out of her phone', undef);
    $ann->get('/user/self')->refused(401, 'its token is void');
    $stranger->put('/refreshToken', { refreshToken => $ann->refresh })->refused(401, 'as is its refresh token');
    $tablet->get('/user/self')->ok('her tablet stays');
    $ann->login->must;
    my $socket = $tablet->socket;
    $ann->post('/logout', { all => \1 })->ok('she logs out everywhere', undef);
    $tablet->get('/user/self')->refused(401, 'then it does not');
    $socket->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'logout' }, 'its socket is told');
    $socket->expect_close('and closed');
    $ann->login->must;
};

subtest 'a new password' => sub {
    my $new = 'another horse ' . time;
    $im->secret($new);
    my $modify = sub ($old, $new) { $ann->put('/modifyPwd', { oldPassword => $old, newPassword => $new }) };
    my $socket = $ann->socket;
    $modify->('wrong horse', $new)->refused(1002, 'needs the old one');
    $modify->($password, '12345')->refused(400, 'and six characters', qr/newPassword/);
    $modify->(undef, $new)->refused(400, 'and cannot do without the old one', qr/oldPassword/);
    $modify->($password, $new)->ok('ann changes it', undef);
    $socket->expect(SYSTEM_MESSAGE => 'KICK', { reason => 'password' }, 'her sockets are told');
    $socket->expect_close('and closed');
    $ann->get('/user/self')->refused(401, 'her tokens are void');
    $ann->login->refused(1002, 'the old password is');
    $ann->password($new)->login->ok('the new one is good');
};

subtest 'what is kept' => sub {
    like $im->sql('select password_hash from im.account limit 1'), qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
        'passwords are kept as Argon2id';
    is $im->sql("select count(*) from im.trade_password where digest ~ '^[0-9a-f]{64}\$'"), 1,
        'trade passwords as keyed digests';
};

subtest 'an odd device' => sub {
    my $dave = $im->user('dave');
    $im->stranger->post('/login', { username => 'dave', password => $dave->password }, 'User-Agent' => "\xff\xfe")->ok('logs in');
    $im->stranger->post('/login', { username => 'dave', password => $dave->password }, 'User-Agent' => 'phone 7')->ok('as does one with a name');
    is $im->sql(q{select string_agg(device, ',' order by id) from (select * from im.session order by id desc limit 2) s}), ',phone 7', 'which is kept';
};

$im->end;
done_testing;
