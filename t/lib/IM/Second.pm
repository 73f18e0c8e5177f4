package IM::Second;

# A second chat client, written from im-chat-protocol(7) alone, by its seven rules in their order, to see that the page is
# enough.  It knows nothing of IM::User and IM::Client, and takes addresses, a name and a password.
#
#     my $client = IM::Second->new(http => 'http://…', ws => 'ws://…/ws', name => 'ann', password => '…')->start;
#     $client->say({ receiverId => 10002 }, 'hello');
#     $client->shown->{7}                                     # the messages of conversation 7, in the order shown

use Mojo::Base -base, -signatures;
use Mojo::IOLoop;
use Mojo::UserAgent;
use Scalar::Util qw(weaken);

has [qw(http ws name password token refresh me stopped connection)];
has ua      => sub { Mojo::UserAgent->new(inactivity_timeout => 60) };
has shown   => sub { {} };    # conversationId => [message, …]
has waiting => sub { {} };    # conversationId => {seq => message}: something before it is missing
has outbox  => sub { [] };    # frames that are not acknowledged
has beat    => 20;
has again   => 5;

sub start ($self) {
    $self->_take($self->ua->post($self->http . '/login' => json => { username => $self->name, password => $self->password })->result->json);
    weaken(my $weak = $self);
    $self->{timers} = [Mojo::IOLoop->recurring($self->beat => sub { $weak->_heartbeat }), Mojo::IOLoop->recurring($self->again => sub { $weak->_send })];
    return $self->_connect;
}

sub stop ($self) {
    $self->stopped(1);
    Mojo::IOLoop->remove($_) for @{ $self->{timers} };
    $self->connection->finish if $self->connection;
}

