# redpacket: sending, robbing, and where the money is meanwhile.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use IM::Stack;
use List::Util qw(sum);
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
$im->befriend($ann, $bob, $cat)->arm($ann)->fund($ann, 500);
my $group   = $im->group($ann, $bob, $cat);
my $balance = sub ($user) { sprintf '%.2f', $user->get('/user/self')->must->{balance} };
my $fields  = sub (%fields) {
    return {
        receiverType => 1, receiverId => $group, totalAmount => 10, totalCount => 3, redPacketType => 1, remark => '恭喜发财',
        tradePassword => $ann->trade, %fields,
    };
};
my $send = sub (%fields) { $ann->post('/redPackage/send', $fields->(%fields)) };
my $rob  = sub ($user, $packet) { $user->post('/redPackage/rob', { redPacketId => $packet }) };

subtest 'a lucky packet into the group' => sub {
    my $socket = $bob->socket;
    my $packet = $send->()->ok('ann sends 10.00 in three shares')->{redPacketId};
    is $balance->($ann), '490.00', 'the money has left her purse';
    $socket->expect(GROUP_MESSAGE => 'MESSAGE', { messageType => 7, senderId => $ann->id, content => qr/$packet/ }, 'bob sees the packet');

    my @won;
    for my $who ($bob, $cat, $ann) {
        my $left = $rob->($who, $packet)->ok("$who->{name} robs it", { amount => sub { $_ >= 0.01 }, remainCount => 2 - @won });
        push @won, $left->{amount};
        $socket->expect(SYSTEM_MESSAGE => 'RED_PACKET', { action => @won < 3 ? 'ROBBED' : 'FINISHED', redPacketId => $packet, userId => $who->id,
            senderId => $ann->id, amount => $left->{amount}, remainCount => 3 - @won }, 'all are told');
        is sprintf('%.2f', $left->{remainAmount} + sum @won), '10.00', 'what is robbed and what is left are all of it';
    }
    is sprintf('%.2f', sum @won), '10.00', 'three shares are the whole';
    is $balance->($bob), sprintf('%.2f', $won[0]), 'bob has his share';
    $rob->($bob, $packet)->refused(5002, 'nobody robs twice');
};

subtest 'an equal packet' => sub {
    my $packet = $send->(redPacketType => 2, totalAmount => 3, totalCount => 2)->ok('two equal shares')->{redPacketId};
    $rob->($_, $packet)->ok("$_->{name} gets half", { amount => 1.5 }) for $bob, $cat;
    $rob->($ann, $packet)->refused(5001, 'then it is empty');
    $send->(redPacketType => 2, totalAmount => 10, totalCount => 3)->refused(400, 'what cannot be divided is refused', qr/totalAmount/);
};

subtest 'a packet for bob' => sub {
    my $packet = $send->(receiverType => 2, receiverId => $bob->id, totalCount => 1, totalAmount => 5)->ok('ann sends it')->{redPacketId};
    $rob->($cat, $packet)->refused(5004, 'it is not for cat');
    $rob->($ann, $packet)->refused(5004, 'nor for herself');
    $rob->($bob, $packet)->ok('bob takes it', { amount => 5, remainCount => 0, remainAmount => 0 });
    $bob->get('/message/private/pullOfflineMessage')->ok('it stands in their chat', sub { $_->[-1]{messageType} == 7 });
};

subtest 'who may not rob' => sub {
    my $before = $balance->($ann);
    my $packet = $send->(totalCount => 2)->must->{redPacketId};
    $rob->($dan, $packet)->refused(3002, 'who is not in the group');
    $rob->($bob, '00000000-0000-4000-8000-000000000000')->refused(404, 'what does not exist');
    $rob->($bob, $_)->refused(400, "no packet is called '$_'", qr/redPacketId/) for '', 'x', uc($packet) . '0', 7;
    $im->sql("update im.redpacket set expires_at = now() where id = '$packet'");
    $rob->($bob, $packet)->refused(5003, 'what has expired');
    ok $im->eventually(10, sub { $balance->($ann) eq $before }), 'the rest comes back to ann' or diag $balance->($ann);
};

subtest 'who may not send' => sub {
    my $before = $balance->($ann);
    $send->(totalAmount => 499.99, totalCount => 100)->refused(4001, 'more than she has');
    $send->(tradePassword => 'guess')->refused(4002, 'without her trade password');
    $send->(tradePassword => undef)->refused(400, 'or with none', qr/tradePassword/);
    $bob->post('/redPackage/send', $fields->())->refused(4003, 'who has no trade password');
    $send->(receiverId => 99999)->refused(3001, 'into no group');
    $send->(receiverType => 2, receiverId => $dan->id, totalCount => 1)->refused(2001, 'to a stranger');
    $im->arm($dan);
    $dan->post('/redPackage/send', $fields->(tradePassword => $dan->trade))->refused(3002, 'into a group of others');
    for my $case (
        [totalCount => 0], [totalCount => 101], [totalCount => 1.5], [totalAmount => 0], [totalAmount => 0.02],
        [totalAmount => -1], [totalAmount => '10.001'], [redPacketType => 3], [receiverType => 3], [remark => 'x' x 41],
    ) {
        my ($field, $value) = @$case;
        $send->($field => $value)->refused(400, "with $field $value", qr/\b(?:$field|totalAmount)\b/);
    }
    $send->(totalAmount => 200.01, totalCount => 1)->refused(400, 'with a share above 200.00', qr/totalAmount/);
    $send->(receiverType => 2, receiverId => $bob->id, totalCount => 2)->refused(400, 'two shares to one', qr/totalCount/);
    is $balance->($ann), $before, 'none of it cost anything';
    $im->sql("update im.trade_password set wrong = 0, locked_until = null");
    $send->(tradePassword => 'guess') for 1 .. 5;
    $send->()->refused(4004, 'after five guesses the trade password is locked');
    $im->sql("update im.trade_password set wrong = 0, locked_until = null");
};

