# wallet: money comes in by an order that somebody else approves, never by the client's word.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex);
use IM::Stack;
use Test::More;

my $key = join '', map { sprintf '%04x', rand 65536 } 1 .. 16;
my $im  = IM::Stack->new(IM_PAYMENT_KEY => $key);
$im->secret($key);
my ($ann, $bob) = $im->users(qw(ann bob));
my $recharge = sub (%fields) { $ann->post('/user/recharge', { amount => 100, payType => 'alipay', %fields }) };
my $balance  = sub ($user) { $user->get('/user/self')->must->{balance} };

my $order = $recharge->(chainType => 'bsc', fromAddress => '0x' . 'a' x 40)
    ->ok('ann says that money is coming', { amount => 100, status => 1, payType => 'alipay' });
is $balance->($ann), 0, 'her word alone credits nothing';
$recharge->(status => 2, balance => 5)->ok('nor do smuggled fields', { status => 1 });

my $socket = $ann->socket;
my $told   = sub ($action, $title, %data) { $socket->expect(SYSTEM_MESSAGE => 'WALLET', { action => $action, %data }, $title) };
$im->admin->post('/im/recharge/approve', { id => $order->{id} })->ok('the administrator approves');
is $balance->($ann), 100, 'now she has it';
$told->(RECHARGE_CREDITED => 'and is told', orderId => $order->{id}, type => 1, amount => 100, balance => 100);
is $balance->($bob), 0, 'and nobody else';
$im->admin->post('/im/recharge/approve', { id => $order->{id} })->refused(4005, 'an order is credited once');
is $balance->($ann), 100, 'indeed';

for my $case (
    ['amount', '0', 'nothing'], ['amount', '-1', 'less than nothing'], ['amount', '0.001', 'a tenth of a cent'],
    ['amount', '1e2', 'an exponent'], ['amount', '"100.00 "', 'text with a blank'], ['amount', '"100.001"', 'text of three places'], ['amount', '"1e2"', 'text with an exponent'], ['amount', '1e400', 'infinity'], ['amount', 'NaN', 'no number'],
    ['amount', '99999999999.99', 'too much'], ['amount', '01', 'a leading zero'], ['amount', 'true', 'yes'],
    ['payType', 'null', 'without a way to pay'], ['payType', '"a b"', 'by an odd way'], ['payType', '1', 'by a number'],
) {
    my ($field, $json, $title) = @$case;
    my %fields = (amount => '100.00', payType => '"alipay"', $field => $json);
    my $body   = '{' . join(',', map {qq{"$_":$fields{$_}}} sort keys %fields) . '}';
    $ann->raw(POST => '/user/recharge', $body)->refused(400, "one does not pay $title", qr/\b(?:$field|body)\b/);
}
$ann->raw(POST => '/user/recharge', '{"amount":0.29,"payType":"alipay"}')->ok('29 cents stay 29 cents', { amount => 0.29 });
$ann->raw(POST => '/user/recharge', '{"amount":"0.29","payType":"alipay"}')->ok('as text too', { amount => 0.29 });
like $ann->raw(POST => '/user/recharge', '{"amount":7,"payType":"alipay"}')->text, qr/"amount":7\.00\b/, 'and 7 is 7.00';

subtest 'a key is used once' => sub {
    my $send = sub ($key, %fields) {
        $bob->post('/user/recharge', { amount => 5, payType => 'alipay', %fields }, 'Idempotency-Key' => $key);
    };
    my $first = $send->('k1')->ok('bob orders 5.00 with a key');
    $send->('k1')->ok('the same again is the same order', $first);
    $send->('k1', amount => 6)->refused(400, 'another order with that key is refused', qr/Idempotency-Key/);
    $send->('k2')->ok('another key is another order', { id => sub { $_ != $first->{id} } });
    $send->(['k1', 'k9'])->ok('of two keys the first counts', $first);
    $send->('x' x 129)->refused(400, 'a key has at most 128 characters');
    my @twins = $im->together(map { $bob->post_p('/user/recharge', { amount => 7, payType => 'alipay' }, 'Idempotency-Key' => 'k3') } 1 .. 8);
    $_->ok('a twin is answered') for @twins;
    is $im->sql('select count(*) from im.recharge where amount = 7 and account_id = ' . $bob->id), 1, 'eight at once are one';
};

