package IM::Rights;

# How t/rights.t tries its table: rows of "METHOD path", fields, then who is answered what, in this order.  @name in
# them is an id of the scene.
#
# First whatever is refused, all at once, and the database must be as it was.  Then what is done, each route on things
# made for it, in the order of its rows.

use Mojo::Base -base, -signatures;
use Mojo::JSON qw(encode_json);
use Scalar::Util qw(looks_like_number);
use Test::More ();

has 'im';
has at   => sub { {} };    # name => what @name stands for
has who  => sub { {} };    # name => client
has make => sub { [] };    # [name, sub that makes it, what it is made in …]; @name2 is one more like @name
has bad  => sub { {} };    # service => [title, code, header Authorization] of every token that opens nothing
has rows => sub { {} };    # route => its rows

# Tables that a request which is refused may write: who is there, what failed, what is to be told.
# And what imclerk makes of messages and money meanwhile.
my @VOLATILE = qw(admin_login admin_session captcha connection idempotency login_failure login_failure_address outbox presence session
    follower follower_gap ledger_proof ledger_total message_text stat_active stat_day stat_now);

sub add ($self, $service, @rows) {
    push @{ $self->rows->{ _key($service, $_->[0]) } }, $_ for @rows;
    return $self;
}

# A route, whatever stands for the ids in its path.
sub _key ($service, $name) { return "$service " . $name =~ s/\{\w+\}|@\w+/*/gr }

sub service ($self, $route) { return $route->{service} // 'ws' }

sub key ($self, $route) { return _key($self->service($route), "$route->{method} $route->{path}") }

sub rows_of ($self, $route) { return @{ $self->rows->{ $self->key($route) } // [] } }

# A row in which somebody is not refused.
sub _done ($row) { return scalar grep { $_ eq '200' } @$row[3 .. $#$row] }

sub done ($self, $route) { return grep { _done($_) } $self->rows_of($route) }

sub refused ($self, $route) { return grep { !_done($_) } $self->rows_of($route) }

# table => what is in it, of all the others.
sub state ($self) {
    my %volatile = map { ($_ => 1) } @VOLATILE;
    my @tables = @{ $self->{tables} //= [grep { !$volatile{$_} } map { $_->[0] } $self->im->sql(q{select tablename from pg_tables where schemaname = 'im'})] };
    my @rows   = $self->im->sql(join ' union all ', map {"select '$_', md5(string_agg(x::text, ' ' order by x::text)) from im.$_ x"} @tables);
    return { map { ($_->[0] => $_->[1]) } @rows };
}

# Makes anew what these rows name.
sub renew ($self, @rows) {
    my %wanted = map { ($_ => 1) } encode_json(\@rows) =~ /\@(\w+)/g;
    for (reverse @{ $self->make }) {
        my ($name, $maker, @places) = @$_;
        @wanted{@places} = (1) x @places if grep {/\A$name\d?\z/} keys %wanted;
    }
    for (@{ $self->make }) {
        my ($name, $maker) = @$_;
        $self->at->{$_} = $maker->() for grep {/\A$name\d?\z/} sort keys %wanted;
    }
    return $self;
}

# Every token that opens nothing, then whoever is refused.  A public route takes no notice of tokens: with each the last
# row is answered what it says.
sub try_refused ($self, $route) {
    if ($self->service($route) eq 'ws') {
        $self->_try_handshakes(@{ $self->bad->{chat} }) if $route->{path} eq '/socket/handshake';
        return $self->_try_frames($route, $self->refused($route));
    }
    my @rows = $self->rows_of($route);
    my ($name, $fields, undef, $public) = @{ $rows[-1] };
    undef $public if $route->{who} ne 'ANYONE';
    $self->_report($route, (map { [$_->[0], $public // $_->[1], $self->_request($name, $fields, $_->[2])] } @{ $self->bad->{ $self->service($route) } }),
        map { $self->_cases(@$_) } $self->refused($route));
}

# Then whoever is not.
sub try_done ($self, $route) {
    return $self->_try_frames($route, $self->done($route)) if $self->service($route) eq 'ws';
    $self->_report($route, map { $self->_cases(@$_) } $self->done($route));
}

# Title, code and request of each case of a row.
sub _cases ($self, $name, $fields, @cases) {
    my @tries;
    while (my ($one, $code) = splice @cases, 0, 2) {
        my $token = $self->who->{$one}->access;
        push @tries, ["$name, $one: $code", $code, $self->_request($name, $fields, defined $token ? "Bearer $token" : undef)];
    }
    return @tries;
}

sub _request ($self, $name, $fields, $header) {
    return [split(/ /, $self->fill($name)), $self->fill($fields), Authorization => $header];
}

sub _report ($self, $route, @tries) {
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    my @answers = $self->im->stranger($route->{service})->many(map { $_->[2] } @tries);
    for (@tries) {
        my ($title, $code) = @$_;
        my $answer = shift @answers;
        $code == 200 ? $answer->ok($title) : $answer->refused($code, $title);
    }
}

sub fill ($self, $value) {
    return { map { ($_ => $self->fill($value->{$_})) } keys %$value } if ref $value eq 'HASH';
    return [map { $self->fill($_) } @$value] if ref $value eq 'ARRAY';
    return $value if ref $value;
    my $filled = $value =~ s/@(\w+)/$self->at->{$1}/ger;
    return $value =~ /\A@/ && looks_like_number($filled) ? $filled + 0 : $filled;
}

# --- the WebSocket: handshakes with every token, then frames, one after the other ---

sub _try_frames ($self, $route, @rows) {
    for my $row (@rows) {
        my ($name, $fields, @cases) = @$row;
        while (my ($one, $code) = splice @cases, 0, 2) {
            my $title = "$name, $one: $code";
            if ($route->{path} eq '/socket/handshake') { $self->_try_handshakes([$title, $code, 'Bearer ' . $self->who->{$one}->access]) }
            else { Test::More::is($self->_frame($route, $one, $self->fill($fields)), $code, $title) }
        }
    }
}

sub _try_handshakes ($self, @tries) {
    for (@tries) {
        my ($title, $code, $header) = @$_;
        my $socket = $self->who->{owner}->socket(query => {}, headers => { defined $header ? (Authorization => $header) : () });
        my $got    = $socket->is_open ? 200 : ($socket->tx->res->json // {})->{code} // 'none';
        $socket->close;
        Test::More::is($got, $code, $title);
    }
}

# The code of a frame's answer: of the type itself, a heartbeat where the row is about frames of any type.
sub _frame ($self, $route, $one, $fields) {
    my $type   = $route->{method} eq 'WS' ? $route->{path} : 'HEARTBEAT';
    my $id     = 'rights-' . ++$self->{frames};
    my $socket = $self->socket_of($one);
    my $answer;
    $socket->send($type => { %$fields, $type eq 'HEARTBEAT' ? () : (clientMsgId => $id) });
    $socket->wait_until(sub {
        ($answer) = grep { $_->{data}{event} =~ /\A(?:ERROR|HEARTBEAT)\z/ || ($_->{data}{clientMsgId} // '') eq $id } @{ $socket->frames };
        return $answer;
    });
    $socket->frames([]);
    return 'none' if !$answer;
    return $answer->{data}{event} eq 'ERROR' ? $answer->{data}{code} : 200;
}

# Somebody's open socket.
sub socket_of ($self, $one) { return $self->{socket}{$one} //= $self->who->{$one}->socket }

1;
