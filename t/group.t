# group: creating one, and who is in it.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false true);
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
    [memberIds => ['10002x'], 'with text in the list'], [memberIds => [1.5], 'with half a member'],
) {
    my ($field, $value, $title) = @$case;
    $create->($field => $value)->refused(400, "no group is made $title", qr/$field/);
}
is $im->sql('select count(*) from im.chat_group'), 3, 'what was refused left no group behind';

# Numbers are text to forms and to the parameters of pages, and what the ancestor's clients call a field is its name too.
subtest 'what clients write' => sub {
    my ($fay, $gus, $hue) = $im->users(qw(fay gus hue));
    $im->befriend($fay, $gus, $hue);
    my $id = $fay->post('/group/create', { name => '同学', headImage => 'https://example.com/b.png', notice => '明天', friendIds => [map { '' . $_->id } $gus, $hue] })
        ->ok('a group by other names, its members as text', { groupName => '同学', groupAvatar => 'https://example.com/b.png', memberCount => 3 })->{id};
    $fay->get("/group/find/$id")->ok('it is that one', { groupNotice => '明天' });
    $fay->put('/group/modify', { groupId => "$id", name => '校友', groupName => '同学会' })->ok('its number is text');
    $fay->get("/group/find/$id")->ok('the first of two names counts', { groupName => '同学会' });
    $fay->put('/group/modify', { groupId => "$id", name => ' ' })->refused(400, 'and is the one that a refusal has', qr/groupName/);
    $fay->put("/group/dnd?groupId=$id&isDnd=true")->ok('fields of a PUT stand in its query');
    $fay->get("/group/find/$id")->ok('and are read', { isDnd => true });
    $fay->put("/group/dnd?groupId=1&isDnd=true", { groupId => $id, isDnd => false })->ok('those of the body win');
    $fay->get("/group/find/$id")->ok('whatever the query says', { isDnd => false });
    $fay->put("/group/dnd?groupId=$id&groupId=$id&isDnd=true")->refused(400, 'twice is once too often', qr/groupId/);
    $fay->post("/group/manager/add?groupId=$id", { userId => '' . $gus->id })->ok('of a POST too');
    $fay->delete("/group/members/remove?groupId=$id&memberIds=@{[$gus->id]}&memberIds=@{[$hue->id]}")->ok('a list comes one by one');
    $fay->get("/group/find/$id")->ok('and all of it is read', { memberCount => 1 });
    $fay->post('/group/invite', { groupId => $id, userIds => [$gus->id, $hue->id] })->ok('they come back');
    $fay->delete("/group/members/remove?groupId=$id&memberIds%5B%5D=@{[$gus->id]}&memberIds[]=@{[$hue->id]}")->ok('and go, as axios and PHP write it');
    $fay->get("/group/find/$id")->ok('both', { memberCount => 1 });
    $fay->raw(GET => '//group//find/' . $id)->ok('two slashes are one', { id => $id });
    $fay->raw(POST => '/group/invite', "\xef\xbb\xbf" . qq({"groupId":$id,"memberIds":[@{[$gus->id]}]}))->ok('a byte order mark is no part of a body');
    my $head = $fay->bytes(HEAD => "/group/find/$id");
    is_deeply [$head->code, $head->body, $head->headers->header('X-IM-Code')], [200, '', 200], 'HEAD is GET without its body';
    my $whole = $fay->bytes(GET => "/group/find/$id");
    is $head->headers->content_length, $whole->headers->content_length, 'of that length';
    is $fay->bytes(HEAD => '/group/create')->headers->header('X-IM-Code'), 404, 'where there is a GET';
    my $options = $im->stranger->bytes(OPTIONS => '/group/create');
    is_deeply [$options->code, $options->headers->header('Allow')], [204, 'GET, HEAD, POST, PUT, DELETE, OPTIONS'], 'OPTIONS is answered, of any path';
};

