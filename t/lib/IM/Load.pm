package IM::Load;

# People who write to each other, call, send files and money, for hours, and what each of them was told: for the soak.
#
#     my $load = IM::Load->new(im => $im)->start;
#     … $im->run(3600) …
#     $load->finish;                      # nothing more begins, and what is under way is answered
#     $load->verdict;                     # {lost, doubled, disordered, faults, …}
#
# Everybody does what the manuals ask of a client: what was answered 500, 502 or 504, or not at all, is asked again with the same
# clientMsgId or Idempotency-Key until it is known.  So at the end everything has happened once or was refused.

use Mojo::Base -base, -signatures;
use IM::Accounts;
use IM::Client;
use IM::Crowd;
use IM::Http;
use IM::Money qw(fields);
use IM::Samples;
use IM::User;
use List::Util qw(sum0);
use Mojo::IOLoop;
use Mojo::JSON qw(encode_json);
use Mojo::Promise;
use Mojo::Util qw(url_escape);

has 'im';
has people  => sub { [] };       # who write, in groups of SIZE; the first ones also do everything else
has clients => sub { [] };       # theirs, IM::Client
has groups  => sub { [] };
has pairs   => sub { [] };
has count   => sub { {} };       # what was done: kind => how often
has codes   => sub { {} };       # answers that were none, or 5xx
has faults  => sub { [] };       # whatever no fault excuses
has calm    => 1;                # nothing has been broken at present: an answer of 500 is a fault
has settled => sub { {} };       # kind => {id => what was answered}: packets, claims, recharges, withdrawals, files
has http    => sub { IM::Http->new };

use constant { PEOPLE => 24, SIZE => 6, SENDERS => 4, LIFETIME => 7 * 86_400 };

# --- who there is -------------------------------------------------------------------------------------------------

sub start ($self) {
    my $im     = $self->im;
    my $crowd  = IM::Crowd->new(im => $im, accounts => IM::Accounts->new(im => $im, lifetime => LIFETIME));
    my @people = $crowd->people(PEOPLE);
    $self->people(\@people)->pairs([map { [@people[2 * $_, 2 * $_ + 1]] } 0 .. PEOPLE / 2 - 1]);
    $crowd->befriend(@{ $self->pairs });
    $self->groups([map { $crowd->group(@people[SIZE * $_ .. SIZE * $_ + SIZE - 1]) } 0 .. PEOPLE / SIZE - 1]);
    $im->sql(q{update im.setting set value = '1000000' where name = 'wallet.recharge_pending'});
    $im->sql(q{update im.setting set value = '1 minute' where name = 'redpacket.ttl'});     # so that refunds are due all the time
    $im->arm($_)->fund($_, '900000.00') for @people[0 .. SENDERS - 1];
    $self->{picture} = IM::Samples->new->jpeg;
    $self->{going} = 1;
    $self->_writes($_) for 0 .. $#people;
    $self->_keeps_on(1.5, sub { $self->_money_of($_[0]) }, $_) for @people[0 .. SENDERS - 1];
    $self->_keeps_on(1.0, sub { $self->_robs($_[0]) }, $_) for @people[0 .. SIZE - 1];
    $self->_keeps_on(2.0, sub { $self->_calls(@{ $_[0] }) }, $_) for @{ $self->pairs }[2 .. 4];
    $self->_keeps_on(3.0, sub { $self->_files($_[0]) }, $_) for @people[10 .. 12];
    $self->_keeps_on(1.0, sub { $self->_reads($_[0]) }, $_) for @people[12 .. 17];
    return $self;
}

# Whoever writes has a socket, and follows socket(8) with shorter waits.
sub _writes ($self, $i) {
    my $client = IM::Client->new(user => $self->people->[$i], beat => 5, patience => 5, retry => [0.3, 3]);
    my $write  = sub {
        return if !$self->{going};
        $client->say(rand 3 < 1 ? { groupId => $self->groups->[$i / SIZE] } : { receiverId => $self->people->[$i ^ 1]->id }, 'message ' . ++$self->{said});
    };
    $client->on_sent(sub ($client, $done) { $client->{works} = $done->{sent}; Mojo::IOLoop->timer(3 * (0.5 + rand) => $write) });
    Mojo::IOLoop->timer(0.5 + rand 3 => $write);
    push @{ $self->clients }, $client->start;
}

