# money-crash: whatever moves money is cut off at every point, and has happened or has not; who asks again with the
# same Idempotency-Key gets the one true answer.  IM_LONG: each operation fifty times at each point.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex);
use IM::Money qw(fields);
use IM::Stack;
use IM::User;
use IO::Socket::UNIX;
use Mojo::File qw(path);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed   = $ENV{IM_SEED} // int rand 2**31;
my $rounds = $ENV{IM_LONG} ? 50 : 1;
diag "IM_SEED=$seed";
srand $seed;

my $payment_key = join '', map { sprintf '%04x', rand 65536 } 1 .. 16;
my $im          = IM::Stack->new(IM_PAYMENT_KEY => $payment_key, durable => 1);
my $money       = IM::Money->new(im => $im);
my ($ann, $bob, @crowd) = $money->people(40, 'user', 1);
$money->arm($ann)->fund(90_000_000, $ann);
my $group = $im->sql("select id from api.group_create($ann->{id}, 'group', null, null, array["
        . join(',', map { $_->{id} } $bob, @crowd) . '])');
my (undef, $token) = $im->imctl(qw(token service shop));
($token) = $token =~ /(\S+)\s*\z/;
$im->secret($payment_key, $token);
my ($shop, $admin) = ({ token => $token }, { token => $im->admin->access });
$im->sql(q{update im.setting set value = '100000' where name = 'wallet.recharge_pending'});
$im->allow(qr/upstream prematurely closed|connect\(\) to unix:\S+ failed|recv\(\) failed|lost a PostgreSQL connection|terminating connection/);

# What moves money.  Each answers a request that has not been sent; what has to be there before is made.
my $n     = 0;
my %deeds = (
    recharge => [wallet => sub { user($ann, '/user/recharge', amount => \'10.00', payType => 'alipay') }],
    withdraw => [wallet => sub { withdraw_request() }],
    vip      => [wallet => sub { user($ann, '/user/buyVip', duration => 1, tradePassword => $ann->{trade}) }],
    callback => [wallet => sub { callback(order()) }, tells => 1],
    send     => [redpacket => sub { send_request(3) }, tells => 1],
    rob      => [redpacket => sub { user($bob, '/redPackage/rob', redPacketId => packet(3)) }, tells => 1],
    'hand out' => [redpacket => sub { shop('/red/packet/hand/out', userId => $ann->{id}, total => \'1.00', count => 2, type => 2) }],
    'rob for'  => [redpacket => sub { shop('/red/packet/rob', userId => $bob->{id}, redId => packet(3)) }, tells => 1],
    approve => [backstage => sub { clerk('recharge/approve', order()) }, tells => 1, once => 1],
    reject  => [backstage => sub { clerk('withdraw/reject',  withdraw()) }, tells => 1, once => 1],
    paid    => [backstage => sub { clerk('withdraw/paid',    approved()) }, tells => 1, once => 1],
    failed  => [backstage => sub { clerk('withdraw/failed',  approved()) }, tells => 1, once => 1],
);

sub user ($who, $path, @fields) { return { who => $who, path => $path, body => fields(@fields), key => 'key-' . ++$n } }
sub shop ($path, @fields) { return { %{ user($shop, $path, @fields) }, service => 'redpacket' } }
sub clerk ($act, $id) { return { who => $admin, service => 'backstage', path => "/im/$act", body => fields(id => $id) } }

sub withdraw_request {
    return user($ann, '/user/withdraw', amount => \'3.00', toAddress => '0x' . 'a' x 40, tradePassword => $ann->{trade});
}

sub send_request ($shares) {
    return user($ann, '/redPackage/send', receiverType => 1, receiverId => $group, totalAmount => \"$shares.00",
        totalCount => $shares, redPacketType => 1, tradePassword => $ann->{trade});
}

sub callback ($order) {
    my $body = fields(orderId => $order, amount => \'10.00', chainType => 'bsc', txHash => sprintf('f%063x', $order));
    my $time = int time;
    return { path => '/payment/callback', body => $body,
        headers => { 'X-IM-Timestamp' => $time, 'X-IM-Signature' => hmac_sha256_hex("$time\n$body", $payment_key) } };
}

sub order    { return $money->must($deeds{recharge}[1]->())->{id} }
sub withdraw { return $money->must(withdraw_request())->{id} }
sub packet ($shares) { return $money->must(send_request($shares))->{redPacketId} }

sub approved {
    my $id = withdraw();
    $money->must(clerk('withdraw/approve', $id));
    return $id;
}

# How many there are of everything that an operation makes or changes.
sub tally {
    return [split / /, $im->sql(<<~'END')];
        select concat_ws(' ', (select count(*) from im.journal), (select count(*) from im.posting), (select count(*) from im.recharge),
          (select count(*) from im.recharge where status = 2), (select string_agg(n::text, ' ' order by s) from (
            select s, (select count(*) from im.withdraw where status = s) as n from generate_series(1, 5) s) w),
          (select count(*) from im.vip_purchase), (select count(*) from im.redpacket), (select count(*) from im.message),
          (select count(*) from im.redpacket_share where state = 'claimed'), (select count(*) from im.idempotency),
          (select count(*) from im.audit))
        END
}

