package IM::Turn;

# One client of a TURN server, by UDP: what Debian's does not say, it does.
#
#     my $turn = IM::Turn->new(port => 3478, server => $ice_server);    # {username, credential}
#     $turn->allocate;                # 200, or the code of the error
#     $turn->permit('192.0.2.1');     # the same: whether packets to that peer would be relayed
#     $turn->refresh;                 # or ->refresh(0), which gives it back

use Mojo::Base -base, -signatures;
use Digest::MD5 qw(md5);
use Digest::SHA qw(hmac_sha1);
use IO::Select;
use IO::Socket::INET;

has [qw(port server)];
has host   => '127.0.0.1';
has socket => sub ($self) { IO::Socket::INET->new(Proto => 'udp', PeerAddr => $self->host, PeerPort => $self->port) // die "no socket: $!\n" };

my $COOKIE = 0x2112A442;
my %METHOD = (allocate => 3, refresh => 4, permit => 8);
my %NUMBER = (username => 0x06, integrity => 0x08, error => 0x09, lifetime => 0x0d, peer => 0x12, realm => 0x14, nonce => 0x15, transport => 0x19);

sub allocate ($self) { return $self->_ask(allocate => transport => pack 'C4', 17, 0, 0, 0) }

sub refresh ($self, $seconds = 600) { return $self->_ask(refresh => lifetime => pack 'N', $seconds) }

sub permit ($self, $peer) { return $self->_ask(permit => peer => pack 'CCnN', 0, 1, 9 ^ $COOKIE >> 16, unpack('N', Socket::inet_aton($peer)) ^ $COOKIE) }

# The first answer only brings realm and nonce, and so does one that finds them too old.
sub _ask ($self, $method, @attributes) {
    my $code;
    for (1 .. 2) {
        my $had = $self->{nonce};
        ($code, my %told) = $self->_exchange($METHOD{$method}, @attributes);
        last if $code != 438 && !($code == 401 && !defined $had);
        @$self{qw(realm nonce)} = @told{qw(realm nonce)};
    }
    return $code;
}

# UDP loses packets: what is not answered is sent again.
sub _exchange ($self, $method, @attributes) {
    my $id      = join '', map { chr int rand 256 } 1 .. 12;
    my $request = $self->_request($method, $id, @attributes);
    for (1 .. 5) {
        $self->socket->send($request);
        while (IO::Select->new($self->socket)->can_read(1)) {
            $self->socket->recv(my $answer, 2048);
            return _read($answer) if defined $answer && length $answer >= 20 && substr($answer, 8, 12) eq $id;
        }
    }
    return 0;
}

sub _request ($self, $method, $id, @attributes) {
    my $body = '';
    my %auth = (username => $self->server->{username}, realm => $self->{realm}, nonce => $self->{nonce});
    push @attributes, %auth if defined $self->{nonce};
    while (my ($name, $value) = splice @attributes, 0, 2) { $body .= _attribute($name, $value) }
    my $head = sub ($length) { return pack('nnN', $method, $length, $COOKIE) . $id };
    return $head->(length $body) . $body if !defined $self->{nonce};
    my $key = md5(join ':', $auth{username}, $auth{realm}, $self->server->{credential});
    return $head->(24 + length $body) . $body . _attribute(integrity => hmac_sha1($head->(24 + length $body) . $body, $key));
}

sub _attribute ($name, $value) { return pack('nn', $NUMBER{$name}, length $value) . $value . "\0" x (-length($value) % 4) }

# 200 or the error's code, and the attributes.
sub _read ($answer) {
    my ($type, %found) = unpack 'n', $answer;
    my %name = reverse %NUMBER;
    for (my $at = 20; $at + 4 <= length $answer;) {
        my ($number, $length) = unpack 'nn', substr $answer, $at, 4;
        $found{ $name{$number} // $number } = substr $answer, $at + 4, $length;
        $at += 4 + $length + -$length % 4;
    }
    my ($hundreds, $rest) = unpack 'x2CC', $found{error} // "\0" x 4;
    return ($type & 0x0110) == 0x0110 ? ($hundreds * 100 + $rest, %found) : (200, %found);
}

1;
