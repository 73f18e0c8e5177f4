package IM::Socket;

# One open WebSocket of a user.  Frames that arrive wait in a queue until the story asks for them, so nothing
# sleeps: expect() and next() run the loop until the frame is there or the deadline is over.  Every frame is
# judged by the contract.

use Mojo::Base -base, -signatures;
use IM::Machine qw(slowness);
use IM::Match qw(mismatch shown);
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json false true);
use Mojo::URL;
use Mojo::UserAgent;
use Mojo::Util qw(encode);
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(time);

has 'user';
has service  => 'backstage';                              # the port: 8081 is the document's, 8080 hands /ws on
has query    => sub ($self) { { accessToken => $self->user->access } };
has headers  => sub { {} };
has deadline => 5;
has frames   => sub { [] };
has faults   => sub { [] };                              # of frames, until somebody waits for one
has [qw(tx status closed texts)];

# Each socket its own agent, on the one loop that all sockets share.
has ua => sub { Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5, inactivity_timeout => 0) };

# Connects and waits for the handshake; status is the HTTP status, 101 when the socket is open.
sub open ($self) {
    weaken(my $weak = $self);
    my $base = $self->user->im->url($self->service) =~ s/^http/ws/r;
    my $url  = Mojo::URL->new("$base/ws")->query($self->query);
    $self->texts([]);
    $self->ua->websocket($url => $self->headers => sub ($ua, $tx) { $weak->_opened($tx) if $weak });
    $self->_until(sub { $self->status }, 10);
    return $self;
}

sub _opened ($self, $tx) {
    weaken(my $weak = $self);
    $self->tx($tx)->status($tx->res->code // 'no answer');
    return $self->closed($self->status) if !$tx->is_websocket;
    $self->status(101);
    $tx->max_websocket_size(1 << 24);
    $tx->on(text => sub ($tx, $bytes) { $weak->_arrived($bytes) if $weak });
    $tx->on(finish => sub ($tx, $code, $reason = '') { $weak->closed($code // 1006) if $weak });
}

sub _arrived ($self, $bytes) {
    my $text   = Mojo::Util::decode('UTF-8', $bytes) // $bytes;
    my @faults = $self->user->im->contract('chat')->push_faults($text);
    push @{ $self->faults }, "a frame pushed to @{[$self->user->name // 'a stranger']} " . join('; ', @faults) . ": $text"
        if @faults;
    push @{ $self->texts }, $text;
    push @{ $self->frames }, { %{ (eval { decode_json $bytes }) // {} }, at => time };
}

# Sends {"type":…,"data":…}.
sub send ($self, $type, $data = {}) { return $self->send_text(encode_json({ type => $type, data => $data })) }

# Sends bytes as they are, in one text frame.
sub send_text ($self, $bytes) {
    my $sent;
    $self->tx->send([1, 0, 0, 0, 1, $bytes], sub { $sent = 1 });
    return $self;
}

# The oldest frame of any kind, undef at the deadline.
sub next ($self, $deadline = $self->deadline) {
    $self->_until(sub { @{ $self->frames } || defined $self->closed }, $deadline);
    return shift @{ $self->frames };
}

# Takes the oldest frame of that type and event whose data fits, leaving others in the queue, and asserts that there
# is one.  Without a title it asserts nothing but complains when none comes.  Returns its data.
sub expect ($self, $type, $event, $expected = {}, $title = undef) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $frame = $self->take($type, $event, $expected);
    my $what  = "$type $event";
    if (!$frame) {
        my @waiting = map { shown({ %$_, at => 0 }) } @{ $self->frames };
        $self->user->im->complain($title // "waiting for $what", "no $what fits " . shown_expected($expected),
            defined $self->closed ? "the socket was closed with @{[$self->closed]}" : (), map {"waiting: $_"} @waiting);
        return {};
    }
    Test::More::pass($title) if defined $title;
    return $frame->{data};
}

sub shown_expected ($expected) { return join ' ', map {"$_=$expected->{$_}"} map { defined $expected->{$_} ? $_ : () } sort keys %$expected }

# As expect(), without any assertion: the frame, or undef at the deadline.
sub take ($self, $type, $event, $expected = {}, $deadline = $self->deadline) {
    my $found;
    $self->_until(sub { defined($found = $self->_find($type, $event, $expected)) || defined $self->closed }, $deadline);
    return defined $found ? splice(@{ $self->frames }, $found, 1) : undef;
}

sub _find ($self, $type, $event, $expected) {
    my $frames = $self->frames;
    for my $i (0 .. $#$frames) {
        my ($t, $data) = @{ $frames->[$i] }{qw(type data)};
        return $i if ($t // '') eq $type && ($data->{event} // '') eq $event && !mismatch($data, $expected);
    }
    return;
}

# HEARTBEAT and its answer's data.
sub heartbeat ($self, $data = {}) {
    $self->send(HEARTBEAT => $data);
    return $self->expect(HEARTBEAT => 'HEARTBEAT');
}

# Asserts that no frame of that type and event waits once the socket has answered a heartbeat.
sub nothing ($self, $type, $event, $title) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->heartbeat;
    return Test::More::ok(!defined $self->_find($type, $event, {}), $title);
}

# Waits for the server to close the socket; asserts that it did.
sub expect_close ($self, $title, $deadline = $self->deadline) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->_until(sub { defined $self->closed }, $deadline);
    return Test::More::ok(defined $self->closed, $title);
}

sub is_open ($self) { return $self->status eq '101' && !defined $self->closed }

# Runs the loop for as long as the condition is false and the deadline is ahead.
sub wait_until ($self, $condition, $deadline = $self->deadline) { return $self->_until($condition, $deadline) }

sub _until ($self, $condition, $deadline) {
    my $over;
    my $timer = Mojo::IOLoop->timer($deadline * slowness() => sub { $over = 1 });
    Mojo::IOLoop->one_tick until $over || $condition->();
    Mojo::IOLoop->remove($timer);
    $self->user->im->complain($_) for splice @{ $self->faults };
    return !$over;
}

sub close ($self) {
    $self->tx->finish(1000) if $self->is_open;
    $self->_until(sub { defined $self->closed }, 2);
    return $self;
}

# Leaves without a word, as a phone in a tunnel does.
sub vanish ($self) {
    Mojo::IOLoop->remove($self->tx->connection) if $self->is_open;
    $self->closed(1006);
    return $self;
}

1;
