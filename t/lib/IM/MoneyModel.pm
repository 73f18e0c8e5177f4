package IM::MoneyModel;

# What money does, in one thread and in cents: the model that a run of many clients is held against.
#
# An operation is told twice: begin() before its requests go out, finish() with their answers.  Between the two its
# effect may have happened or not, so what an operation can have found is an interval: low, had all that was under way
# been taken already, and high, had all that was coming been there.  An answer that no order of events explains is a
# complaint.  When nothing is under way, reconcile() wants the database to be exactly what the answers say.

use Mojo::Base -base, -signatures;
use IM::Money qw(cents);

has complaints => sub { [] };
has [qw(users packets recharges withdraws entries count)] => sub { {} };
has wrong_limit => 5;
has lock        => 4;    # seconds that a trade password stays locked

sub complain ($self, $why) { push @{ $self->complaints }, $why }

sub user ($self, $id) {
    return $self->users->{$id} //= { id => $id, have => 0, frozen => 0, out => 0, in => 0, watch => {}, wrong => 0, days => 0,
        locked => [0, 0] };
}

# op: kind, user (a user's id), cents, keyed, wrong and bad when it has to be refused; packet, order.
sub begin ($self, $op) {
    my $user = $self->user($op->{user});
    if ($op->{kind} =~ /\A(?:withdraw|vip|sent)\z/) {
        $op->{low}  = $user->{have} - $user->{out};
        $op->{high} = $user->{have} + $user->{in};
        $_->{low} -= $op->{cents} for values %{ $user->{watch} };
        $user->{out} += $op->{cents};
        $user->{watch}{ 0 + $op } = $op;
    }
    elsif ($op->{credit}) {
        $_->{high} += $op->{credit} for values %{ $user->{watch} };
        $user->{in} += $op->{credit};
    }
    $op->{packet}{busy}++ if $op->{kind} eq 'rob';
    return $op;
}

sub finish ($self, $op, @answers) {
    my $user = $self->user($op->{user});
    $self->count->{"$op->{kind} $_->{code}"}++ for @answers;
    for my $answer (grep { $_->{code} !~ /\A(?:200|400|[2345]00\d|429)\z/ } @answers) {
        $self->complain("$op->{kind} answered $answer->{code}: $answer->{text}");
    }
    for my $answer (grep { $_->{text} =~ /"(?:amount|balance|remainAmount)":(?!-?\d+\.\d\d[,}])/ } @answers) {
        $self->complain("an amount has no two decimals in $answer->{text}");
    }
    my @won  = grep { $_->{code} eq 200 } @answers;
    my %said = map { ($_->{text} => 1) } @won;
    $self->complain("$op->{kind}: one key has several answers: " . join ' ', sort keys %said) if $op->{keyed} && keys %said > 1;
    my $judge = $self->can("_$op->{kind}");
    my $delta = $self->$judge($op, $user, \@won, \@answers) // 0;
    delete $user->{watch}{ 0 + $op };
    $user->{out} -= $op->{cents} if defined $op->{low};
    $user->{in}  -= $op->{credit} // 0;
    $user->{have} += $delta;
    return @won ? $won[0]{data} : undef;
}

# What the sender may have got back already of packets that are over.
sub _returning ($self, $user, $now) {
    my $cents = 0;
    for my $packet (grep { $_->{sender} == $user->{id} && !$_->{closed} && $_->{expires} <= $now + 1 } values %{ $self->packets }) {
        $cents += $packet->{cents};
        $cents -= $_->{cents} for values %{ $packet->{claims} };
    }
    return $cents;
}

# A debit is right when the trade password was and the money can have been there; true when it was taken.
sub _debit ($self, $op, $user, $won, $answers) {
    $self->_trade($op, $user, $answers) if !$op->{bad};
    for my $answer (grep { $_->{code} ne 200 } @$answers) {
        my $fits = $op->{bad} ? $answer->{code} eq 400
            : $answer->{code} eq 4001 ? $op->{low} < $op->{cents}
            :                           $answer->{code} =~ /\A400[24]\z/;
        $self->complain("$op->{kind} of $op->{cents} with $op->{low} to $op->{high}: $answer->{text}") if !$fits;
    }
    return if !@$won;
    my ($end) = sort { $b <=> $a } map { $_->{end} } @$won;
    $self->complain("$op->{kind} was done, wrong as it was") if $op->{bad} || $op->{wrong};
    $self->complain("$op->{kind} of $op->{cents} was done with at most $op->{high}")
        if $op->{high} + $self->_returning($user, $end) < $op->{cents};
    return 1;
}

