package IM::Client;

# A chat client that follows socket(8), "What a client does", to the letter and nothing more, on Mojo's event loop;
# many live in one process.  It shows a message when everything before it in its conversation is shown, so shown()
# has neither a hole nor a duplicate nor a disorder, or the message is not there.
#
#     my $client = IM::Client->new(user => $ann)->start;
#     $client->say({ receiverId => $bob->id }, 'hello');      # its clientMsgId
#     $im->eventually(10, sub { $client->idle });
#     $client->shown(1);                                      # the messages of conversation 1
#     $client->stop;

use Mojo::Base -base, -signatures;
use IM::Http;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::URL;
use Mojo::UserAgent;
use Scalar::Util qw(weaken);
use Time::HiRes qw(time);

has 'user';
has service  => 'backstage';
has beat     => 20;              # seconds between heartbeats
has patience => 5;               # and until the same is sent again
has retry    => sub { [1, 30] }; # the random wait before connecting again grows from the first to the second
has name     => sub ($self) { $self->user->name };
has on_shown => sub { sub { } };
has on_sent  => sub { sub { } };
has ua => sub ($self) { $self->user->ua };
has http => sub { state $http = IM::Http->new };    # one of all clients

# Counts: connected, pushed (frames of messages), pulled and history (messages), again (repeated sends), dropped (what
# it had already), held (what came before something missing), refused.
has count => sub { +{ map { ($_ => 0) } qw(connected pushed pulled history again dropped held refused) } };

# clientMsgId => {id, conversationId, seq, content, took}; what contradicts itself.
has acknowledged => sub { {} };
has faults       => sub { [] };

sub start ($self) {
    $self->{running} = 1;
    $self->{places} //= {};
    $self->{queue}  //= [];
    weaken(my $weak = $self);
    $self->{beats} = Mojo::IOLoop->recurring($self->beat => sub { $weak->_beat if $weak });
    $self->_connect;
    return $self;
}

sub stop ($self) {
    $self->{running} = 0;
    Mojo::IOLoop->remove($_) for grep {defined} delete @$self{qw(beats again wait)};
    my $tx = delete $self->{tx};
    $tx->finish(1000) if $tx && !$tx->is_finished;
    return $self;
}

# Queues a message to {receiverId} or {groupId}; one is on its way at a time.
sub say ($self, $to, $content) {
    state $said = 0;    # of all clients, for a user may have another
    my $id = join '-', $self->name, $$, ++$said;
    push @{ $self->{queue} }, {
        type => $to->{groupId} ? 'GROUP_MESSAGE' : 'PRIVATE_MESSAGE', queued => time,
        data => { %$to, content => $content, messageType => 1, atUserIds => [], clientMsgId => $id },
    };
    $self->_send if @{ $self->{queue} } == 1;
    return $id;
}

# Nothing waits for its acknowledgement.
sub idle ($self) { return !@{ $self->{queue} } }

# What is on its way: {type, data, queued, tries}.
sub under_way ($self) { return $self->{queue}[0] }

# Nothing is known to be missing.
sub whole ($self) { return !grep { %{ $_->{held} } } values %{ $self->{places} } }

sub is_open ($self) { return $self->{tx} && !$self->{tx}->is_finished }

sub conversations ($self) { return sort { $a <=> $b } keys %{ $self->{places} } }

