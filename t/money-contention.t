# money-contention: a thousand want one of a hundred shares; many clerks give back at once and one of them dies; a
# request is sent fifty times at once with one key.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Money qw(fields);
use IM::Stack;
use Test::More;
use Time::HiRes qw(time);

my $im    = IM::Stack->new;
my $money = IM::Money->new(im => $im, connections => 200);
my ($ann, @crowd) = $money->people(1001, 'user');
$money->arm($ann)->fund(9_000_000, $ann);
my (undef, $token) = $im->imctl(qw(token service shop));
($token) = $token =~ /(\S+)\s*\z/;
$im->secret($token);
my $shop = { token => $token };

sub packet ($cents, $shares) {
    return $money->must({ who => $shop, service => 'redpacket', path => '/red/packet/hand/out',
        body => fields(userId => $ann->{id}, total => \IM::Money::yuan($cents), count => $shares, type => 1) });
}

sub codes (@answers) {
    my %codes;
    $codes{ $_->{code} }++ for @answers;
    return \%codes;
}

subtest 'a thousand robbers, a hundred shares' => sub {
    my $packet  = packet(5_000, 100);
    my $start   = time;
    my @answers = $im->together(map { $money->call({ who => $_, path => '/redPackage/rob', body => fields(redPacketId => $packet) }) } @crowd);
    note sprintf '%.0f robs per second', @crowd / (time - $start);
    is_deeply codes(@answers), { 200 => 100, 5001 => 900 }, 'a hundred win, nine hundred find it empty';
    my @left = sort { $b <=> $a } map { $_->{data}{remainCount} } grep { $_->{code} eq 200 } @answers;
    is_deeply \@left, [reverse 0 .. 99], 'each winner is told a remainder of his own';
};

