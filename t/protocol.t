# protocol: im-chat-protocol(7) is enough to write a client from: one that was written from it alone talks with ours, and
# shows every message once and in order although connections end and the push instance is restarted.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Client;
use IM::Second;
use IM::Stack;
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob);
my $group = $im->group($ann, $bob);

my $second = IM::Second->new(http => $im->url('chat'), ws => $im->url('backstage') =~ s/^http/ws/r . '/ws', name => 'ann', password => $ann->password,
    beat => 1, again => 1)->start;
$im->secret($second->token, $second->refresh);
my $first = IM::Client->new(user => $bob, beat => 1, patience => 1, retry => [0.2, 2])->start;
ok $im->eventually(60, sub { $second->connection && $first->is_open }), 'both are connected';

my $round = sub ($n) {
    $second->say({ receiverId => $bob->id }, "second $n $_"), $first->say({ receiverId => $ann->id }, "first $n $_") for 1 .. 5;
    $second->say({ groupId => $group }, "second in the group $n $_") for 1 .. 3;
};
my $same = sub {
    return if @{ $second->outbox } || !$first->idle;
    my @places = $first->conversations;
    return "@places" eq join(' ', sort { $a <=> $b } keys %{ $second->shown })
        && !grep { my $place = $_; join(' ', map { $_->{id} } @{ $second->shown->{$place} }) ne join(' ', map { $_->{id} } $first->shown($place)) } @places;
};

$round->(1);
ok $im->eventually(60, $same), 'they show the same, in the same order';

$second->connection->finish;
$first->say({ receiverId => $ann->id }, 'while ann is away');
$round->(2);
ok $im->eventually(120, $same), 'also after a connection has ended';

$im->kills('push');
$im->parts->sv('push', 'restart');
$round->(3);
ok $im->eventually(120, $same), 'also when the push instance was restarted';

my @all = map {@$_} values %{ $second->shown };
is scalar(grep { $_->{content} =~ /^(?:first|second)/ } @all), 39, 'nothing is missing';
my %ids = map { ($_->{id} => 1) } @all;
is scalar keys %ids, scalar @all, 'and nothing is there twice';

$im->befriend($cat, $bob);
my $club = $im->group($cat, $bob);
my $told = sub ($text) { $cat->post('/message/group/send', { groupId => $club, content => $text, messageType => 1 })->must };
$told->("before $_") for 1 .. 3;
$ann->post("/group/join/$club")->must;
$told->("since $_") for 1 .. 2;
my $of_club = sub { [map { $_->{messageType} == 9 ? 'who came' : $_->{content} } grep { ($_->{groupId} // 0) == $club } map {@$_} values %{ $second->shown }] };
ok $im->eventually(60, sub { @{ $of_club->() } == 3 }), 'a group that has talked before she joined is shown from there';
is_deeply $of_club->(), ['who came', 'since 1', 'since 2'], 'in order';

push @{ $second->outbox }, [PRIVATE_MESSAGE => { clientMsgId => 'refused' }];
my $error = sub ($code) { $second->_hear({ type => 'SYSTEM_MESSAGE', data => { event => 'ERROR', code => $code, message => '', clientMsgId => 'refused' } }) };
$error->(500);
is @{ $second->outbox }, 1, 'what was answered 500 is sent again';
$error->(2001);
is @{ $second->outbox }, 0, 'what was refused is not';

$second->stop;
$first->stop;
$im->allow(qr/connect\(\) to unix:\S+ failed|upstream prematurely closed/);
$im->end;
done_testing;