sub _take ($self, $answer) {
    return if ($answer->{code} // 0) != 200;
    $self->token($answer->{data}{accessToken})->refresh($answer->{data}{refreshToken});
    return $self->me($answer->{data}{userId} // $self->me);
}

# An endpoint: its data goes on to the function.
sub _ask ($self, $method, $path, $query, $then, $tried = 0) {
    my $tx = $self->ua->build_tx($method, $self->http . $path, { Authorization => 'Bearer ' . $self->token }, form => $query);
    $self->ua->start_p($tx)->then(sub ($tx) {
        my $answer = $tx->result->json // {};
        my $code   = $answer->{code} // 502;
        return $then->($answer->{data}) if $code == 200;
        return $self->stop if $code == 1003;
        return $self->_renew(sub { $self->_ask($method, $path, $query, $then, 1) }) if $code == 401 && !$tried;
        Mojo::IOLoop->timer(1 => sub { $self->_ask($method, $path, $query, $then, $tried) if !$self->stopped }) if $code =~ /^(?:429|50[024])$/;
    })->catch(sub { Mojo::IOLoop->timer(1 => sub { $self->_ask($method, $path, $query, $then, $tried) if !$self->stopped }) });
}

sub _renew ($self, $then) {
    $self->ua->put_p($self->http . '/refreshToken' => json => { refreshToken => $self->refresh })->then(sub ($tx) {
        $self->_take($tx->result->json) ? $then->() : $self->stop;
    })->catch(sub { Mojo::IOLoop->timer(1 => sub { $self->_renew($then) if !$self->stopped }) });
}

# 1: connect; then pull
sub _connect ($self) {
    weaken(my $weak = $self);
    $self->ua->websocket($self->ws . '?accessToken=' . $self->token => sub ($ua, $tx) {
        return if !$weak || $weak->stopped;
        return $weak->_refused if !$tx->is_websocket;
        $weak->connection($tx);
        $weak->{tries} = 0;
        $tx->on(json => sub ($tx, $frame) { $weak->_hear($frame) if $weak });
        $tx->on(finish => sub { $weak->connection(undef)->_later if $weak });
        $weak->_pull;
        $weak->_send;
    });
    return $self;
}

sub _pull ($self) {
    for my $kind (qw(private group)) { $self->_pull_from("/message/$kind/pullOfflineMessage", {}) }
}

sub _pull_from ($self, $path, $query) {
    $self->_ask(GET => $path, $query, sub ($messages) {
        $self->_show($_) for @$messages;
        return $self->_pull_from($path, { minId => $messages->[-1]{id} }) if @$messages && $messages->[-1]{id} > ($query->{minId} // 0);
        $self->_fill;
    });
}

# 2: by conversation and seq, nothing twice
sub _show ($self, $message) {
    my ($place, $seq) = @$message{qw(conversationId seq)};
    return if $seq <= $self->_upto($place);
    $self->waiting->{$place}{$seq} = $message;
    $self->_go_on($place);
}

sub _upto ($self, $place) { return ($self->shown->{$place} // [])->@* ? $self->shown->{$place}[-1]{seq} : 0 }

# From there, though what is before it is missing.
sub _go_on ($self, $place, $from = $self->_upto($place) + 1) {
    while (my $next = delete $self->waiting->{$place}{ $from++ }) { push $self->shown->{$place}->@*, $next }
}

# 3: what has arrived
sub _heartbeat ($self) {
    my @places = grep { $self->_upto($_) > ($self->{told}{$_} // 0) } sort keys $self->shown->%*;
    $self->{telling} = { map { ($_ => $self->_upto($_)) } @places[0 .. ($#places > 999 ? 999 : $#places)] };
    $self->_write(HEARTBEAT => { received => [map { [$_ + 0, $self->{telling}{$_}] } sort keys $self->{telling}->%*] });
}

# 4: what is missing still is in the history, or never comes
sub _fill ($self) {
    for my $held (values %{ $self->waiting }) {
        my ($one, @others) = sort { $b->{seq} <=> $a->{seq} } values %$held or next;
        my %with = $one->{groupId} ? (groupId => $one->{groupId}) : (friendId => $one->{senderId} == $self->me ? $one->{receiverId} : $one->{senderId});
        $self->_history($one->{groupId} ? 'group' : 'private', \%with, $one, 1);
    }
}

# Back from the newest until nothing is missing before this one.
sub _history ($self, $kind, $with, $before, $page) {
    $self->_ask(GET => "/message/$kind/history", { %$with, page => $page, size => 40 }, sub ($answer) {
        my ($records, $place) = ($answer->{records}, $before->{conversationId});
        $self->_show($_) for reverse @$records;
        return if $self->_upto($place) >= $before->{seq};
        return $self->_history($kind, $with, $before, $page + 1) if $page * 40 < $answer->{total};
        $self->_go_on($place, $_) for sort { $a <=> $b } grep { $_ <= $before->{seq} } keys $self->waiting->{$place}->%*;
    });
}

# 5: one after the other, again until it is acknowledged
sub say ($self, $to, $content) {
    my $id = join '-', $self->name, time, ++$self->{said};
    push @{ $self->outbox }, [$to->{groupId} ? 'GROUP_MESSAGE' : 'PRIVATE_MESSAGE', { %$to, content => $content, messageType => 1, clientMsgId => $id }];
    $self->_send if @{ $self->outbox } == 1;
    return $id;
}

sub _send ($self) { $self->_write(@{ $self->outbox->[0] }) if @{ $self->outbox } }

sub _write ($self, $type, $data) { $self->connection->send({ json => { type => $type, data => $data } }) if $self->connection }

sub _hear ($self, $frame) {
    my ($type, $data) = @$frame{qw(type data)};
    my $event = $data->{event};
    if ($type =~ /^(?:PRIVATE|GROUP)_MESSAGE$/ && $event eq 'MESSAGE') {
        $self->_show($data);
        $self->_pull if %{ $self->waiting->{ $data->{conversationId} } // {} };
    }
    $self->{told}->@{ keys $self->{telling}->%* } = values $self->{telling}->%* if $type eq 'HEARTBEAT';
    $self->_pull if $type eq 'HEARTBEAT' && $data->{pending};
    my $first = $self->outbox->[0];
    if ($first && ($data->{clientMsgId} // '') eq $first->[1]{clientMsgId} && ($data->{code} // 0) !~ /^(?:401|500)$/) {
        shift @{ $self->outbox };
        $self->_send;
    }
    $self->stop if $event eq 'BANNED' || $event eq 'ERROR' && $data->{code} == 1003;
    $self->{expired} = 1 if $event eq 'ERROR' && $data->{code} == 401;
}

# 6: again, later each time
sub _later ($self) {
    return if $self->stopped;
    return $self->_renew(sub { $self->_connect }) if delete $self->{expired};
    my $wait = 2**($self->{tries}++ // 0);
    Mojo::IOLoop->timer(rand($wait > 30 ? 30 : $wait) + 0.2 => sub { $self->_connect if !$self->stopped });
}

# 7: why
sub _refused ($self) { $self->_ask(GET => '/user/self', {}, sub ($) { $self->_later }) }

1;
