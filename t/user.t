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

$im->sql("update im.account set version = version + 1 where id = " . $ann->id);
$ann->get('/user/self')->refused(401, 'a revoked token is good no more');
$ann->login->must;
$ann->get('/user/self')->ok('a new one is');

$im->end;
done_testing;
