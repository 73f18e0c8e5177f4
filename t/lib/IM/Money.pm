package IM::Money;

# For the tests that prove that the money adds up: people without the cost of passwords, requests without the cost
# of judging every answer by the contract, and the invariants as questions to the database.

use Mojo::Base -base, -signatures;
use Exporter 'import';
use IM::Accounts;
use IM::Http;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Promise;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(cents fields yuan);

has 'im';
has connections => 64;
has accounts => sub ($self) { IM::Accounts->new(im => $self->im, lifetime => 86_400) };    # the long form takes hours
has http     => sub ($self) { IM::Http->new(connections => $self->connections) };

# 12.34 and 1234.
sub yuan ($cents) { return sprintf '%d.%02d', int($cents / 100), $cents % 100 }
sub cents ($yuan) { return sprintf '%.0f', $yuan * 100 }

# A JSON object with its fields in this order, so that a retry is the same bytes: references stand for JSON as it is,
# what looks like an integer is one, everything else is text.
sub fields (@fields) {
    my @text;
    while (my ($name, $value) = splice @fields, 0, 2) {
        push @text, qq{"$name":} . (ref $value ? $$value : $value =~ /\A-?\d+\z/ ? $value : encode_json $value);
    }
    return '{' . join(',', @text) . '}';
}