# Does it again and again, so many seconds after it was done.
sub _keeps_on ($self, $pause, $act, $who) {
    my $turn;
    $turn = sub {
        return if !$self->{going};
        $self->{busy}++;
        $act->($who)->catch(sub ($why) { $self->_finds("ended: $why") })->finally(sub {
            $self->{busy}--;
            Mojo::IOLoop->timer($pause * (0.5 + rand) => $turn);
        });
    };
    Mojo::IOLoop->timer(rand $pause => $turn);
}

# The same fault once is enough.
sub _finds ($self, $what) {
    push @{ $self->faults }, $what if !$self->{found}{$what}++ && @{ $self->faults } < 50;
    return;
}

# --- asking -------------------------------------------------------------------------------------------------------

my $TRANSIENT = qr/\A(?:429|50[024]|none)\z/;

# A promise of an answer, undef when there was none.
sub ask ($self, $kind, $user, $method, $path, $body = '', %headers) {
    $headers{'Content-Type'} //= 'application/json' if length $body;
    $self->count->{$kind}++;
    my $calm = $self->calm;
    return $user->raw_p($method, $path, $body, %headers)->then(sub ($answer) { $self->_judge($calm, $method, $path, $answer) },
        sub ($why) { $self->_fails($calm, none => "$method $path: $why") });
}

sub _judge ($self, $calm, $method, $path, $answer) {
    my @faults = grep { !/^has code 50[024], which the operation does not list/ } @{ $answer->faults };
    $self->_finds("$method $path answers against the contract: @faults") if @faults;
    $self->_fails($calm, $answer->code, "$method $path: " . $answer->summary) if $answer->code =~ $TRANSIENT;
    return $answer;
}

sub _fails ($self, $calm, $code, $what) {
    $self->codes->{$code}++;
    return undef if !$calm || !$self->calm;     # an argument of what comes next
    $self->{unexcused}++;
    $self->_finds("without a fault, $what");
    return undef;
}