# The counter of wrong trade passwords, exactly: whoever mistypes does one thing at a time.
sub _trade ($self, $op, $user, $answers) {
    my ($from, $to) = @{ $user->{locked} };
    my ($start) = sort { $a <=> $b } map { $_->{start} } @$answers;
    my ($end)   = sort { $b <=> $a } map { $_->{end} } @$answers;
    my $locked = grep { $_->{code} eq 4004 } @$answers;
    $self->complain("a trade password was locked after $user->{wrong} wrong ones") if $locked && $start > $to;
    $self->complain('a locked trade password was accepted') if !$locked && $end < $from;
    return if $locked;
    if ($op->{wrong}) {
        $self->complain("a wrong trade password: $_->{text}") for grep { $_->{code} ne 4002 } @$answers;
        $user->{wrong}  = ($from ? 0 : $user->{wrong}) + 1;
        $user->{locked} = $user->{wrong} >= $self->wrong_limit ? [$start + $self->lock, $end + $self->lock] : [0, 0];
        return;
    }
    $self->complain("the right trade password: $_->{text}") for grep { $_->{code} eq 4002 } @$answers;
    @$user{qw(wrong locked)} = (0, [0, 0]) if grep { $_->{code} eq 200 } @$answers;
}

sub _entry ($self, $kind, $subject, $user, $cents) { $self->entries->{"$kind $subject $user->{id} $cents"}++ }

sub _recharge ($self, $op, $user, $won, $answers) {
    return if !@$won;
    my $id = $won->[0]{data}{id};
    $self->complain("order $id was made twice") if $self->recharges->{$id};
    $self->complain("an order of $op->{cents} became $won->[0]{text}") if cents($won->[0]{data}{amount}) != $op->{cents};
    $self->recharges->{$id} = { id => $id, user => $user->{id}, cents => $op->{cents}, state => 'pending' };
    return;
}

# Several at once want to decide about an order: one does, when there is anything to decide.
sub _decide ($self, $op, $user, $won, $answers) {
    my $order  = $op->{order};
    my $likely = grep { $op->{edges}{$_} } @{ $op->{acts} };
    $self->complain("$op->{of} $order->{id}, $order->{state}: " . @$won . " of @{ $op->{acts} } passed") if @$won != ($likely ? 1 : 0);
    $self->complain("$op->{of} $order->{id}: $_->{text}") for grep { $_->{code} !~ /\A(?:200|4005)\z/ } @$answers;
    my ($act) = map { $op->{acts}[$_] } grep { $answers->[$_]{code} eq 200 } 0 .. $#$answers;
    return if !defined $act;
    $self->complain("$op->{of} $order->{id} went from $order->{state} by $act") if !$op->{edges}{$act};
    $order->{state} = $act;
    return $self->_decided($op, $user, $order, $act);
}

sub _decided ($self, $op, $user, $order, $act) {
    my $cents = $order->{cents};
    if ($op->{of} eq 'recharge') {
        return 0 if $act ne 'approve';
        $self->_entry('recharge', $order->{id}, $user, $cents);
        return $cents;
    }
    return 0 if $act eq 'approve';
    $user->{frozen} -= $cents;
    if ($act eq 'paid') {
        $self->_entry('withdraw_paid', $order->{id}, $user, -$cents);
        return 0;
    }
    $self->_entry('withdraw_returned', $order->{id}, $user, $cents);
    return $cents;
}

sub _withdraw ($self, $op, $user, $won, $answers) {
    $self->_debit($op, $user, $won, $answers) or return;
    my $id = $won->[0]{data}{id};
    $self->withdraws->{$id} = { id => $id, user => $user->{id}, cents => $op->{cents}, state => 'requested' };
    $self->_entry('withdraw', $id, $user, -$op->{cents});
    $user->{frozen} += $op->{cents};
    return -$op->{cents};
}

sub _vip ($self, $op, $user, $won, $answers) {
    $self->_debit($op, $user, $won, $answers) or return;
    $self->_entry('vip', '-', $user, -$op->{cents});
    $user->{days} += $op->{days};
    return -$op->{cents};
}

sub _sent ($self, $op, $user, $won, $answers) {
    $self->_debit($op, $user, $won, $answers) or return;
    my $data = $won->[0]{data};
    my $id   = ref $data ? $data->{redPacketId} : $data;
    $self->packets->{$id} = { id => $id, sender => $user->{id}, cents => $op->{cents}, count => $op->{shares}, type => $op->{type},
        admits => $op->{admits}, claims => {}, busy => 0, denied => {}, expires => $won->[0]{start} + $op->{ttl}, over => $won->[-1]{end} + $op->{ttl} };
    $self->_entry('redpacket_sent', $id, $user, -$op->{cents});
    return -$op->{cents};
}

