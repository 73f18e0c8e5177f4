# group: creating one, and who is in it.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob);
my $bob_socket = $bob->socket;
my $create = sub (%fields) { $ann->post('/group/create', { groupName => '读书会', %fields }) };

my $group = $create->(groupAvatar => 'https://example.com/a.png', groupNotice => '周五', memberIds => [$bob->id])
    ->ok('ann makes a group with bob',
    { id => sub { $_ >= 1001 }, groupName => '读书会', groupAvatar => 'https://example.com/a.png', ownerId => $ann->id, memberCount => 2 })->{id};
$bob_socket->expect(GROUP_MESSAGE => 'JOIN', { groupId => $group }, 'bob is told');

my @members = ({ userId => $ann->id, nickName => 'Ann', role => 'OWNER', isMuted => false },
    { userId => $bob->id, nickName => 'Bob', role => 'MEMBER', isMuted => false });
$ann->get("/group/members/$group")->ok('she sees both', \@members);
$bob->get("/group/members/$group")->ok('as does bob', \@members);
$cat->get("/group/members/$group")->refused(3002, 'cat is not a member');
$ann->get('/group/members/99999')->refused(3001, 'there is no group 99999');
$ann->get("/group/members/$_")->refused(400, "nor can there be a group $_", qr/groupId/) for qw(0 -1 01 1.0 1e3 x 99999999999999999999);

$create->()->ok('a group may begin with its owner alone', { memberCount => 1, groupAvatar => sub { !length($_ // '') } });
$create->(memberIds => [$bob->id, $bob->id, $ann->id])->ok('who is named twice is in once', { memberCount => 2 });
$create->(memberIds => [$bob->id, $cat->id])->refused(2001, 'only friends can be put into a group');
$create->(memberIds => [99999])->refused(2001, 'and only people');

for my $case (
    [groupName => undef, 'without a name'], [groupName => ' ', 'with a blank name'], [groupName => '书' x 31, 'with a name of 31 characters'],
    [groupAvatar => 'javascript:alert(1)', 'with an avatar that is no address'],
    [groupNotice => 'x' x 1001, 'with a notice of 1001 characters'],
    [memberIds => 'bob', 'with a name for a list of members'], [memberIds => [undef], 'with nobody in the list'],
    [memberIds => ['10002'], 'with text in the list'], [memberIds => [1.5], 'with half a member'],
) {
    my ($field, $value, $title) = @$case;
    $create->($field => $value)->refused(400, "no group is made $title", qr/$field/);
}
is $im->sql('select count(*) from im.chat_group'), 3, 'what was refused left no group behind';

$im->sql("update im.setting set value = '2' where name = 'group.member_limit'");
$im->befriend($ann, $cat);
$create->(memberIds => [$bob->id, $cat->id])->refused(3007, 'a group has a limit');

$im->end;
done_testing;