# So many accounts, befriended with one another if so wanted.
sub people ($self, $count, $prefix, $friends = 0) {
    my @people = $self->accounts->make($prefix, $count);
    $self->accounts->befriend(map { my $one = $_; map { [$people[$one]{id}, $_->{id}] } @people[$one + 1 .. $#people] } 0 .. $#people)
        if $friends;
    return @people;
}

# Trade passwords for all of them, one after the other: auth has two processes, and on a busy machine the last of many at once
# would wait longer for its hash than a request may.
sub arm ($self, @people) {
    for my $one (@people) {
        $one->{trade} = join ' ', 'trade', map { sprintf '%04x', rand 65536 } 1 .. 3;
        $self->im->secret($one->{trade});
        $self->must({ who => $one, method => 'PUT', path => '/setTradePwd', body => fields(tradePassword => $one->{trade}) });
    }
    return $self;
}

# Money by the only door there is.
sub fund ($self, $cents, @people) {
    my $admin = { token => $self->im->admin->access };
    for my $one (@people) {
        my ($order) = $self->must({ who => $one, path => '/user/recharge', body => fields(amount => \yuan($cents), payType => 'alipay') });
        $self->must({ who => $admin, service => 'backstage', path => '/im/recharge/approve', body => fields(id => $order->{id}) });
    }
    return $self;
}

# A promise of {code, status, data, text, start, end}; code is "none" when no answer came.  The request: who, path,
# body, key, and if need be method, service, headers.
sub call ($self, $request) {
    my $promise = Mojo::Promise->new;
    $self->send($request, sub ($answer) { $promise->resolve($answer) });
    return $promise;
}

# The same for whoever sends ten thousand: calls back with that.
sub send ($self, $request, $then) {
    my $start   = time;
    my %headers = ('Content-Type' => 'application/json', %{ $request->{headers} // {} });
    $headers{Authorization} = "Bearer $request->{who}{token}" if $request->{who};
    $headers{'Idempotency-Key'} = $request->{key} if defined $request->{key};
    my $answered = sub ($why, $status = 0, $text = $why, @) {
        my $body = eval { decode_json $text } // {};
        $then->({ code => $body->{code} // "none ($status)", status => $status, data => $body->{data}, text => $text,
            message => $body->{message}, start => $start, end => time });
    };
    $self->http->send($request->{method} // 'POST', $self->im->port($request->{service} // 'chat'), $request->{path},
        \%headers, $request->{body} // '{}', $answered);
}

# One request, waited for: its answer.
sub ask ($self, $request) {
    my ($answer) = $self->im->together($self->call($request));
    return $answer;
}

# The data of one that has to work.
sub must ($self, $request) {
    my $answer = $self->ask($request);
    die "$request->{path} answered $answer->{text}\n" if $answer->{code} ne 200;
    return $answer->{data};
}

# promises.md, each as a question whose answer is what breaks it: none, when all is well.
my @INVARIANTS = (
    ['W1 an entry sums to zero', 'select journal_id from im.posting group by 1 having sum(amount) <> 0'],
    ['W2 all balances together are zero', 'select sum(balance) from im.purse having sum(balance) <> 0'],
    ['W3 a balance is the sum of its postings', 'select p.id from im.purse p left join im.posting x on x.purse_id = p.id
        group by p.id having p.balance <> coalesce(sum(x.amount), 0) or p.serial <> count(x.amount)'],
    ['W3 a posting adds to the one before', 'select purse_id, serial from (select x.*, lag(balance, 1, 0.00) over w as before,
        row_number() over w as place from im.posting x window w as (partition by purse_id order by serial)) l
        where balance <> before + amount or serial <> place'],
    ['W4 nobody has less than nothing', 'select id from im.purse where account_id is not null and balance < 0
        union all select x.purse_id from im.posting x join im.purse p on p.id = x.purse_id where p.account_id is not null and x.balance < 0'],
    ['W5 programs cannot touch the ledger', q{select r.rolname, t.name, a.act from pg_roles r,
        unnest(array['im.posting', 'im.journal', 'im.purse', 'im.redpacket_share', 'im.withdraw', 'im.recharge']) t (name),
        unnest(array['insert', 'update', 'delete', 'truncate', 'select']) a (act)
        where r.rolname like 'im\_%' and r.rolname <> 'im_owner' and has_table_privilege(r.rolname, t.name, a.act)}],
    ['W5 the ledger is only added to', q{select tgname from (values ('posting_keep'), ('journal_keep'), ('purse_keep')) v (name)
        left join pg_trigger t on t.tgname = v.name and t.tgenabled = 'O' where t.tgname is null}],
    ['W8 frozen is what is being withdrawn', q{select account_id from (
        select account_id, balance from im.purse where kind = 'frozen'
        union all select account_id, -amount from im.withdraw where status in (1, 2)) x group by 1 having sum(balance) <> 0}],
    ['W8 what came back came back once', q{select w.id from im.withdraw w left join im.journal j
        on j.kind = 'withdraw_returned' and j.subject = w.id::text group by w.id having count(j.id) <> (w.status in (3, 5))::integer}],
    ['W8 paid is paid', q{select w.id from im.withdraw w left join im.journal j
        on j.kind = 'withdraw_paid' and j.subject = w.id::text group by w.id having count(j.id) <> (w.status = 4)::integer}],
    ['W10 amounts are cents, within bounds', 'select journal_id from im.posting where scale(amount) > 2 or abs(amount) > 1000000'],
    ['R1 claims, refund and rest are the total', q{select p.id from im.redpacket p left join im.redpacket_share s on s.packet_id = p.id
        group by p.id having p.total is distinct from coalesce(sum(s.amount) filter (where s.state = 'claimed'), 0) + p.refunded
        + coalesce(sum(s.amount) filter (where s.state = 'free'), 0)}],
    ['R1 escrow is what remains', q{select e.n, f.n from (select sum(balance) from im.purse where kind = 'escrow') e (n),
        (select coalesce(sum(amount), 0) from im.redpacket_share where state = 'free') f (n) where e.n <> f.n}],
    ['R2 claims are few enough, one each, a cent or more', q{select p.id from im.redpacket p join im.redpacket_share s on s.packet_id = p.id
        group by p.id having count(*) <> p.count or min(s.amount) < 0.01
        or count(distinct s.account_id) <> count(*) filter (where s.state = 'claimed')}],
    ['R3 what is all robbed is finished', q{select p.id from im.redpacket p, im.redpacket_state(p) s
        where (s.status = 2) <> not exists (select from im.redpacket_share x where x.packet_id = p.id and x.state <> 'claimed')
        or (s.status = 2 and (s.remain_count, s.remain_amount) <> (0, 0.00))}],
    ['R7 nothing is claimed after the end', 'select p.id from im.redpacket p join im.redpacket_share s on s.packet_id = p.id
        where s.claimed_at >= p.expires_at'],
    ['R7 the rest went to the sender, once', q{select p.id from im.redpacket p
        left join im.journal j on j.kind = 'redpacket_refunded' and j.subject = p.id::text
        left join im.posting x on x.journal_id = j.id and x.amount > 0
        left join im.purse o on o.id = x.purse_id
        group by p.id having count(j.id) <> (p.refunded > 0)::integer or coalesce(sum(x.amount), 0) <> p.refunded
        or bool_or(o.account_id <> p.sender_id)}],
    ['R9 a packet of a chat has its message', q{select p.id from im.redpacket p where p.receiver_id is not null and not exists (
        select from im.message m where m.conversation_id = p.conversation_id and m.id = p.message_id and m.message_type = 7)}],
    ['W11 there was no deadlock', 'select deadlocks from pg_stat_database where datname = current_database() and deadlocks > 0'],
    ['im.ledger_check()', 'select * from im.ledger_check()'],
);

# What is broken, as text; nothing, when all holds.  One statement, so one snapshot sees it all, also under load.
sub broken ($self) {
    my $sql = join "\nunion all\n", map {"select '$_->[0]', x::text from ($_->[1] limit 3) x"} @INVARIANTS;
    return map {"$_->[0]: $_->[1]"} $self->im->sql($sql);
}

sub invariants ($self) { return scalar @INVARIANTS }

1;
