package IM::Bench::Calls;

# Calls as clients make them, over HTTP: a thousand of two people at once that live on their heartbeats, and how long it
# takes from a setup to the socket of the other.

use Mojo::Base -base, -signatures;
use EV;
use IM::Bench::Sockets;
use IM::Http;
use IO::Select;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Promise;
use Time::HiRes qw(sleep time);

has [qw(im people)];        # IM::Stack; [{token, friend}…], the first two friends, the third and fourth, and so on
has http => sub { IM::Http->new(connections => 32) };

sub _post ($self, $who, $path, $fields) {
    my %headers = (Authorization => "Bearer $who->{token}", 'Content-Type' => 'application/json');
    return $self->http->ask(POST => $self->im->port('chat'), "/webrtc/private/$path", \%headers, encode_json($fields))->then(sub ($status, $text, @) {
        my $answer = decode_json $text;
        die "$path was refused: $text\n" if $answer->{code} ne 200;
        return $answer->{data};
    });
}

sub _wait ($self, @promises) {
    my ($error, @all);
    Mojo::Promise->all(@promises)->then(sub (@got) { @all = map { $_->[0] } @got })->catch(sub ($why) { $error = $why })->wait;
    die "a call failed: $error\n" if $error;
    return @all;
}

# Milliseconds from a setup to RTC_CALL at the other's socket, one call after the other, in ascending order.
sub ring ($self, $count) {
    my ($ann, $bob) = @{ $self->people }[0, 1];
    my $socket = IM::Bench::Sockets->new(port => $self->im->port('backstage'))->open($bob->{token});
    my $select = IO::Select->new($socket);
    my @times;
    for (1 .. $count) {
        my ($start, $text, $call) = (time, '');
        my $asked = $self->_post($ann, setup => { friendId => $bob->{id} + 0, mode => 1 })->then(sub ($data) { $call = $data->{callId} });
        my $watch = EV::io($socket, EV::READ, sub {
            sysread $socket, $text, 65536, length $text;
            push @times, 1000 * (time - $start) and $start = undef if $start && $text =~ /"SETUP"/;
        });
        my $late = Mojo::IOLoop->timer(10 => sub { warn "a call did not ring\n"; exit 1 });
        Mojo::IOLoop->one_tick until $call && !$start;
        Mojo::IOLoop->remove($late);
        undef $watch;
        $self->_wait($self->_post($ann, cancel => { callId => $call }));
        sleep 0.01;
        sysread $socket, $text, 65536 while $select->can_read(0.02);
    }
    return sort { $a <=> $b } @times;
}

# So many calls, each of two of the people, who then have it as call.
sub make ($self, $count) {
    my @pairs = map { [@{ $self->people }[2 * $_, 2 * $_ + 1]] } 0 .. $count - 1;
    $self->_wait(map {
        my ($ann, $bob) = @$_;
        $self->_post($ann, setup => { friendId => $bob->{id} + 0, mode => 1 })
            ->then(sub ($data) { $_->{call} = $data->{callId} for $ann, $bob; $self->_post($bob, accept => { callId => $ann->{call} }) })
    } @pairs);
    return map {@$_} @pairs;
}

# Each of these people sends a heartbeat every so many seconds, for so long: the greatest number of seconds that an answer took.
sub live ($self, $every, $seconds, @people) {
    my ($start, $sent, $open, $worst, $error) = (time, 0, 0, 0);
    my $ticks = Mojo::IOLoop->recurring(0.02 => sub {
        while ($sent < (time - $start) * @people / $every && time - $start < $seconds) {
            my ($who, $at) = ($people[$sent++ % @people], time);
            $open++;
            $self->_post($who, heartbeat => { callId => $who->{call} })->then(sub { my $took = time - $at; $worst = $took if $took > $worst })
                ->catch(sub ($why) { $error = $why })->finally(sub { $open-- });
        }
        Mojo::IOLoop->stop if $error || !$open && time - $start >= $seconds;
    });
    Mojo::IOLoop->start;
    Mojo::IOLoop->remove($ticks);
    die "a heartbeat failed: $error\n" if $error;
    return ($sent, $worst);
}

# How many of them are in a call.
sub living ($self) { return scalar $self->im->sql(q{select count(*) from im.call where state = 'accepted'}) }

1;
