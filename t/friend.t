# friend: applications, friendships, and who is told.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::JSON qw(false true);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
my ($ann_socket, $bob_socket) = map { $_->socket } $ann, $bob;
my $apply   = sub ($from, $to, %more) { $from->post('/friend/request/apply', { friendId => $to->id, %more }) };
my $approve = sub ($user, $id) { $user->post('/friend/request/approve', { requestId => $id }) };
my $age     = sub ($who, $by) {    # of what he has applied, decided or not, which nothing else changes
    $im->sql("set session_replication_role = replica; update im.friend_request set created_at = created_at - interval '$by',
        decided_at = decided_at - interval '$by' where from_id = @{[$who->id]}; reset session_replication_role");
};
my $request;

subtest 'ann asks, bob approves' => sub {
    $request = $apply->($ann, $bob, applyInfo => '我是安')->ok('ann applies to bob', { requestId => qr/^\d+$/ })->{requestId};
    $bob_socket->expect(FRIEND_REQUEST => 'APPLY',
        { requestId => $request, fromId => $ann->id, toId => $bob->id, nickName => 'Ann', applyInfo => '我是安', status => 1 },
        'bob is told');
    $apply->($ann, $bob, applyInfo => 'again')->ok('asking again changes nothing', { requestId => $request });
    $ann->get('/friend/list')->ok('they are not friends yet', []);

    $approve->($ann, $request)->refused(404, 'ann cannot approve her own request');
    $approve->($cat, $request)->refused(404, 'nor can cat');
    $approve->($bob, $request)->ok('bob approves', undef);
    $ann_socket->expect(FRIEND_REQUEST => 'APPROVE', { requestId => $request, status => 2 }, 'ann is told');

    $ann->get('/friend/list')->ok('bob is in her list', [{ id => $bob->id, username => 'bob', nickName => 'Bob' }]);
    $bob->get('/friend/list')->ok('and she in his', [{ id => $ann->id, username => 'ann' }]);
    $cat->get('/friend/list')->ok('cat has no friends', []);
};

subtest 'refusals' => sub {
    $apply->($ann, $bob)->refused(2002, 'friends do not apply again');
    $approve->($bob, $request)->refused(2004, 'what is approved is not approved again');
    $approve->($bob, 4711)->refused(404, 'nor what does not exist');
    $apply->($ann, $ann)->refused(400, 'nobody befriends herself', qr/friendId/);
    $ann->post('/friend/request/apply', { friendId => 99999 })->refused(1001, 'nor nobody');
    $ann->post('/friend/request/apply', {})->refused(400, 'a friend must be named', qr/friendId/);
    $ann->post('/friend/request/apply', { friendId => "10002$_" })->refused(400, 'by a number', qr/friendId/) for ' ', '.0', 'x';
    $apply->($ann, $cat, applyInfo => 'x' x 101)->refused(400, 'in 100 characters', qr/applyInfo/);
    $approve->($bob, 'x')->refused(400, 'a request has a number', qr/requestId/);

    my $old = $apply->($ann, $cat)->must->{requestId};
    $im->sql("update im.friend_request set created_at = now() - interval '31 days' where id = $old");
    $approve->($cat, $old)->refused(2004, 'an expired request is not approved');
};

subtest 'crossing' => sub {
    $apply->($bob, $cat)->ok('bob applies to cat');
    $apply->($cat, $bob)->ok('cat applies to bob');
    $bob->get('/friend/list')->ok('that makes them friends', sub { 1 == grep { $_->{id} == $cat->id } @$_ });
    $bob_socket->expect(FRIEND_REQUEST => 'APPROVE', {}, 'bob is told');
};

subtest 'blocked' => sub {
    my ($dan, $eve) = $im->users(qw(dan eve));
    $im->sql("insert into im.blacklist (account_id, target_id) values (@{[$dan->id]}, @{[$eve->id]})");
    $apply->($eve, $dan)->refused(2003, 'who is blocked cannot apply');
    my $waiting = $apply->($ann, $dan)->must->{requestId};
    $im->sql("insert into im.blacklist (account_id, target_id) values (@{[$ann->id]}, @{[$dan->id]})");
    $approve->($dan, $waiting)->refused(2003, 'nor is a request approved across a block');
};

subtest 'rejected, recalled' => sub {
    my ($gil, $hal) = $im->users(qw(gil hal));
    my ($from, $to) = map { $_->socket } $gil, $hal;
    my $id = $apply->($gil, $hal, applyInfo => 'please')->must->{requestId};
    my %row = (requestId => $id, fromId => $gil->id, toId => $hal->id, applyInfo => 'please', status => 1, reason => undef);
    $gil->get('/friend/request/list')->ok('gil sees what he sent', [{ %row, nickName => 'Hal' }]);
    $hal->get('/friend/request/list')->ok('hal what he received', [{ %row, nickName => 'Gil' }]);
    $gil->post('/friend/request/reject', { requestId => $id })->refused(404, 'gil cannot reject his own');
    $hal->post('/friend/request/recall', { requestId => $id })->refused(404, 'nor hal recall it');
    $hal->post('/friend/request/reject', { requestId => $id, reason => '不认识' })->ok('hal rejects it', undef);
    $from->expect(FRIEND_REQUEST => 'REJECT', { requestId => $id, status => 3, reason => '不认识' }, 'gil is told why');
    $hal->post('/friend/request/reject', { requestId => $id })->refused(2004, 'once');

    my $again = $apply->($gil, $hal)->ok('gil asks again', { requestId => sub { $_ != $id } })->{requestId};
    $gil->post('/friend/request/recall', { requestId => $again })->ok('and thinks better of it', undef);
    $to->expect(FRIEND_REQUEST => 'RECALL', { requestId => $again, status => 4 }, 'hal is told');
    $approve->($hal, $again)->refused(2004, 'what is recalled is not approved');
    $gil->get('/friend/request/list')->ok('both stand in the list, the newest first', [{ requestId => $again, status => 4 }, { requestId => $id, status => 3 }]);
};

subtest 'remark, blacklist, deletion' => sub {
    my ($ida, $jon) = $im->users(qw(ida jon));
    $im->befriend($ida, $jon);
    my $socket = $jon->socket;
    my $remark = sub ($text, $who = $jon) { $ida->put('/friend/remark', { friendId => $who->id, remark => $text }) };
    $remark->('约翰')->ok('ida gives jon a name', undef);
    $ida->get('/friend/list')->ok('which she sees', [{ id => $jon->id, remark => '约翰', nickName => 'Jon' }]);
    $jon->get('/friend/list')->ok('and he does not', [{ id => $ida->id, remark => '' }]);
    $remark->('x' x 21)->refused(400, 'a remark is short', qr/remark/);
    $remark->('x', $cat)->refused(2001, 'and for friends');

    $ida->post('/blacklist/add', { targetId => $jon->id })->ok('ida blocks jon', undef);
    $ida->post('/blacklist/add', { targetId => $jon->id })->ok('twice is no harm');
    $ida->get('/blacklist/list')->ok('she sees whom', [{ id => $jon->id, username => 'jon' }]);
    $jon->get('/blacklist/list')->ok('he does not', []);
    $_->[0]->post('/message/private/send', { receiverId => $_->[1]->id, content => 'hi', messageType => 1 })->refused(2003, 'neither writes to the other')
        for [$ida, $jon], [$jon, $ida];
    ok !$ida->get('/friend/list')->data->[0]{isOnline}, 'nor sees whether the other is there';
    $ida->delete('/blacklist/remove/' . $jon->id)->ok('she forgives him', undef);
    $jon->post('/message/private/send', { receiverId => $ida->id, content => 'hi', messageType => 1 })->ok('he writes');
    $ida->post('/blacklist/add', { targetId => $ida->id })->refused(400, 'nobody blocks herself', qr/targetId/);
    $ida->post('/blacklist/add', { targetId => 99999 })->refused(1001, 'nor nobody');

    $ida->delete('/friend/delete/' . $jon->id)->ok('she ends the friendship', undef);
    $socket->expect(FRIEND_REQUEST => 'DELETE', { fromId => $ida->id, toId => $jon->id }, 'jon is told');
    $_->get('/friend/list')->ok('on both sides', []) for $ida, $jon;
    $jon->post('/message/private/send', { receiverId => $ida->id, content => 'why?', messageType => 1 })->refused(2001, 'he cannot ask why');
    $ida->delete('/friend/delete/' . $jon->id)->refused(2001, 'it ends once');
};

subtest 'too many' => sub {
    my $fay = $im->user('fay');
    $im->sql(q{insert into im.account (username, nick_name, password_hash)
               select 'many' || n, 'many', 'x' from generate_series(1, 21) n});
    my @ids = map { $_->[0] + 0 } $im->sql("select id from im.account where username like 'many%' order by id");
    my $last = pop @ids;
    is scalar(grep { $_->code eq 200 } map { $fay->post('/friend/request/apply', { friendId => $_ }) } @ids), 20,
        'fay has twenty requests pending';
    $fay->post('/friend/request/apply', { friendId => $last })->refused(2005, 'the next is one too many');
    $fay->post('/friend/request/recall', { requestId => $fay->get('/friend/request/list')->must->[0]{requestId} })->must;
    $fay->post('/friend/request/apply', { friendId => $last })->refused(429, 'also when one is taken back: twenty within an hour');
    $age->($fay, '61 minutes');
    $fay->post('/friend/request/apply', { friendId => $last })->ok('later she may ask');
    ok !(grep { $_->{status} != 1 } @{ $fay->get('/friend/request/list')->must }[0 .. 19]), 'all that are pending are listed first';
};

# Applying and taking it back ring at whom it is to, so neither goes on for ever; nor do they hide what others have asked.
subtest 'again and again' => sub {
    my ($una, $vic, $wes) = $im->users(qw(una vic wes));
    my $asked  = $apply->($wes, $vic, applyInfo => 'please')->must->{requestId};
    my $socket = $vic->socket;
    my $once   = sub ($then, $who) {
        my $answer = $apply->($una, $vic);
        $who->post("/friend/request/$then", { requestId => $answer->data->{requestId} })->must if $answer->code eq 200;
        return $answer->code;
    };
    is_deeply [map { $once->(recall => $una) } 1 .. 5], [200, 200, 200, 429, 429], 'three times a day to the same person';
    $apply->($una, $wes)->ok('another she may ask');
    $age->($una, '25 hours');
    is_deeply [map { $once->(reject => $vic) } 1 .. 4], [200, 200, 200, 429], 'nor more often when he declines';
    $age->($una, '25 hours');
    $apply->($una, $vic)->refused(429, 'who has been declined three times does not ask the next day either');
    $socket->expect(FRIEND_REQUEST => 'REJECT', {}, 'vic hears of it') for 1 .. 3;
    $im->sql("insert into im.friend_request (from_id, to_id, status, decided_at) select @{[$una->id]}, @{[$vic->id]}, 4, now() from generate_series(1, 205)");
    $vic->get('/friend/request/list')->ok('whatever was decided since, what is pending stands first', sub { $_->[0]{requestId} == $asked && $_->[0]{status} == 1 && @$_ == 21 });
    my $page = sub ($n) { $vic->get('/friend/request/list', { page => $n, size => 100 })->must };
    is_deeply [map { scalar @{ $page->($_) } } 1 .. 4], [101, 100, 11, 0], 'what is decided has pages';
    ok !(grep { $_->{requestId} == $asked } @{ $page->(2) }), 'which have it alone';
    $age->($una, '31 days');
    my $decided = sub { $im->sql("select count(*) from im.friend_request where from_id = @{[$una->id]} and to_id = @{[$vic->id]}") };
    ok $im->eventually(10, sub { $im->sql('select im.due_friend_request()'); $decided->() == 0 }), 'and goes after a while';
    $vic->get('/friend/request/list')->ok('what is pending stays', [{ requestId => $asked, status => 1 }]);
};

subtest 'presence' => sub {
    ok $im->eventually(5, sub { $ann->get('/friend/list')->data->[0]{isOnline} }), 'ann sees that bob is online';
    $ann->get('/friend/list')->ok('by both fields', [{ id => $bob->id, isOnline => true, onlineStatus => 'ONLINE' }]);
    $bob_socket->heartbeat({ status => 'BUSY' });
    ok $im->eventually(5, sub { $ann->get('/friend/list')->data->[0]{onlineStatus} eq 'BUSY' }), 'that he is busy';
    $bob_socket->close;
    ok $im->eventually(5, sub { !$ann->get('/friend/list')->data->[0]{isOnline} }), 'and that he has gone';
    $ann_socket->expect(FRIEND_REQUEST => 'OFFLINE', { userId => $bob->id }, 'ann is told');
};

$im->end;
done_testing;