subtest 'a claim that ends after the packet' => sub {
    my ($packet, $bob) = (packet(300, 3), $crowd[0]);
    $im->sql("select im.purse_of($bob->{id}, 'available')");
    my $holder = $im->background_sql(<<~"END");
        begin;
        select from im.purse where account_id = $bob->{id} for update;
        do \$\$ begin while clock_timestamp() < (select expires_at + interval '0.1 seconds' from im.redpacket where id = '$packet') loop
          perform pg_sleep(0.01); end loop; end \$\$;
        commit
        END
    ok $im->eventually(5, sub { $im->sql(q{select count(*) from pg_stat_activity where query like 'do $$ begin while%'}) }), "bob's purse is held";
    my $claim = $money->call({ who => $bob, path => '/redPackage/rob', body => fields(redPacketId => $packet) });
    ok $im->eventually(5, sub { $im->sql(q{select count(*) from pg_stat_activity where usename = 'im_redpacket' and wait_event_type = 'Lock'}) }), 'he waits for it';
    $im->sql("update im.redpacket set expires_at = clock_timestamp() where id = '$packet'");
    my ($answer) = $im->together($claim);
    waitpid $holder, 0;
    is $answer->{code}, 200, 'who had a share before the end has it, however long his purse takes' or diag $answer->{text};
    is $im->sql("select claimed_at < expires_at and now() > expires_at from im.redpacket_share s join im.redpacket p on p.id = packet_id
        where packet_id = '$packet' and state = 'claimed'"), 't', 'and it says when';
    ok $im->eventually(10, sub { $im->sql("select refunded from im.redpacket where id = '$packet'") > 0 }), 'the rest goes back';
};

subtest 'who is removed while a claim waits' => sub {
    my $bob   = $crowd[1];
    my $group = $im->sql("select id from api.group_create($ann->{id}, 'group', null, null, '{}')");
    $im->sql("select api.group_join($bob->{id}, $group), im.purse_of($bob->{id}, 'available')");
    my $packet = $money->must({ who => $ann, path => '/redPackage/send', body => fields(receiverType => 1, receiverId => $group, totalAmount => \'3.00',
        totalCount => 3, redPacketType => 2, tradePassword => $ann->{trade}) })->{redPacketId};
    my $holder = $im->background_sql(<<~"END");
        begin;
        select from im.purse where account_id = $bob->{id} for update;
        do \$\$ begin while not exists (select from im.setting where name = 'test.removed') loop perform pg_sleep(0.01); end loop; end \$\$;
        commit
        END
    $im->eventually(5, sub { $im->sql(q{select count(*) from pg_stat_activity where query like 'do $$ begin while not%'}) });
    my $claim = $money->call({ who => $bob, path => '/redPackage/rob', body => fields(redPacketId => $packet) });
    ok $im->eventually(2, sub { $im->sql(q{select count(*) from pg_stat_activity where usename = 'im_redpacket' and wait_event_type = 'Lock'}) }), 'bob waits for his purse';
    $im->sql("select api.group_members_remove($ann->{id}, $group, array[$bob->{id}])");
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.removed', 'text', '')});
    my ($answer) = $im->together($claim);
    waitpid $holder, 0;
    is $answer->{code}, 3002, 'whoever is no member any more gets nothing' or diag $answer->{text};
};

subtest 'several clerks, one of them dies' => sub {
    my @packets = map { packet(300, 3) } 1 .. 60;
    my $list    = join ',', map {"'$_'"} @packets;
    my $have    = sub { $im->sql("select balance from im.purse where kind = 'available' and account_id = $ann->{id}") };
    my $before  = $have->();
    $im->parts->sv('clerk', 'down');
    $im->allow(qr/terminating connection/);
    $im->sql(<<~'END');
        create function im.crash() returns trigger language plpgsql as $$
        begin
          if current_setting('application_name') = 'doomed' and new.serial % 7 = 0 then
            perform pg_terminate_backend(pg_backend_pid());
            perform pg_sleep(1);
          end if;
          return null;
        end $$;
        create trigger crash after insert on im.posting for each row execute function im.crash();
        END
    $im->sql("update im.redpacket set expires_at = now() where id in ($list)");
    my @clerks = map { $im->background_sql($_) } "set application_name = 'doomed'; select im.redpacket_refund_due(60)",
        ('select im.redpacket_refund_due(20), pg_sleep(0.1)') x 3;
    $im->parts->sv('clerk', 'up');
    waitpid $_, 0 for @clerks;
    ok $im->eventually(20, sub { $im->sql("select count(*) from im.redpacket where closed_at is null and id in ($list)") == 0 }), 'all are given back';
    is $im->sql("select count(*) from im.journal where kind = 'redpacket_refunded' and subject in ($list)"), 60, 'once each';
    is sprintf('%.2f', $have->() - $before), '180.00', 'all of it';
    $im->sql('drop function im.crash() cascade');
};

subtest 'fifty twins' => sub {
    my $packet = packet(500, 5);
    my %twins  = (
        recharge => ['im.recharge', { path => '/user/recharge', body => fields(amount => \'5.00', payType => 'alipay') }],
        withdraw => ['im.withdraw', { path => '/user/withdraw',
            body => fields(amount => \'5.00', toAddress => '0x' . 'a' x 40, tradePassword => $ann->{trade}) }],
        vip        => ['im.vip_purchase', { path => '/user/buyVip', body => fields(duration => 3, tradePassword => $ann->{trade}) }],
        'hand out' => ['im.redpacket', { who => $shop, service => 'redpacket', path => '/red/packet/hand/out',
            body => fields(userId => $ann->{id}, total => \'5.00', count => 5, type => 2) }],
        rob => ["im.redpacket_share where state = 'claimed'", { path => '/redPackage/rob', body => fields(redPacketId => $packet) }],
    );
    for my $name (sort keys %twins) {
        my ($table, $request) = @{ $twins{$name} };
        my $before  = $im->sql("select count(*) from $table");
        my @answers = $im->together(map { $money->call({ who => $ann, %$request, key => "twin-$name" =~ tr/ /-/r }) } 1 .. 50);
        is_deeply codes(@answers), { 200 => 50 }, "$name: all fifty are answered";
        my %texts = map { ($_->{text} => 1) } @answers;
        is scalar(keys %texts), 1, 'the same';
        is $im->sql("select count(*) from $table") - $before, 1, 'and it has happened once';
    }
};

# PostgreSQL comes to nothing for longer than nginx waits.
subtest 'what nobody waits for any more' => sub {
    my @payers = @crowd[100 .. 179];
    my $holder = $im->background_sql('begin; lock table im.recharge; select pg_sleep(11); commit');
    ok $im->eventually(5, sub { $im->sql(q{select count(*) from pg_locks where relation = 'im.recharge'::regclass and mode = 'AccessExclusiveLock'}) }), 'the orders are held';
    my $start   = time;
    my @answers = $im->together(map { $money->call({ who => $_, path => '/user/recharge', body => fields(amount => \'5.00', payType => 'alipay') }) } @payers);
    cmp_ok time - $start, '<', 10, 'all are answered while the clients wait';
    is_deeply codes(@answers), { 500 => 80 }, 'with an error';
    waitpid $holder, 0;
    $money->must({ who => $ann, path => '/user/recharge', body => fields(amount => \'6.00', payType => 'alipay') });
    is $im->sql("select count(*) from im.recharge where account_id in (@{[join ',', map { $_->{id} } @payers]})"), 0,
        'and nothing of it is done afterwards';
    $im->allow(qr/recharge failed: (?:55P03|PostgreSQL)|job due_stat failed: canceling statement due to lock timeout/);    # it counts orders
};

my @broken = $money->broken;
ok !@broken, 'all invariants hold, and there was no deadlock' or diag map {"  $_\n"} @broken;
$im->end;
done_testing;