# The messages of a conversation, in the order in which they were shown.
sub shown ($self, $conversation) { return @{ ($self->{places}{$conversation} // {})->{shown} // [] } }

# Up to where a conversation has no hole.
sub seq ($self, $conversation) { return ($self->{places}{$conversation} // {})->{seq} // 0 }

# --- 1: connect, then pull; 6: connect again ----------------------------------------------------------------------

sub _connect ($self) {
    weaken(my $weak = $self);
    delete $self->{wait};
    my $base = $self->user->im->url($self->service) =~ s/^http/ws/r;
    $self->ua->websocket(Mojo::URL->new("$base/ws")->query(accessToken => $self->user->access) => sub ($ua, $tx) {
        return $tx->is_websocket && $tx->finish if !$weak || !$weak->{running};
        return $weak->_closed($tx) if !$tx->is_websocket;
        $weak->{tx} = $tx;
        $weak->{attempts} = 0;
        $weak->count->{connected}++;
        Mojo::IOLoop->stream($tx->connection)->timeout(0);
        $tx->max_websocket_size(1 << 24);
        $tx->on(text => sub ($tx, $bytes) { $weak->_arrived($bytes) if $weak });
        $tx->on(finish => sub ($tx, @) { $weak->_closed($tx) if $weak });
        $weak->_pull;
        $weak->_send;
    });
}

sub _closed ($self, $tx) {
    delete $self->{tx};
    return if !$self->{running} || $self->{wait};
    my $code = $tx->is_websocket ? 0 : $tx->res->code // 0;
    return $self->stop if $code == 403;
    my ($first, $most) = @{ $self->retry };
    my $wait = $first * 2**($self->{attempts}++ // 0);
    $wait = $most if $wait > $most;
    weaken(my $weak = $self);
    $self->{wait} = Mojo::IOLoop->timer($wait * (0.5 + rand) => sub { $weak->_reconnect($code) if $weak });
}

sub _reconnect ($self, $code) {
    return $self->_connect if $code != 401 || !$self->user->refresh;
    weaken(my $weak = $self);
    $self->_ask(PUT => '/refreshToken', { json => { refreshToken => $self->user->refresh } }, sub ($body) {
        $weak->user->keep($body->{data}) if $body && $body->{code} eq 200;
        $weak->_connect;
    });
}

# --- 2: show by conversation and seq, drop what is there already ----------------------------------------------------

sub _arrived ($self, $bytes) {
    my $frame = eval { decode_json $bytes } // return push @{ $self->faults }, "not JSON: $bytes";
    my ($type, $data) = @$frame{qw(type data)};
    if ($type eq 'HEARTBEAT') {
        $self->_pull if $data->{pending};
    } elsif ($type =~ /\A(?:PRIVATE|GROUP)_MESSAGE\z/ && $data->{event} eq 'MESSAGE') {
        $self->count->{pushed}++;
        $self->_take($data);
        $self->_pull if %{ $self->_place($data)->{held} };
    } elsif ($type eq 'SYSTEM_MESSAGE' && $data->{event} eq 'ERROR') {
        $self->_refused($data);
    }
}

sub _place ($self, $m) {
    return $self->{places}{ $m->{conversationId} } //= { seq => 0, held => {}, shown => [],
        with => $m->{groupId} ? { groupId => $m->{groupId} }
        : { friendId => $m->{senderId} == $self->user->id ? $m->{receiverId} : $m->{senderId} } };
}

sub _take ($self, $m) {
    my $place = $self->_place($m);
    my $known = $place->{known}{ $m->{seq} };
    if ($known) {
        push @{ $self->faults }, "$m->{conversationId}/$m->{seq} is both message $known and $m->{id}" if $known != $m->{id};
        $self->count->{dropped}++;
    } else {
        $place->{known}{ $m->{seq} } = $m->{id};
        $place->{held}{ $m->{seq} }  = $m;
        $self->count->{held}++ if $m->{seq} > $place->{seq} + 1;
        while (my $next = delete $place->{held}{ $place->{seq} + 1 }) {
            $self->_show($place, $next);
        }
    }
    $self->_acknowledge($m) if $m->{senderId} == $self->user->id && defined $m->{clientMsgId};
}

sub _show ($self, $place, $m) {
    my $last = $place->{shown}[-1];
    push @{ $self->faults }, "$m->{conversationId}/$m->{seq} has an id below that of the message before"
        if $last && $last->{id} >= $m->{id};
    $place->{seq} = $m->{seq};
    push @{ $place->{shown} }, $m;
    $self->on_shown->($self, $m);
}

# --- 3: heartbeat with what was received ----------------------------------------------------------------------------

sub _beat ($self) {
    return if !$self->is_open;
    my @received;
    for my $conversation ($self->conversations) {
        my $place = $self->{places}{$conversation};
        push @received, [$conversation + 0, $place->{seq}] if $place->{seq} > ($place->{told} // 0);
        $place->{told} = $place->{seq};
    }
    $self->_frame(HEARTBEAT => @received ? { received => [@received[0 .. ($#received > 999 ? 999 : $#received)]] } : {});
}

# --- 4: pull what is missing; one's own from history ------------------------------------------------------------------

sub _pull ($self) {
    return $self->{pull_again} = 1 if $self->{pulling};
    $self->{pulling} = 1;
    $self->_pull_page(['private', 'group'], 0);
}

sub _pull_page ($self, $kinds, $after) {
    return $self->_pulled if !@$kinds;
    weaken(my $weak = $self);
    $self->_ask(GET => "/message/$kinds->[0]/pullOfflineMessage", { form => { minId => $after } }, sub ($body) {
        my $rows = $body && $body->{code} eq 200 ? $body->{data} : return $weak->_pull_failed;
        $weak->count->{pulled} += @$rows;
        $weak->_take($_) for @$rows;
        return $weak->_pull_page($kinds, $rows->[-1]{id}) if @$rows && $rows->[-1]{id} > $after;
        $weak->_pull_page([@$kinds[1 .. $#$kinds]], 0);
    });
}

sub _pull_failed ($self) {
    weaken(my $weak = $self);
    Mojo::IOLoop->timer(0.2 + rand 0.3 => sub { return if !$weak; $weak->{pulling} = 0; $weak->_pull if $weak->{running} });
}

sub _pulled ($self) {
    my ($conversation) = grep { %{ $self->{places}{$_}{held} } } $self->conversations;
    return $self->_history($self->{places}{$conversation}, 1) if defined $conversation;
    $self->{pulling} = 0;
    $self->_pull if delete $self->{pull_again} && $self->{running};
}

# Newest first, back to where nothing is missing.
sub _history ($self, $place, $page) {
    weaken(my $weak = $self);
    my $kind = $place->{with}{groupId} ? 'group' : 'private';
    $self->_ask(GET => "/message/$kind/history", { form => { %{ $place->{with} }, page => $page, size => 100 } }, sub ($body) {
        my $rows = $body && $body->{code} eq 200 ? $body->{data}{records} : return $weak->_pull_failed;
        $weak->count->{history} += @$rows;
        my $seq = $place->{seq};
        $weak->_take($_) for @$rows;
        return $weak->_history($place, $page + 1) if @$rows && $rows->[-1]{seq} > $seq + 1;
        $weak->_pulled;
    });
}

# --- 5: send, and again with the same clientMsgId until it is acknowledged --------------------------------------------

sub _send ($self) {
    my $next = $self->{queue}[0] // return;
    return if !$self->is_open;
    Mojo::IOLoop->remove($self->{again}) if $self->{again};
    weaken(my $weak = $self);
    $self->{again} = Mojo::IOLoop->timer($self->patience => sub { delete $weak->{again}, $weak->_send if $weak });
    $next->{sent} //= time;
    $self->count->{again}++ if $next->{tries}++;
    $self->_frame($next->{type} => $next->{data});
}

sub _acknowledge ($self, $m) {
    my $next = $self->{queue}[0];
    my $was  = $self->acknowledged->{ $m->{clientMsgId} };
    return push @{ $self->faults }, "$m->{clientMsgId} is both message $was->{id} and $m->{id}" if $was && $was->{id} != $m->{id};
    return if !$next || $next->{data}{clientMsgId} ne $m->{clientMsgId};
    push @{ $self->faults }, "$m->{clientMsgId} came back with another text" if $next->{data}{content} ne $m->{content};
    $self->acknowledged->{ $m->{clientMsgId} } = { %$m{qw(id conversationId seq content)}, sent => $next->{sent}, at => time };
    $self->_next;
}

sub _refused ($self, $error) {
    my $next = $self->{queue}[0];
    return if !$next || ($error->{clientMsgId} // '') ne $next->{data}{clientMsgId};
    return if $error->{code} == 500 || $error->{code} == 401;    # not its last word: again, after the wait
    $self->count->{refused}++;
    push @{ $self->faults }, "$next->{data}{clientMsgId} was refused with $error->{code}";
    $self->_next;
}

sub _next ($self) {
    my $done = shift @{ $self->{queue} };
    Mojo::IOLoop->remove(delete $self->{again}) if $self->{again};
    $self->on_sent->($self, $done);
    $self->_send;
}

# --- the wire -----------------------------------------------------------------------------------------------------------

sub _frame ($self, $type, $data) {
    $self->{tx}->send([1, 0, 0, 0, 1, encode_json({ type => $type, data => $data })]);
}

# The body of an answer, undef when there was none.
sub _ask ($self, $method, $path, $how, $then) {
    weaken(my $weak = $self);
    my $form    = $how->{form} // {};
    my $query   = join '&', map {"$_=$form->{$_}"} sort keys %$form;
    my %headers = (Authorization => 'Bearer ' . $self->user->access, 'Content-Type' => 'application/json');
    $self->http->send($method, $self->user->im->port('chat'), $query ? "$path?$query" : $path, \%headers,
        $how->{json} ? encode_json($how->{json}) : '', sub ($why, $status = 0, $bytes = '', @) {
            $then->(scalar eval { decode_json $bytes }) if $weak && $weak->{running};
        });
}

1;