my $count = $im->sql('select count(*) from im.recharge where status = 1 and account_id = ' . $ann->id);
$recharge->()->ok("order $_ is pending") for $count + 1 .. 20;
$recharge->()->refused(429, 'twenty orders may be pending');

subtest 'withdrawal' => sub {
    my ($address, $tron) = ('0x' . 'Ab' x 20, 'T' . '9' x 33);
    my $withdraw = sub (%fields) {
        $ann->post('/user/withdraw', { amount => 30, toAddress => $address, tradePassword => $ann->trade, %fields });
    };
    my $decide = sub ($act, $id, %more) { $im->admin->post("/im/withdraw/$act", { id => $id, %more }) };
    $ann->trade('none yet');
    $withdraw->()->refused(4003, 'nobody withdraws without a trade password');
    $im->arm($ann);
    my $id = $withdraw->()->ok('ann asks for 30.00', { amount => 30, status => 1, chainType => 'bsc', balance => 70 })->{id};
    is $balance->($ann), 70, 'which is frozen';
    $withdraw->(amount => 70.01)->refused(4001, 'she cannot ask for more than the rest');
    $withdraw->(tradePassword => 'guess')->refused(4002, 'nor without her trade password');
    $withdraw->(tradePassword => $_)->refused(400, 'what is no text is no password', qr/tradePassword/) for 123456, ['x'], \1;
    is $im->sql('select wrong from im.trade_password where account_id = ' . $ann->id), 1, 'nor a wrong one';
    $withdraw->(toAddress => $_)->refused(400, "'$_' is no address", qr/toAddress/) for '', 'me', '0x12', 'T0', $address . '0';
    $withdraw->(toAddress => $tron, chainType => 'bsc')->refused(400, 'nor is one of another chain', qr/toAddress/);
    $withdraw->(amount => $_)->refused(400, "one does not withdraw $_", qr/amount/) for 0, -1, 0.001;

    $decide->(paid => $id)->refused(4005, 'what is not approved is not paid');
    $decide->(reject => $id, reason => '地址有误')->ok('it is rejected', undef);
    $told->(WITHDRAW_REJECTED => 'she is told why', orderId => $id, type => 7, amount => 30, balance => 100, reason => '地址有误');
    is $balance->($ann), 100, 'the money is hers again';
    $decide->($_ => $id)->refused(4005, "then it cannot be $_") for qw(approve reject paid failed);

    $id = $withdraw->(toAddress => $tron)->ok('she asks again', { chainType => 'tron' })->{id};
    $decide->(approve => $id)->ok('it is approved');
    $decide->(reject => $id)->refused(4005, 'too late to reject it');
    $decide->(failed => $id)->ok('the payment fails');
    is $balance->($ann), 100, 'the money is hers again';
    $id = $withdraw->()->must->{id};
    $decide->(approve => $id)->must;
    $decide->(paid => $id, txHash => '0x' . 'f' x 64)->ok('a third is paid');
    is $balance->($ann), 70, 'that money is gone';
    $im->admin->get('/im/withdraw/list', { userId => $ann->id })->ok('all are listed', { total => 3, records => [{ id => $id, status => 4 }, {}, {}] });
};

subtest 'VIP' => sub {
    my $buy = sub (%fields) { $ann->post('/user/buyVip', { duration => 10, tradePassword => $ann->trade, %fields }) };
    $buy->()->ok('ann buys ten days', { amount => 10, balance => 60 });
    $ann->get('/user/self')->ok('and is a VIP', { isVip => 1, vipExpireTime => qr/^\d{4}-/ });
    my $until = $im->sql('select vip_until from im.account where id = ' . $ann->id);
    $buy->(duration => 5)->ok('five more');
    is $im->sql("select vip_until = '$until'::timestamptz + interval '5 days' from im.account where id = " . $ann->id), 't', 'come after the ten';
    $buy->(duration => $_)->refused(400, "not $_ days", qr/duration/) for 0, -1, 1.5, 100_000;
    $buy->(duration => 100)->refused(4001, 'nor more than she can pay');
    $buy->(tradePassword => 'guess')->refused(4002, 'nor by a guess');
    $bob->post('/user/buyVip', { duration => 1, tradePassword => 'none' })->refused(4003, 'bob has no trade password');
};