subtest 'what it is called' => sub {
    my $modify = sub ($who, %fields) { $who->put('/group/modify', { groupId => $group, %fields }) };
    $bob->get("/group/find/$group")->ok('bob looks at it', { id => $group, groupName => '读书会', groupNotice => '周五', memberCount => 2,
        ownerId => $ann->id, isMuted => false, isJoined => 1, isDnd => false, topMessage => undef });
    $cat->get("/group/find/$group")->ok('cat sees less', { groupName => '读书会', groupNotice => '', isJoined => false });
    $modify->($ann, groupName => '读书', groupNotice => '')->ok('ann renames it', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'MODIFY', { groupName => '读书', groupAvatar => 'https://example.com/a.png' }, 'bob is told');
    $modify->($bob, groupName => 'mine')->refused(3003, 'bob does not');
    $modify->($cat, groupName => 'mine')->refused(3002, 'nor cat');
    $modify->($ann, groupName => ' ')->refused(400, 'a name is not blank', qr/groupName/);
    $modify->($ann, groupName => $_)->refused(400, sprintf('nor U+%vX', $_), qr/groupName/) for "\x{200b}", "\x{2800}", "a\x{202e}b", '👨‍👩‍👧‍👦' x 31;
    $bob->get('/group/list')->ok('it is in his list', sub { grep { $_->{id} == $group && $_->{groupName} eq '读书' } @$_ });
};

my ($dan, $eve) = $im->users(qw(dan eve));

subtest 'coming and going' => sub {
    my %row = map { ($_->id => $_) } $ann, $bob, $cat, $dan, $eve;
    my $members = sub { [map { $row{ $_->{userId} }{name} } @{ $ann->get("/group/members/$group")->must }] };
    my $invite = sub ($who, @whom) { $who->post('/group/invite', { groupId => $group, memberIds => [map { $_->id } @whom] }) };
    $im->befriend($bob, $dan);
    $invite->($bob, $dan, $ann)->ok('bob invites dan', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'JOIN', { memberIds => [$dan->id], operatorId => $bob->id, memberCount => 3 }, 'all are told');
    $invite->($bob, $dan)->refused(3005, 'once');
    $invite->($bob, $cat)->refused(2001, 'friends only');
    $eve->post("/group/join/$group")->ok('eve joins by herself', undef);
    $eve->post("/group/join/$group")->refused(3005, 'once');
    is_deeply $members->(), [qw(ann bob dan eve)], 'four are in';

    my $remove = sub ($who, @whom) { $who->delete('/group/members/remove', { groupId => $group, memberIds => [map { $_->id } @whom] }) };
    my $eve_socket = $eve->socket;
    $remove->($bob, $eve)->refused(3003, 'bob removes nobody');
    $remove->($ann, $eve)->ok('ann removes eve', undef);
    $_->expect(GROUP_MESSAGE => 'REMOVE', { memberIds => [$eve->id] }, 'who stays and who goes is told') for $bob_socket, $eve_socket;
    $eve->post("/group/join/$group")->refused(403, 'she does not come back by herself');
    $eve->get("/group/members/$group")->refused(3002, 'nor look in');
    $dan->delete("/group/quit/$group")->ok('dan leaves', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'QUIT', { memberIds => [$dan->id], memberCount => 2 }, 'bob is told');
    $dan->post("/group/join/$group")->ok('dan may come back');
    $ann->delete("/group/quit/$group")->refused(3003, 'the owner cannot leave');
    is_deeply $members->(), [qw(ann bob dan)], 'three are in';
};

