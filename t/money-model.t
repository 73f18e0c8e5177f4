# money-model: 64 clients do at random whatever moves money, and a model in one thread knows what each may be told
# and what must be left.  IM_SEED repeats a run's choices; IM_LONG makes it 100,000 operations; IM_PLANT=refund, share
# or balance plants a bug and must make this test fail (money-plant.t sees that it does).
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Money qw(fields yuan);
use IM::MoneyModel;
use IM::Stack;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

use constant { CLIENTS => 64, USERS => 24, CLUMSY => 4, TTL => 4 };

my $seed  = $ENV{IM_SEED} // int rand 2**31;
my %plant = (
    refund => q{create function im.plant() returns trigger language plpgsql as $$ begin
        perform im.ledger_post('adjustment', 'again ' || new.id, '', array[im.purse_house('adjustment'),
          im.purse_of(new.account_id, 'available')], array[-new.amount, new.amount]); return null; end $$;
      create trigger plant after update on im.withdraw for each row when (new.status in (3, 5)) execute function im.plant()},
    share => q{create function im.plant() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger plant before insert on im.redpacket_share for each row when (new.number = 4) execute function im.plant()},
    balance => q{create or replace function im.ledger_post(entry_kind text, entry_subject text, entry_remark text,
        purses bigint[], amounts numeric[]) returns bigint language plpgsql as $$
      declare entry bigint; old numeric[]; begin
        old := array(select p.balance from unnest(purses) with ordinality u (id, place) join im.purse p on p.id = u.id order by place);
        perform pg_sleep(0.03);     -- in which another may do the same
        insert into im.journal (kind, subject, remark) values (entry_kind, entry_subject, entry_remark) returning id into entry;
        with moved as (
          update im.purse p set balance = m.old + m.amount, serial = p.serial + 1
            from unnest(purses, amounts, old) m (id, amount, old) where p.id = m.id
          returning p.id, p.serial, m.amount, p.balance)
        insert into im.posting select id, serial, entry, amount, balance from moved;
        return entry; end $$},
);

my ($im, $money, $model, @users, @groups, $admin, $shop, $launched, $flying, @open, @past, %orders, $target);