subtest 'fund detail' => sub {
    my $detail = $ann->get('/user/queryUserFundDetail', { size => 100 })->ok('ann sees every movement', { total => 8 });
    my ($sum, $last) = (0);
    for my $row (reverse @{ $detail->{records} }) {
        $sum += $row->{amount};
        is sprintf('%.2f', $row->{balance}), sprintf('%.2f', $sum), "$row->{type}: $row->{amount} makes $row->{balance}";
    }
    is sprintf('%.2f', $sum), sprintf('%.2f', $balance->($ann)), 'down to what she has';
    $ann->get('/user/queryUserFundDetail', { type => 6 })->ok('by type', { total => 2 });
    $ann->get('/user/queryUserFundDetail', { page => 2, size => 3 })->ok('in pages', { total => 8, records => sub { @$_ == 3 } });
    $ann->get('/user/queryUserFundDetail', { startTime => '2999-01-01 00:00:00' })->ok('by time', { total => 0, records => [] });
    my $rows = sub (%query) { $ann->get('/user/queryUserFundDetail', { size => 100, %query })->must->{records} };
    my ($time, $day) = map { ($_, substr $_, 0, 10) } $detail->{records}[3]{createTime};
    for my $case ([startTime => $time], [endTime => $time], [startTime => $time, endTime => $time], [startTime => $day, endTime => $day]) {
        ok +(grep { $_->{createTime} eq $time } @{ $rows->(@$case) }), "what was at $time is found by @$case";
    }
    is scalar(grep { $_->{createTime} gt $time } @{ $rows->(endTime => $time) }), 0, 'and nothing that came a second later';
    $ann->get('/user/queryUserFundDetail', { startTime => $_ })->refused(400, "'$_' is none", qr/startTime/)
        for 'soon', '2026-02-30 00:00:00', '2026-01-01 24:00:61', '2024- 1- 1 01: 1: 1', '2024- 1- 1 1: 1: 1', '2026-01-01T00:00:00', '2026-1-1', '2026-01-01 00:00:00 Foo/Bar', '2026-01-01 00:00:00+99:00', '0000-01-01 00:00:00';
    $bob->get('/user/queryUserFundDetail', { userId => $ann->id })->ok('bob sees his own', { total => 0 });
};

subtest 'payment callback' => sub {
    my $cat = $im->user('cat');
    my $id  = $cat->post('/user/recharge', { amount => 12.34, payType => 'alipay', chainType => 'bsc' })->must->{id};
    my $pay = sub ($key, $time, %fields) {
        my $body = sprintf '{"orderId":%d,"amount":%s,"chainType":"bsc","txHash":"%s"}', $id, $fields{amount} // '12.34', $fields{hash} // 'ab' x 32;
        $im->stranger->raw(POST => '/payment/callback', $body, 'X-IM-Timestamp' => $time,
            'X-IM-Signature' => hmac_sha256_hex("$time\n$body", $key));
    };
    $pay->('x' x 32, time)->refused(401, 'a payment with a wrong signature is none');
    $pay->($key, time - 1000)->refused(401, 'nor is an old one');
    $pay->($key, time, amount => '99.00')->refused(400, 'nor one of another amount', qr/amount/);
    is $balance->($cat), 0, 'cat has nothing yet';
    $pay->($key, time)->ok('a signed payment is taken', { orderId => $id, status => 2 });
    $pay->($key, time)->ok('and taken once, however often it is told');
    is sprintf('%.2f', $balance->($cat)), '12.34', 'cat has her money';
    $id = $cat->post('/user/recharge', { amount => 12.34, payType => 'alipay', chainType => 'bsc' })->must->{id};
    $pay->($key, time)->refused(4005, 'one payment pays one order');
    my $hash = 'ab' x 32;
    $pay->($key, time, hash => $_)->refused(4005, 'however it is written: ' . ($_ =~ s/(?:ab){31}/…/ir)) for "0x$hash", "0X$hash", uc $hash;
    $pay->($key, time, hash => $_)->refused(400, "and nothing else is: $_", qr/txHash/)
        for "$hash.", "$hash/", "$hash#", "0x$hash ", substr($hash, 1), "${hash}0", "0x0x$hash", 'tx1', '';
    is sprintf('%.2f', $balance->($cat)), '12.34', 'cat has it once';
};

is $im->sql('select sum(amount) from im.posting'), '0.00', 'the ledger sums to nothing';
$im->admin->get('/im/fund/check')->ok('and proves itself', { ok => 1, problem => undef });

$im->end;
done_testing;