sub _rob ($self, $op, $user, $won, $answers) {
    my $packet = $op->{packet};
    my $had    = $packet->{claims}{ $user->{id} };
    my $name   = "packet $packet->{id} for $user->{id}";
    $packet->{busy}--;
    for my $answer (@$answers) {
        my $code = $answer->{code};
        $self->complain("$name, who is a stranger to it: $answer->{text}")
            if $code =~ /\A(?:3002|5004)\z/ ? $packet->{admits}->($user->{id}) : !$packet->{admits}->($user->{id});
        $self->complain("$name was over $answer->{start}: $answer->{text}") if $code eq 200 && $answer->{start} > $packet->{over};
        $self->complain("$name was not over: $answer->{text}") if $code eq 5003 && $answer->{end} < $packet->{expires};
        $packet->{denied}{$code} = 1 if $code =~ /\A500[13]\z/;
        $packet->{claimed}{ $user->{id} } = 1 if $code eq 5002;
    }
    return if !@$won;
    $self->complain("$name was robbed twice") if $had || (!$op->{keyed} && @$won > 1);
    my $data  = $won->[0]{data};
    my $cents = cents(ref $data ? $data->{amount} : $data);
    $self->complain("$name had only a cent or less: $cents") if $cents < 1;
    $packet->{claims}{ $user->{id} } = { cents => $cents,
        ref $data ? (left => $data->{remainCount}, rest => cents($data->{remainAmount})) : () };
    return $cents;
}

# --- against the database, when nothing is under way ---

# state: {purses, entries, packets, claims, vip, wrong} as lists of rows, from one snapshot.
sub reconcile ($self, $state) {
    my (%claims, %entries);
    push @{ $claims{ $_->[0] } }, $_ for @{ $state->{claims} };
    $self->_packet($_, $claims{ $_->[0] } // []) for @{ $state->{packets} };
    $self->_purse(@$_) for @{ $state->{purses} };
    for (@{ $state->{vip} }) {
        my ($id, $days, $joined) = @$_;
        my $known = $self->user($id)->{days};
        $self->complain("user $id bought $known days of VIP, has $days" . ($joined ? '' : ', with holes')) if $days != $known || !$joined;
    }
    for (@{ $state->{wrong} }) {
        my ($id, $wrong) = @$_;
        $self->complain("user $id mistyped @{[$self->user($id)->{wrong}]} times, counted are $wrong") if $self->user($id)->{wrong} != $wrong;
    }
    $entries{"@$_"}++ for @{ $state->{entries} };
    my $known = $self->entries;
    my %all   = (%$known, %entries);
    for my $entry (sort keys %all) {
        my ($told, $booked) = ($known->{$entry} // 0, $entries{$entry} // 0);
        $self->complain("'$entry' was answered $told times and booked $booked times") if $told != $booked;
    }
}

# One packet and its claims: as answered, in the order of its shares, and with the rest back when it is over.
sub _packet ($self, $row, $claims) {
    my ($id, $closed, $refunded) = @$row;
    my $packet = $self->packets->{$id} // return $self->complain("packet $id was answered to nobody");
    my $rest   = $packet->{cents};
    $rest -= $_->{cents} for values %{ $packet->{claims} };
    my $robbed = keys %{ $packet->{claims} };
    $self->complain("packet $id has $robbed claims, in the database " . @$claims) if $robbed != @$claims;
    for (sort { $a->[2] <=> $b->[2] } @$claims) {
        my (undef, $user, $number, $cents, $higher) = @$_;
        my $claim = $packet->{claims}{$user} // { cents => 'nothing' };
        $self->complain("share $number of packet $id is $cents, answered was $claim->{cents}") if $claim->{cents} ne $cents;
        next if !defined $claim->{left};
        $self->complain("share $number of $packet->{count} of packet $id: remaining $claim->{left}, $claim->{rest}, not $higher")
            if $claim->{left} != $packet->{count} - $number || $claim->{rest} != $higher;
    }
    $self->complain("packet $id was said to be empty") if $packet->{denied}{5001} && $rest;
    $self->complain("packet $id was said to be over, and is all robbed") if $packet->{denied}{5003} && !$rest;
    $self->complain("user $_ was said to have robbed packet $id") for grep { !$packet->{claims}{$_} } keys %{ $packet->{claimed} };
    return if !$closed || $packet->{closed};
    $packet->{closed} = 1;
    $self->complain("of packet $id $rest are left, $refunded came back") if $rest != $refunded;
    my $sender = $self->user($packet->{sender});
    $self->_entry('redpacket_refunded', $id, $sender, $rest) if $rest;
    $sender->{have} += $rest;
}

sub _purse ($self, $id, $kind, $cents) {
    my $known = $self->user($id)->{ $kind eq 'frozen' ? 'frozen' : 'have' };
    $self->complain("user $id has $cents $kind, should have $known") if $cents != $known;
}

1;