sub run ($operations, $plant) {
    diag "IM_SEED=$seed, $operations operations" . ($plant ? ", planted: $plant" : '');
    people();
    if ($plant) { $im->sql($plant{$plant} // die "no such plant: $plant\n"); $im->allow(qr/ERROR|error/) }
    my $start  = time;
    my @client = map { { number => $_, dice => $seed * 1000 + $_ } } 1 .. CLIENTS;
    my $checks = $operations > 10_000 ? 10 : $operations > 1_000 ? 4 : 1;
    for my $n (1 .. $checks) {
        $target = int($operations * $n / $checks);
        client($_) for @client;
        my $going = Mojo::IOLoop->recurring(0.02 => sub { Mojo::IOLoop->stop if !$flying });
        Mojo::IOLoop->start;
        Mojo::IOLoop->remove($going);
        checkpoint("after $launched operations");
    }
    my $seconds = time - $start;
    my %count   = %{ $model->count };
    diag sprintf '%d operations in %.0f s, %d requests', $launched, $seconds, eval { my $n = 0; $n += $_ for values %count; $n };
    note sprintf '%-20s %d', $_, $count{$_} for sort keys %count;
    ok $count{"$_"}, "there was $_" for 'sent 200', 'sent 4001', 'sent 4002', 'sent 400', 'rob 200', 'rob 3002', 'rob 5001', 'rob 5002', 'rob 5003',
        'rob 5004', 'withdraw 200', 'withdraw 4001', 'vip 200', 'decide 200', 'decide 4005', 'recharge 200';
    is $im->sql('select count(*) from im.redpacket where refunded > 0') > 0, 1, 'packets were given back';
    $im->end;
}

sub people {
    $im    = IM::Stack->new;
    $money = IM::Money->new(im => $im);
    $model = IM::MoneyModel->new;
    $im->sql("update im.setting set value = '" . TTL . " seconds' where name = 'redpacket.ttl';
        update im.setting set value = '@{[$model->lock]} seconds' where name = 'trade.lock';
        update im.setting set value = '1000' where name = 'wallet.recharge_pending'");
    @users = $money->people(USERS, 'user', 1);
    $money->arm(@users);
    $_->{clumsy} = 1 for @users[0 .. CLUMSY - 1];
    @groups = map { my @members = @$_; +{ id => group(@members), members => { map { ($_->{id} => 1) } @members } } }
        [@users[0 .. 15]], [@users[8 .. USERS - 1]];
    my (undef, $token) = $im->imctl(qw(token service shop));
    ($token) = $token =~ /(\S+)\s*\z/;
    $im->secret($token);
    ($shop, $admin) = ({ token => $token }, { token => $im->admin->access });
    ($launched, $flying, @open) = (0, 0);
    %orders = (recharge => [], withdraw => []);
}

sub group (@members) {
    my ($owner, @others) = map { $_->{id} } @members;
    return scalar $im->sql("select id from api.group_create($owner, 'group', null, null, array[@{[join ',', @others]}])");
}

# --- the clients ---

# A client's own dice, so that its choices depend on the seed and on what it was told only.
sub dice ($client, $sides) {
    use integer;
    $client->{dice} = $client->{dice} * 6364136223846793005 + 1442695040888963407;
    return (($client->{dice} >> 33) & 0x3fffffff) % $sides;
}

sub pick ($client, @from) { return $from[dice($client, scalar @from)] }

my @DEEDS = ((\&recharge) x 8, (\&decide) x 16, (\&withdraw) x 8, (\&vip) x 5, (\&send) x 16, (\&rob) x 47);

sub client ($client) {
    return if $launched >= $target;
    $launched++;
    my $deed = $client->{deeds}++ < 2 ? \&recharge : pick($client, @DEEDS);
    my ($op, @requests) = $deed->($client) or return Mojo::IOLoop->next_tick(sub { client($client) });
    $flying++;
    $model->begin($op);
    my ($left, @answers) = scalar @requests;
    for my $place (0 .. $#requests) {
        $money->send($requests[$place], sub ($answer) {
            $answers[$place] = $answer;
            finish($client, $op, @answers) if !--$left;
        });
    }
}

sub finish ($client, $op, @answers) {
    eval {
        my $made = $model->finish($op, @answers);
        $op->{then}->($made) if $op->{then};
        1;
    } or $model->complain("$op->{kind}: $@");
    $flying--;
    client($client);
}

# Some requests carry a key, and of these some are sent several times at once.
sub maybe_again ($client, $op, $request) {
    return ($op, $request) if dice($client, 3);
    $request->{key} = "$client->{number}-$launched";
    $op->{keyed} = 1;
    return ($op, ($request) x pick($client, 1, 2, 2, 3));
}

sub recharge ($client) {
    my $user  = pick($client, @users);
    my $cents = 5_000 + dice($client, 45_000);
    my $then  = sub ($made) { push @{ $orders{recharge} }, $model->recharges->{ $made->{id} } if $made };
    return maybe_again($client, { kind => 'recharge', user => $user->{id}, cents => $cents, then => $then },
        { who => $user, path => '/user/recharge', body => fields(amount => \yuan($cents), payType => 'alipay') });
}

my %EDGES = (
    pending => { approve => 1, reject => 1 }, requested => { approve => 1, reject => 1 }, approve => {}, reject => {},
    approved => { paid => 1, failed => 1 }, paid => {}, failed => {},
);

# One to three administrators decide about an order at once.
sub decide ($client) {
    my $of    = pick($client, 'recharge', 'recharge', 'withdraw', 'withdraw', 'withdraw');
    my $list  = $orders{$of};
    my $order = @$list ? splice @$list, dice($client, scalar @$list), 1 : return;
    my $state = $order->{state} eq 'approve' && $of eq 'withdraw' ? 'approved' : $order->{state};
    my @can   = $of eq 'recharge' ? qw(approve approve approve reject) : $state eq 'requested' ? qw(approve reject) : qw(paid failed reject approve);
    my @acts  = map { pick($client, @can) } 1 .. pick($client, 1, 1, 2, 3);
    my $back  = grep { $of eq 'recharge' ? $_ eq 'approve' : /reject|failed/ } @acts;
    my $done  = !grep { $EDGES{$state}{$_} } @acts;
    my $then  = sub ($) { push @$list, $order if !$done && !($of eq 'recharge') || $client->{number} % 8 == 0 && !$order->{again}++ };
    return ({ kind => 'decide', of => $of, order => $order, user => $order->{user}, acts => \@acts, edges => $EDGES{$state},
            credit => $back ? $order->{cents} : 0, then => $then },
        map { { who => $admin, service => 'backstage', path => "/im/$of/$_", body => fields(id => $order->{id}) } } @acts);
}

# What needs a trade password.  Who mistypes does one such thing at a time.
sub armed ($client, $op, $user, $request) {
    if ($user->{clumsy}) {
        return if $user->{busy} || $op->{bad};
        $user->{busy} = 1;
        my $then = $op->{then};
        $op->{then} = sub ($made) { $user->{busy} = 0; $then->($made) if $then };
        $op->{wrong} = dice($client, 2);
    }
    push @{ $request->{fields} }, tradePassword => $op->{wrong} ? 'guess' : $user->{trade};
    $request->{body} = fields(@{ $request->{fields} });
    $request->{who} //= $user;
    return maybe_again($client, { %$op, user => $user->{id} }, $request);
}

sub withdraw ($client) {
    my $user  = pick($client, @users);
    my $cents = 1 + dice($client, 20_000);
    my $then  = sub ($made) { push @{ $orders{withdraw} }, $model->withdraws->{ $made->{id} } if $made };
    return armed($client, { kind => 'withdraw', cents => $cents, then => $then }, $user,
        { path => '/user/withdraw', fields => [amount => \yuan($cents), toAddress => '0x' . 'a' x 40] });
}

sub vip ($client) {
    my $days = 1 + dice($client, 60);
    return armed($client, { kind => 'vip', cents => 100 * $days, days => $days }, pick($client, @users),
        { path => '/user/buyVip', fields => [duration => $days] });
}

sub send ($client) {
    my ($user, $type) = (pick($client, @users), pick($client, 1, 1, 2));
    my $shares = 1 + dice($client, 8);
    my $cents  = $type == 1 ? $shares + dice($client, 12_000) : $shares * (1 + dice($client, 1_500));
    my %op     = (kind => 'sent', cents => $cents, shares => $shares, type => $type, ttl => TTL, admits => sub ($) {1},
        then => sub ($made) { push @open, $model->packets->{ ref $made ? $made->{redPacketId} : $made } if $made; push @past, shift @open if @open > 40 });
    return shop(\%op, $user, $client) if !dice($client, 6);
    @op{qw(bad cents)} = (1, $shares * 20_000 + 1) if !dice($client, 25);
    my $group = pick($client, grep { $_->{members}{ $user->{id} } } @groups);
    my @to    = (receiverType => 1, receiverId => $group->{id});
    $op{admits} = sub ($id) { $group->{members}{$id} };
    if (!dice($client, 4)) {
        my $friend = pick($client, grep { $_ != $user } @users);
        @to = (receiverType => 2, receiverId => $friend->{id});
        $op{admits} = sub ($id) { $id == $friend->{id} };
        @op{qw(shares cents)} = (1, $op{bad} ? 20_001 : 1 + dice($client, 6_000));
    }
    return armed($client, \%op, $user, { path => '/redPackage/send',
        fields => [@to, totalAmount => \yuan($op{cents}), totalCount => $op{shares}, redPacketType => $type] });
}

# A service hands out a packet for the user, on the other port, and asks for no trade password.
sub shop ($op, $user, $client) {
    return if $user->{clumsy};
    return maybe_again($client, { %$op, user => $user->{id} }, { who => $shop, service => 'redpacket', path => '/red/packet/hand/out',
        body => fields(userId => $user->{id}, total => \yuan($op->{cents}), count => $op->{shares}, type => $op->{type}) });
}

# Mostly one of the newest packets, sometimes one that may be over; now and then twice at once without a key.
sub rob ($client) {
    my @from   = @past && !dice($client, 8) ? @past : (@open, @open[-($#open > 5 ? 5 : $#open + 1) .. -1]);
    my $packet = @from ? pick($client, @from) : return;
    my $user   = pick($client, @users);
    my $credit = $packet->{cents} > 20_000 ? 20_000 : $packet->{cents};
    my %op     = (kind => 'rob', user => $user->{id}, packet => $packet, credit => $credit);
    my @to     = dice($client, 5)
        ? (who => $user, path => '/redPackage/rob', body => fields(redPacketId => $packet->{id}))
        : (who => $shop, service => 'redpacket', path => '/red/packet/rob', body => fields(userId => $user->{id}, redId => $packet->{id}));
    return (\%op, { @to }, { @to }) if !dice($client, 10);
    return maybe_again($client, \%op, { @to });
}

# --- checkpoints ---

sub checkpoint ($title) {
    my $due = q{select count(*) from im.redpacket where closed_at is null and expires_at <= clock_timestamp()};
    ok $im->eventually(15, sub { $im->sql($due) == 0 }), "$title: what is over is given back";
    $model->reconcile(snapshot());
    my @complaints = splice @{ $model->complaints };
    ok !@complaints, 'every answer, and all that is left, is as the model has it'
        or diag join "\n", map { "  $_" } splice(@complaints, 0, 12), @complaints ? 'and ' . @complaints . ' more' : ();
    my @broken = $money->broken;
    ok !@broken, 'all ' . $money->invariants . ' invariants hold' or diag map {"  $_\n"} @broken;
}

# Everything that the model knows, as one statement sees it.
sub snapshot {
    return decode_json scalar $im->sql(<<~'END');
        select json_build_object(
          'purses', (select json_agg(json_build_array(account_id, kind, (balance * 100)::bigint)) from im.purse where account_id is not null),
          'entries', (select json_agg(json_build_array(j.kind, case when j.kind = 'vip' then '-' else j.subject end, p.account_id,
              (x.amount * 100)::bigint))
            from im.journal j join im.posting x on x.journal_id = j.id join im.purse p on p.id = x.purse_id
           where p.kind = case when j.kind = 'withdraw_paid' then 'frozen' else 'available' end and j.kind <> 'redpacket_robbed'),
          'packets', (select json_agg(json_build_array(id, (closed_at is not null)::integer, (refunded * 100)::bigint)) from im.redpacket),
          'claims', (select json_agg(json_build_array(s.packet_id, s.account_id, s.number, (s.amount * 100)::bigint,
              (select coalesce(sum(h.amount) * 100, 0)::bigint from im.redpacket_share h
                where h.packet_id = s.packet_id and h.number > s.number)))
            from im.redpacket_share s where s.state = 'claimed'),
          'vip', (select json_agg(json_build_array(v.account_id, v.days, (v.joined and a.vip_until = v.until)::integer))
            from (select account_id, sum(days) as days, max(vip_until) as until,
                         max(vip_until) = min(vip_from) + make_interval(days => sum(days)::integer) as joined
                    from im.vip_purchase group by 1) v join im.account a on a.id = v.account_id),
          'wrong', (select json_agg(json_build_array(account_id, wrong)) from im.trade_password))
        END
}

run($ENV{IM_OPERATIONS} // ($ENV{IM_LONG} ? 100_000 : 6_000), $ENV{IM_PLANT});
done_testing;