sub difference ($before, $after) { return join ' ', map { $after->[$_] - $before->[$_] } 0 .. $#$before }

# Does it; what it was answered, and what it has changed.  The transaction of a program that is killed by it may still
# run, or not yet have begun: it is over when the backends that the program had are gone.
sub deed ($request, $killed = undef) {
    my $before   = tally();
    my $backends = $killed && join ',', 0, map { $_->[0] } $im->sql("select pid from pg_stat_activity where usename = 'im_$killed'");
    my $answer   = $money->ask($request);
    $im->eventually(10, sub { $im->sql("select count(*) from pg_stat_activity where pid in ($backends)") == 0 }) if $killed;
    return ($answer, difference($before, tally()));
}

my %whole = map { ($_ => (deed($deeds{$_}[1]->()))[1]) } sort keys %deeds;
isnt $whole{$_}, $whole{$_} =~ s/-?\d+/0/gr, "$_ changes something: $whole{$_}" for sort keys %whole;
my $nothing = (values %whole)[0] =~ s/-?\d+/0/gr;

# What was cut off is done again, and once more.
sub retried ($name, $request, $first, $changed, $title) {
    my ($program, $make, %is) = @{ $deeds{$name} };
    my ($again, $now)  = deed($request);
    my ($third, $then) = deed($request);
    my $code = $is{once} && $changed ne $nothing ? 4005 : 200;
    is $again->{code}, $code, "$title; asked again it is answered $code" or diag $again->{text};
    is $now, $changed eq $nothing ? $whole{$name} : $nothing, 'and has happened once';
    is $then, $nothing, 'whoever asks again';
    is $third->{code}, $is{once} ? 4005 : 200, 'is answered';
    is $third->{text}, $again->{text}, 'the same' if !$is{once};
    is $first->{text}, $again->{text}, 'as the first time' if $first->{code} eq 200 && !$is{once};
}

# --- the program is killed ---

sub fault ($program, $point) {
    my $file = path($im->state, "secret/$program/IM_FAULT");
    $point ? $file->open('>')->print("$point\n") : $file->remove;
    $im->parts->sv($program, 'restart');
    ready($program);
}

# It serves, and has all of its connections: deed() looks which they are before they are lost.
sub ready ($program) {
    my $up = sub {
        my @pids = IO::Socket::UNIX->new(Peer => path($im->state, "run/$program.sock")->to_string) ? $im->parts->pids($program, $program) : ();
        my $each = $im->config->{IM_DB_CONNECTIONS} // 4;
        return @pids && $im->sql("select count(*) from pg_stat_activity where usename = 'im_$program' and state = 'idle'") >= $each * @pids;
    };
    ok $im->eventually(15, $up), "$program is there" or BAIL_OUT("$program does not come back");
}

for my $program (qw(wallet redpacket backstage)) {
    for my $point (qw(request commit answer publish)) {
        subtest "$program is killed at the point $point" => sub {
            my @names = map { ($_) x $rounds } grep { $deeds{$_}[0] eq $program } sort keys %deeds;
            my %tells = map { ($_ => {@{ $deeds{$_} }[2 .. $#{ $deeds{$_} }]}->{tells}) } @names;
            my @cut   = map { [$_, $deeds{$_}[1]->()] } grep { $point ne 'publish' || $tells{$_} } @names;
            my @sockets = map { IM::User->new(im => $im, id => $_->{id}, access => $_->{token})->socket } $ann, $bob;    # else nobody is told
            fault($program, $point);
            for my $cut (@cut) {
                ready($program);
                my @pids = $im->parts->pids($program, $program);
                push @$cut, deed($cut->[1], $program);
                ok $im->eventually(5, sub { my %now = map { ($_ => 1) } $im->parts->pids($program, $program); !$now{ $pids[0] } }), 'it died';
                my ($name, undef, $answer, $changed) = @$cut;
                is $changed eq $whole{$name}, 1, "$name has happened" if $point =~ /answer|publish/;
                is $changed, $nothing, "$name has not happened" if $point eq 'request';
                ok $changed eq $nothing || $changed eq $whole{$name}, "$name has happened or not" or diag $changed;
                is $answer->{code} eq 200, $point eq 'publish', $point eq 'publish' ? 'it is answered' : 'there is no answer' or diag $answer->{text};
            }
            fault($program, undef);
            $_->close for @sockets;
            retried(@$_, $_->[0]) for @cut;
            ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'every event goes out in the end';
        };
    }
}

# --- the transaction is killed ---

$im->sql(<<~'END');
    create function im.crash() returns trigger language plpgsql security definer set search_path = im, pg_temp as $$
    begin
      if (select s.value from im.setting s where s.name = 'test.crash') = tg_argv[0] then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(1);
      end if;
      return null;
    end $$;
    insert into im.setting (name, kind, value) values ('test.crash', 'text', '');
    create trigger crash_debit after insert on im.posting for each row execute function im.crash('debit');
    create trigger crash_debit after insert or update on im.recharge for each row execute function im.crash('debit');
    create constraint trigger crash_commit after insert on im.posting initially deferred for each row execute function im.crash('commit');
    create constraint trigger crash_commit after insert or update on im.recharge initially deferred for each row execute function im.crash('commit');
    END
sub crash ($point) { $im->sql("update im.setting set value = '$point' where name = 'test.crash'") }

for my $point (qw(debit commit)) {
    subtest "PostgreSQL's process is killed " . ($point eq 'debit' ? 'after the debit' : 'before COMMIT') => sub {
        my @cut = map { [$_, $deeds{$_}[1]->()] } map { ($_) x $rounds } sort keys %deeds;
        crash($point);
        for my $cut (@cut) {
            push @$cut, deed($cut->[1]);
            is $cut->[2]{code}, 500, "$cut->[0] fails" or diag $cut->[2]{text};
            is $cut->[3], $nothing, 'and has changed nothing';
        }
        crash('');
        $im->eventually(5, sub { $money->ask(withdraw_request())->{code} eq 200 });
        retried(@$_, $_->[0]) for @cut;
    };
}

subtest 'the clerk is killed while it gives back' => sub {
    my @packets = map { packet(2) } 1 .. 20;
    my $list    = join ',', map {"'$_'"} @packets;
    my $have    = sub { $im->sql("select balance from im.purse where kind = 'available' and account_id = $ann->{id}") };
    my $before  = $have->();
    crash('debit');
    $im->sql("update im.redpacket set expires_at = now() where id in ($list)");
    $im->run(1.5);
    crash('commit');
    $im->run(1.5);
    is $im->sql("select count(*) from im.redpacket where closed_at is not null and id in ($list)"), 0, 'whoever dies gives nothing back';
    is $have->(), $before, 'not a cent';
    crash('');
    for (1 .. 3) {
        kill KILL => $im->parts->pids('clerk', 'imclerk');
        $im->run(0.3);
    }
    ok $im->eventually(20, sub { $im->sql("select count(*) from im.redpacket where closed_at is not null and id in ($list)") == 20 }), 'the next one does';
    is $im->sql("select count(*) from im.journal where kind = 'redpacket_refunded' and subject in ($list)"), 20, 'once each';
    is sprintf('%.2f', $have->() - $before), '40.00', 'all of it';
};

# --- the whole of PostgreSQL is killed ---

subtest 'kill -9 of PostgreSQL while many rob' => sub {
    $im->sql('drop function im.crash() cascade');
    $im->allow(qr/\b(?:FATAL|ERROR):|\berror\b/);
    my ($sure, $lost, @recovered) = (0, 0);
    for (1 .. ($ENV{IM_LONG} ? 20 : 3)) {
        my @requests = map { my $packet = packet(30); map { user($_, '/redPackage/rob', redPacketId => $packet) } $bob, @crowd } 1 .. 4;
        my $after    = 5 + int rand 100;
        my ($answered, $killed) = (0, 0);
        my @answers = $im->together(map {
            $money->call($_)->then(sub ($answer) {
                if (++$answered == $after) { kill KILL => ($im->parts->pids('postgres', 'postgres'))[0]; $killed = time }
                return $answer;
            })
        } @requests);
        my $packet = $requests[0]{body} =~ s/.*"([0-9a-f-]{36})".*/$1/r;
        my $detail = { who => $ann, method => 'GET', path => "/redPackage/detail/$packet", body => '' };
        ok $im->eventually(30, sub { $im->sql('select 1') == 1 && $money->ask($detail)->{code} eq 200 }),
            "killed after $after answers, it comes back";
        push @recovered, sprintf '%.1f', time - $killed;
        my $claims = sub { $im->sql(q{select count(*) from im.redpacket_share where state = 'claimed'}) };
        my @again  = $im->together(map { $money->call($_) } @requests);
        my @wrong  = grep { $answers[$_]{code} eq 200 && $answers[$_]{text} ne $again[$_]{text} } 0 .. $#answers;
        $sure += grep { $_->{code} eq 200 } @answers;
        $lost += grep { $_->{code} !~ /\A(?:200|5001)\z/ } @answers;
        ok !@wrong, 'what was answered is so' or diag map {"$answers[$_]{text} then $again[$_]{text}\n"} @wrong;
        is scalar(grep { $_->{code} eq 200 } @again), 120, 'asked again, 30 of 39 win each packet';
        is scalar(grep { $_->{code} eq 5001 } @again), 36, 'and the others find it empty';
        my @broken = $money->broken;
        ok !@broken, 'every invariant holds' or diag map {"  $_\n"} @broken;
        is $im->sql('select sum(amount) from im.posting'), '0.00', 'the ledger\'s difference is 0.00';
    }
    note "$sure claims were answered before, $lost requests were cut off; seconds until a request works again: @recovered";
};

my @broken = $money->broken;
ok !@broken, 'all invariants hold' or diag map {"  $_\n"} @broken;
$im->kills(qw(wallet redpacket backstage imclerk));
$im->end;
done_testing;
