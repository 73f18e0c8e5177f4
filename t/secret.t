# secret: which program knows what, and that a key opens one door.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::JWT qw(encode_jwt);
use IM::Stack;
use Mojo::File qw(path);
use Test::More;

my $im  = IM::Stack->new;
my $ann = $im->user('ann');

# What each program may know: a program that was taken over can forge what its own keys sign, and nothing else.
my %KNOWS = (
    (map { ($_ => ['IM_JWT_KEY_USER']) } qw(friend group message session socket system user)),
    auth      => [qw(IM_JWT_KEY_USER IM_TRADE_PEPPER)],
    file      => [qw(IM_FILE_KEY IM_JWT_KEY_USER)],
    wallet    => [qw(IM_JWT_KEY_USER IM_TRADE_PEPPER)],
    redpacket => [qw(IM_JWT_KEY_SERVICE IM_JWT_KEY_USER IM_TRADE_PEPPER)],
    backstage => ['IM_JWT_KEY_ADMIN'],
    webrtc    => [qw(IM_JWT_KEY_USER IM_TURN_SECRET)],
    (map { ($_ => []) } qw(clerk metrics)),
);

subtest 'a key opens one door' => sub {
    my $secret = path($im->state, 'secret');
    is_deeply { map { ($_->basename => [sort grep { $_ ne 'PGPASSWORD' } map { $_->basename } $_->list->each]) } grep { -d } $secret->list({ dir => 1 })->each },
        \%KNOWS, 'each program has the secrets that it needs';
    my %values = map { ($_->slurp => 1) } map { $secret->child("jwt-key-$_") } qw(user admin service);
    is scalar keys %values, 3, 'of which no two are the same';
    for my $part (qw(push nginx postgres clerk)) {
        my @told = map { (eval { path("/proc/$_->{pid}/environ")->slurp } // '') =~ /(IM_(?:FILE_KEY|JWT|TRADE|PAYMENT|TURN)\w+)/g } $im->parts->processes($part);
        is_deeply \@told, [], "$part has none";
    }
    my %key    = map { ($_ => $secret->child("jwt-key-$_")->slurp =~ s/\s+\z//r) } qw(user admin service);
    $im->admin;    # has logged in
    my ($admin) = $im->sql(q{select id, version, (select max(id) from im.admin_session where admin_id = a.id) from im.admin a where name = 'admin'});
    my ($shop)  = $im->sql(q{select id, version from im.service_open('shop')});
    my %claims = (iss => 'im-chat', typ => 'access', gen => 1, iat => int time, exp => int(time) + 600);
    my %door   = (
        admin   => sub ($token) { $im->stranger('backstage')->as(access => $token)->get('/im/recharge/list')->code },
        service => sub ($token) { $im->stranger('redpacket')->as(access => $token)->post('/red/packet/isRob', { userId => $ann->id, redId => '00000000-0000-4000-8000-000000000000' })->code },
        user    => sub ($token) { $ann->as(access => $token)->get('/user/self')->code },
    );
    my %who = (admin => $admin, service => $shop, user => [$im->sql("select id, version, (select max(id) from im.session where account_id = a.id) from im.account a where username = 'ann'")]->[0]);
    for my $audience (sort keys %door) {
        my ($id, $version, $session) = @{ $who{$audience} };
        for my $signed (sort keys %key) {
            my $token = encode_jwt(payload => { %claims, aud => "im-$audience", sub => "$id", ver => $version + 0, sid => ($session // 0) + 0 }, key => $key{$signed}, alg => 'HS256');
            $im->secret($token);
            my $code = $door{$audience}->($token);
            $signed eq $audience ? isnt($code, 401, "im-$audience opens with the key of $signed") : is($code, 401, "and not with that of $signed");
        }
    }
};

$im->end;
done_testing;