subtest 'managers and mutes' => sub {
    my $manager = sub ($act, $who) { $ann->post("/group/manager/$act", { groupId => $group, userId => $who->id }) };
    my $say     = sub ($who) { $who->post('/message/group/send', { groupId => $group, content => 'hi', messageType => 1 }) };
    my $mute    = sub ($who, $whom, %more) { $who->put('/group/members/muted', { groupId => $group, userId => $whom->id, isMuted => \1, %more }) };
    $manager->(add => $bob)->ok('ann makes bob a manager', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'MANAGER', { userId => $bob->id, role => 'MANAGER' }, 'he is told');
    $mute->($bob, $ann)->refused(3003, 'a manager does not mute the owner');
    $mute->($bob, $dan, duration => 60)->ok('but a member', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'MEMBER_MUTED', { userId => $dan->id, duration => 60 }, 'all are told');
    $bob->put('/group/members/muted', { groupId => $group, userId => $dan->id, isMuted => \0 })->ok('and lifts it');
    $mute->($ann, $dan)->must;
    $manager->(add => $dan)->ok('a muted member becomes a manager');
    $say->($dan)->ok('and is not muted any more');
    $mute->($ann, $dan)->ok('the owner may mute a manager');
    $say->($dan)->refused(3006, 'who is silent then');
    $ann->delete('/group/manager/remove', { groupId => $group, userId => $dan->id })->must;
    $say->($dan)->refused(3006, 'also as a member again');
    $dan->delete("/group/quit/$group")->must;
    $dan->post("/group/join/$group")->ok('who leaves and comes back');
    $say->($dan)->refused(3006, 'is muted still');
    $dan->get('/message/group/history', { groupId => $group })->ok('and sees that, and nothing of before', { total => 1 });
    $bob->put('/group/members/muted', { groupId => $group, userId => $dan->id, isMuted => \0 })->must;
    $mute->($bob, $dan, duration => 0)->refused(400, 'for at least a second', qr/duration/);
    $ann->delete('/group/manager/remove', { groupId => $group, userId => $bob->id })->ok('then bob is a member again', undef);
    $mute->($bob, $dan)->refused(3003, 'and mutes nobody');

    $ann->put('/group/muted', { groupId => $group, isMuted => \1 })->ok('ann mutes all', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'MUTED', { isMuted => 1 }, 'they are told');
    $say->($bob)->refused(3006, 'bob is silent');
    $say->($ann)->ok('ann is not');
    $ann->put('/group/muted', { groupId => $group, isMuted => \0 })->must;
    $say->($bob)->ok('then bob is not either');
    $bob->put('/group/dnd', { groupId => $group, isDnd => \1 })->ok('he wants no disturbance', undef);
    $bob->get("/group/find/$group")->ok('which he sees', { isDnd => 1 });
    $bob_socket->expect(GROUP_MESSAGE => 'DND', { groupId => $group, isDnd => 1 }, 'on his other devices too');
};

subtest 'top message, end' => sub {
    $ann->post("/group/setTopMessage/$group", { content => '周五八点' })->ok('ann pins a text', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'TOP_MESSAGE', { content => '周五八点' }, 'bob sees it at once');
    $bob->get("/group/find/$group")->ok('and later', { topMessage => '周五八点' });
    $bob->post("/group/setTopMessage/$group", { content => 'x' })->refused(3003, 'he pins none');
    $ann->delete("/group/removeTopMessage/$group")->ok('she takes it away', undef);
    $bob->get("/group/find/$group")->ok('it is gone', { topMessage => undef });
    $im->sql("select im.group_ban($group, 'spam')");
    $bob_socket->expect(GROUP_MESSAGE => 'BAN', { groupId => $group, reason => 'spam' }, 'the group is banned: bob is told');
    $im->sql("select im.group_unban($group)");
    $bob_socket->expect(GROUP_MESSAGE => 'UNBAN', { groupId => $group }, 'and that it is not any more');
    $bob->delete("/group/delete/$group")->refused(3003, 'bob does not dissolve the group');
    $ann->delete("/group/delete/$group")->ok('ann does', undef);
    $bob_socket->expect(GROUP_MESSAGE => 'DISSOLVE', { groupId => $group }, 'bob is told');
    $ann->get("/group/find/$group")->refused(3001, 'it is no more');
};

$im->sql("update im.setting set value = '2' where name = 'group.member_limit'");
$im->befriend($ann, $cat);
$create->(memberIds => [$bob->id, $cat->id])->refused(3007, 'a group has a limit');

$im->end;
done_testing;
