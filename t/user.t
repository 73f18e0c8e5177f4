# user: one's own profile; and what every endpoint does with a token, a path, a language.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false);
use Test::More;

my $im  = IM::Stack->new;
my $ann = $im->user('ann', nickName => '安', email => 'ann@example.com', phone => '13800138000');
my $bob = $im->user('bob');

$ann->get('/user/self')->ok('ann sees herself', {
    id => $ann->id, username => 'ann', nickName => '安', email => 'ann@example.com', phone => '13800138000',
    balance => 0, isVip => false, vipExpireTime => undef,
});
$bob->get('/user/self')->ok('bob sees himself', { id => $bob->id, email => sub { !length($_ // '') } });
$ann->get('/user/self', { userId => $bob->id, id => $bob->id })->ok('whom she asks for is of no account', { id => $ann->id });

$im->stranger->get('/user/self')->refused(401, 'a stranger sees nobody');
$ann->as(access => undef)->raw(GET => '/user/self', '', accessToken => $ann->access)
    ->ok('older clients send their token as accessToken');
my @both = map { $_->access } $ann, $bob;
$ann->as(access => undef)->raw(GET => '/user/self', '', accessToken => $_)
    ->ok('of two tokens the first counts, in two headers or in one', { id => $ann->id }) for [@both], join ', ', @both;
$ann->as(access => undef)->raw(GET => '/user/self', '', Authorization => $ann->access)
    ->refused(401, 'a token without Bearer is none');

$im->stranger->raw(GET => '/user/self', '', 'Accept-Language' => 'en')
    ->refused(401, 'refusals are in English for who reads English', qr/\A[ -~]+\z/);
$im->stranger->raw(GET => '/user/self', '', 'Accept-Language' => 'zh-CN')
    ->refused(401, 'and in Chinese otherwise', qr/\p{Han}/);

$ann->get('/user/nobody')->refused(404, 'an unknown path is not found');
$ann->get('/nowhere')->refused(404, 'nor one outside the API');
$ann->post('/user/self')->refused(404, 'nor a known one by a wrong method');
$ann->raw(BREW => '/user/self')->refused(404, 'whatever the method');

subtest 'profile' => sub {
    my $update = sub (%fields) { $ann->put('/user/update', {%fields}) };
    $update->(nickName => '安安', sex => 2, signature => '读书', headImage => 'https://example.com/a.png')->ok('ann changes her profile', undef);
    $ann->get('/user/self')->ok('as she sees', { nickName => '安安', sex => 2, signature => '读书', headImage => 'https://example.com/a.png' });
    $update->(signature => '', headImage => '')->ok('what is empty is removed');
    $ann->get('/user/self')->ok('what is not given stays', { nickName => '安安', sex => 2, signature => '', headImage => '' });
    $update->(nickName => '👨‍👩‍👧‍👦' x 20)->ok('a family is one character');
    $ann->get('/user/self')->ok('of which a name has twenty', { nickName => '👨‍👩‍👧‍👦' x 20 });
    $update->(nickName => '安安')->must;
    $update->(username => 'eve', balance => 5, phone => '13900139000', isVip => \1)->ok('other fields are ignored');
    $ann->get('/user/self')->ok('indeed', { username => 'ann', balance => 0, phone => '13800138000', isVip => false });
    for my $case (
        (map { [nickName => $_, sprintf 'the name U+%vX', $_] } ' ', "\x{200b}", "\x{3164}", "\x{2800}", "\x{feff}", "\x{a0}", "\x{202e}", "\x{2028}", "a\x{202e}b", "a\x{2028}"),
        [nickName => '👨‍👩‍👧‍👦' x 21, 'a name of 21 families'], [nickName => "e\x{301}\x{302}\x{303}" x 200, 'a name of too many bytes'], [nickName => 'x' x 21, 'a long name'], [sex => 3, 'a third sex'], [sex => '+1', 'a sex with a sign'],
        [signature => 'x' x 101, 'a long signature'], [headImage => 'javascript:alert(1)', 'a script for a picture'],
    ) {
        my ($field, $value, $title) = @$case;
        $update->($field => $value)->refused(400, "$title is refused", qr/\b$field\b/);
    }
};

subtest 'search' => sub {
    my $search = sub ($name) { $bob->get('/user/search', { name => $name }) };
    my %ann    = (id => $ann->id, username => 'ann', nickName => '安安');
    $search->($_)->ok("bob finds ann by $_", [\%ann]) for 'ann', 'an', '安', '13800138000', 'ann@example.com', 'ANN@Example.com';
    $search->($_)->ok("but not by $_", []) for '1380013', 'ann@', 'example', '%', '_';
    $search->($_)->ok("and by '$_'", [\%ann]) for '+86 138-0013-8000', '008613800138000', '１３８ ００１３ ８０００', ' ANN@example.com ', "a\x{200b}nn", ' ＡＮＮ';
    $search->($_)->ok('an empty box finds nobody', []) for '', '  ', "\x{200b}";
    $bob->get('/user/search')->refused(400, 'no box is none', qr/name/);
    is_deeply [sort keys %{ $search->('ann')->data->[0] }], [qw(headImage id nickName username)], 'he sees nothing else of her';
    $bob->get('/user/find/' . $ann->id)->ok('a little more by her id', { %ann, isFriend => false });
    $im->befriend($ann, $bob);
    $bob->get('/user/find/' . $ann->id)->ok('and that she is his friend', { isFriend => 1 });
    $bob->get('/user/find/99999')->refused(1001, 'nobody is not found');
};

$im->sql("update im.account set version = version + 1 where id = " . $ann->id);
$ann->get('/user/self')->refused(401, 'a revoked token is good no more');
$ann->login->must;
$ann->get('/user/self')->ok('a new one is');

$im->end;
done_testing;