sub unexcused ($self) { return $self->{unexcused} // 0 }

# The same, again until it is known.
sub surely ($self, @request) {
    return $self->ask(@request)->then(sub ($answer) {
        return $answer if $answer && $answer->code !~ $TRANSIENT;
        return Mojo::Promise->timer(0.5 + rand)->then(sub { $self->surely(@request) });
    });
}

# With a key; one in four asks once more, and has to be told the same.
sub once ($self, $user, $path, @fields) {
    my @request = (money => $user, POST => $path, fields(@fields), 'Idempotency-Key' => 'soak-' . ++$self->{key});
    return $self->surely(@request)->then(sub ($answer) {
        return $answer if $answer->code ne 200 || rand > 0.25;
        return $self->surely(@request)->then(sub ($again) {
            $self->_finds("$path, asked again, answers @{[$again->text]} after @{[$answer->text]}") if $again->text ne $answer->text;
            return $answer;
        });
    });
}

sub _settle ($self, $kind, $id, $what = 1) {
    $self->_finds("two $kind are $id") if $self->settled->{$kind}{$id};
    return $self->settled->{$kind}{$id} = $what;
}

# --- money --------------------------------------------------------------------------------------------------------

sub _money_of ($self, $who) {
    my $dice = rand 10;
    return $dice < 7 ? $self->_sends_packet($who) : $dice < 9 ? $self->_recharges($who) : $self->_withdraws($who);
}

sub _sends_packet ($self, $who) {
    my $group = $self->groups->[0];
    my $count = 1 + int rand 6;
    return $self->once($who, '/redPackage/send', receiverType => 1, receiverId => $group, redPacketType => 1 + int rand 2,
        totalAmount => \"$count.00", totalCount => $count, tradePassword => $who->trade)->then(sub ($answer) {
        return $self->_finds('a packet is refused: ' . $answer->summary) if $answer->code ne 200;
        my $id = $answer->data->{redPacketId};
        $self->_settle(packets => $id);
        push @{ $self->{packets} }, $id;
        shift @{ $self->{packets} } if @{ $self->{packets} } > 20;
    });
}

sub _robs ($self, $who) {
    my @packets = @{ $self->{packets} // [] } or return Mojo::Promise->resolve;
    my $id = $packets[rand @packets];
    return $self->once($who, '/redPackage/rob', redPacketId => $id)->then(sub ($answer) {
        $self->_settle(claims => "$id/" . $who->id) if $answer->code eq 200;
    });
}

sub _recharges ($self, $who) {
    return $self->once($who, '/user/recharge', amount => \'5.00', payType => 'alipay')->then(sub ($answer) {
        my $id = $answer->data->{id} // return $self->_finds('a recharge is refused: ' . $answer->summary);
        $self->_settle(recharges => $id);
        return $self->surely(money => $self->im->admin, POST => '/im/recharge/approve', fields(id => $id))->then(sub ($answer) {
            $self->_finds('a recharge is not approved: ' . $answer->summary) if $answer->code !~ /^(?:200|4005)\z/;
        });
    });
}

sub _withdraws ($self, $who) {
    return $self->once($who, '/user/withdraw', amount => \'2.00', toAddress => '0x' . 'a' x 40, tradePassword => $who->trade)->then(sub ($answer) {
        my $id = $answer->data->{id} // return $self->_finds('a withdrawal is refused: ' . $answer->summary);
        $self->_settle(withdrawals => $id);
        return if rand > 0.5;
        return $self->surely(money => $self->im->admin, POST => '/im/withdraw/reject', fields(id => $id, reason => 'no'));
    });
}

# --- calls --------------------------------------------------------------------------------------------------------

# A call of some seconds.  One that both know of must not end by itself.
sub _calls ($self, $ann, $bob) {
    my ($id, $over);
    my $act = sub ($who, $what, %more) {
        return if $over;
        return $self->ask(call => $who, POST => "/webrtc/private/$what", encode_json({ callId => $id, %more }))->then(sub ($answer) {
            return if $answer && $answer->code eq 200;
            $self->_finds("a call ends by itself: $what answers " . $answer->summary) if $answer && $answer->code !~ $TRANSIENT && $what eq 'heartbeat';
            $over = 1;
        })->then(sub { Mojo::Promise->timer(0.5) });
    };
    return $self->ask(call => $ann, POST => '/webrtc/private/setup', encode_json({ friendId => $bob->id, mode => 2 }))->then(sub ($answer) {
        $id = $answer && $answer->code eq 200 ? $answer->data->{callId} : ($over = 1);
        return $act->($bob, 'accept');
    })->then(sub { $act->($ann, 'offer', offer => 'v=0 ' . 'a' x 2000) })->then(sub { $act->($bob, 'answer', answer => 'v=0 ' . 'b' x 2000) })
        ->then(sub { $act->($ann, 'heartbeat', candidate => 'c1') })->then(sub { $act->($bob, 'heartbeat', candidate => 'c2') })
        ->then(sub { Mojo::Promise->timer(rand 5) })->then(sub { $act->($ann, 'heartbeat') })->then(sub { $act->($bob, 'heartbeat') })
        ->then(sub { $self->_hangs_up($ann) });
}

# Whatever call one is in.
sub _hangs_up ($self, $who) {
    return $self->surely(call => $who, GET => '/webrtc/current')->then(sub ($answer) {
        my $call = $answer->data // return;
        my $what = $call->{state} eq 'accepted' ? 'handup' : $call->{callerId} == $who->id ? 'cancel' : 'reject';
        return $self->surely(call => $who, POST => "/webrtc/private/$what", encode_json({ callId => $call->{callId} }));
    });
}

# --- files, and reading -------------------------------------------------------------------------------------------

sub _files ($self, $who) {
    my @known = keys %{ $self->settled->{files} // {} };
    return $self->_checks_file($known[rand @known]) if @known && rand 2 < 1;
    my $picture = rand 4 < 1;
    my $bytes   = $picture ? $self->{picture} : join '', 'file ', ++$self->{files}, ' ', map { chr rand 256 } 1 .. 1000 + rand 60_000;
    my ($body, $boundary) = IM::User::_form($bytes, name => 'soak.bin', $picture ? (type => 'image') : ());
    return $self->ask(file => $who, POST => '/file/upload', $body, 'Content-Type' => "multipart/form-data; boundary=$boundary")->then(sub ($answer) {
        return if !$answer || $answer->code =~ $TRANSIENT;      # a new one, next time
        return $self->_finds('a file is refused: ' . $answer->summary) if $answer->code ne 200;
        $self->settled->{files}{ $answer->data->{url} } = { who => $who, size => $answer->data->{fileSize}, $picture ? () : (bytes => $bytes) };
    });
}

# Whether it is there as it was sent; of a picture, as long as was said.
sub _checks_file ($self, $url, $must = 0) {
    my $file = $self->settled->{files}{$url};
    $self->count->{file}++;
    return $self->http->ask(GET => $self->im->port('chat'), '/file/download?url=' . url_escape($url), { Authorization => 'Bearer ' . $file->{who}->access }, '')
        ->then(sub ($status, $bytes, $head) {
        my ($code) = $head =~ /^X-IM-Code: (\d+)/mi;
        return $self->codes->{ $code // $status }++ if "$status @{[$code // '']}" =~ /\b50[024]\b/ && !$must;
        $self->{lost_files}{$url} = sprintf 'HTTP %d, %d bytes of %d', $status, length $bytes, $file->{size}
            if $status != 200 || length $bytes != $file->{size} || defined $file->{bytes} && $bytes ne $file->{bytes};
    }, sub ($why) { $must ? $self->{lost_files}{$url} = $why : $self->codes->{none}++ });
}

my @READS = qw(/friend/list /conversation/list /group/list /message/private/pullOfflineMessage /user/self /user/queryUserFundDetail /system/config);

sub _reads ($self, $who) { return $self->ask(read => $who, GET => $READS[rand @READS]) }

# --- the end ------------------------------------------------------------------------------------------------------

sub idle ($self) { return !$self->{busy} && !grep { !$_->idle } @{ $self->clients } }

# Nothing more begins: whether all that was under way is answered, and shown to everybody.
sub finish ($self) {
    my $im = $self->im;
    $self->{going} = 0;
    my $answered = $im->eventually(120, sub { $self->idle });
    my %last = map { ($_->[0] => $_->[1]) } $im->sql('select id, last_seq from im.conversation');
    my %client = map { ($_->user->id => $_) } @{ $self->clients };
    my @places = $im->sql('select conversation_id, account_id from im.member');
    my $shown = $im->eventually(120, sub { !grep { $client{ $_->[1] }->seq($_->[0]) < $last{ $_->[0] } } @places });
    return $answered && $shown;
}

# Of messages, as each client shows them, and of money and files, against what is stored.
sub verdict ($self) {
    my %is = (lost => [], doubled => [], disordered => []);
    $self->_judge_messages(\%is);
    my $of = $self->settled;
    $self->_compare(\%is, $_, $of->{ $_->[0] } // {}) for
        [packets => 'select id from im.redpacket'],
        [claims => q{select packet_id || '/' || account_id from im.redpacket_share where state = 'claimed'}],
        [recharges => "select id from im.recharge where amount = 5.00"],
        [withdrawals => 'select id from im.withdraw'];
    $self->im->together(map { $self->_checks_file($_, 1) } keys %{ $of->{files} }) if %{ $of->{files} // {} };
    push @{ $is{lost} }, map {"file $_: $self->{lost_files}{$_}"} sort keys %{ $self->{lost_files} // {} };
    return \%is;
}

sub _compare ($self, $is, $what, $answered) {
    my ($kind, $sql) = @$what;
    my %stored = map { ($_->[0] => 1) } $self->im->sql($sql);
    push @{ $is->{lost} },    map {"$kind $_"} grep { !$stored{$_} } sort keys %$answered;
    push @{ $is->{doubled} }, map {"$kind $_, of which nobody knows"} grep { !$answered->{$_} } sort keys %stored;
}

sub _judge_messages ($self, $is) {
    my @clients = @{ $self->clients };
    my %client  = map { ($_->user->id => $_) } @clients;
    my @stored  = $self->im->sql('select id, conversation_id, seq, client_msg_id from im.message where client_msg_id is not null order by id');
    my %stored  = map { ($_->[3] => $_) } @stored;
    my %acknowledged = map { %{ $_->acknowledged } } @clients;
    push @{ $is->{lost} }, grep { !$stored{$_} || $stored{$_}[0] != $acknowledged{$_}{id} || $stored{$_}[2] != $acknowledged{$_}{seq} } sort keys %acknowledged;
    my (%count, %members);
    push @{ $is->{doubled} }, grep { $count{$_}++ } map { $_->[3] } @stored;
    push @{ $members{ $_->[0] } }, $_->[1] for $self->im->sql('select conversation_id, account_id from im.member');
    for my $place (keys %members) {
        my @wanted = map { $_->[0] } $self->im->sql("select id from im.message where conversation_id = $place order by seq");
        push @{ $is->{disordered} }, "conversation $place, as $_ sees it" for grep { "@{[map { $_->{id} } $client{$_}->shown($place)]}" ne "@wanted" } @{ $members{$place} };
    }
    push @{ $is->{disordered} }, map { @{ $_->faults } } @clients;
}

sub messages ($self) { return sum0 map { scalar keys %{ $_->acknowledged } } @{ $self->clients } }

sub stop ($self) { $_->stop for @{ $self->clients } }

1;