subtest 'all at once' => sub {
    my @crowd = map { $im->user("crowd$_") } 1 .. 12;
    $im->befriend($ann, @crowd);
    my $party  = $im->group($ann, @crowd);
    my $packet = $send->(receiverId => $party, totalAmount => 8, totalCount => 8)->must->{redPacketId};
    my @codes  = map { $_->code } $im->together(map { $_->post_p('/redPackage/rob', { redPacketId => $packet }) } @crowd);
    is_deeply [sort @codes], [(200) x 8, (5001) x 4], 'eight of twelve win, four are told that it is empty';
    my @greedy = map { $_->code } $im->together(map {
        $ann->post_p('/redPackage/rob', { redPacketId => $packet })
    } 1 .. 2);
    is_deeply \@greedy, [5001, 5001], 'nobody gets a ninth share';
};

subtest 'the details' => sub {
    my $packet = $send->(totalAmount => 2, totalCount => 2)->ok('ann sends two shares');
    my $path   = "/redPackage/detail/$packet->{redPacketId}";
    my %open   = (redPacketId => $packet->{redPacketId}, senderId => $ann->id, status => 1, remainCount => 2, seed => undef,
        commitment => $packet->{commitment}, claims => []);
    $bob->get($path)->ok('bob sees that it is there', \%open);
    $rob->($_, $packet->{redPacketId})->must for $bob, $cat;
    my $done = $bob->get($path)->ok('when it is empty', { status => 2, remainCount => 0, claims => [{ userId => $bob->id }, { userId => $cat->id }] });
    is sha256_hex($done->{seed}), $packet->{commitment}, 'the seed is shown, and is what was promised';
    is scalar(grep { $_->{isBest} } @{ $done->{claims} }), 1, 'one was luckiest';
    $dan->get($path)->refused(3002, 'dan, who is not in the group, sees nothing');
    $bob->get('/redPackage/detail/00000000-0000-4000-8000-000000000000')->refused(404, 'what does not exist has no details');
    $bob->get('/redPackage/detail/x')->refused(400, 'nor what is no id', qr/redPacketId/);
};

subtest 'the service on 8082' => sub {
    my ($status, $token) = $im->imctl(qw(token service shop));
    is $status, 0, 'imctl makes a token for a service' or diag $token;
    ($token) = $token =~ /(\S+)\s*\z/;
    $im->secret($token);
    my $shop = $im->stranger('redpacket')->as(access => $token);
    my ($as_ann, $as_bob) = map { $_->as(service => 'redpacket') } $ann, $bob;
    my $packet = $shop->post('/red/packet/hand/out', { userId => $ann->id, total => 4, count => 2, type => 2 })->ok('the shop hands out ann\'s 4.00');
    $shop->post('/red/packet/isRob', { userId => $dan->id, redId => $packet })->ok('dan has not robbed it', 0);
    $shop->post('/red/packet/rob', { userId => $dan->id, redId => $packet })->ok('dan robs it', 2);
    $shop->post('/red/packet/isRob', { userId => $dan->id, redId => $packet })->ok('then he has', 1);
    $shop->post('/red/packet/rob', { userId => $dan->id, redId => $packet })->refused(5002, 'nobody robs twice');
    $as_bob->post('/red/packet/rob', { userId => $dan->id, redId => $packet })->refused(403, 'bob cannot rob for dan');
    $as_bob->post('/red/packet/rob', { userId => $bob->id, redPacketId => $packet })->ok('but for himself', 2);
    $shop->post('/red/packet/rob', { userId => $cat->id, redId => $packet })->refused(5001, 'then it is empty');

    my $hand = sub ($who, %fields) { $who->post('/red/packet/hand/out', { userId => $ann->id, total => 1, count => 1, type => 1, %fields }) };
    $hand->($as_bob)->refused(403, "nobody spends another's money");
    $hand->($as_ann, tradePassword => 'guess')->refused(4002, 'ann needs her trade password');
    $hand->($as_ann, tradePassword => $ann->trade)->ok('and has it');
    $hand->($shop, userId => 99999)->refused(1001, 'an unknown user has no money');
    $hand->($shop, total => 100_000, count => 100)->refused(400, 'a share has a limit', qr/total/);
    $hand->($shop, userId => $cat->id, total => 100)->refused(4001, 'nor what one does not have');
    $shop->post('/red/packet/isRob', { userId => $dan->id, redId => '00000000-0000-4000-8000-000000000000' })->refused(404, 'a packet must exist');
    $shop->as(service => 'chat')->get('/user/self')->refused(401, "a service's token opens nothing else");
    $im->stranger('redpacket')->post('/red/packet/rob', {})->refused(401, 'a stranger is refused');
};

is $im->sql('select sum(amount) from im.posting'), '0.00', 'the ledger sums to nothing';
$im->end;
done_testing;
