package IM::Accounts;

# Accounts with a session and an access token, many at once: made by the functions that clients reach, but without the
# time that hashing their passwords takes, and with tokens signed here.

use Mojo::Base -base, -signatures;
use Digest::SHA qw(hmac_sha256 sha256_hex);
use IM::User;
use MIME::Base64 qw(encode_base64url);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::Util qw(encode trim);

has 'im';
has lifetime => 1800;    # seconds, of the tokens
has key => sub ($self) { path($self->im->state, 'secret/user/IM_JWT_KEY_USER')->slurp =~ s/\s+\z//r };

# So many, called prefix1, prefix2 …: {id, name, session, token}, ids rising.
sub make ($self, $prefix, $count) {
    my $number = 0;
    return map { +{ id => $_->[0] + 0, name => $prefix . ++$number, session => $_->[1] + 0, token => $self->token(@$_) } }
        $self->im->sql(<<~SQL);
            begin;
            create temporary table made on commit drop as
              select n, (select r."userId" from api.auth_register('$prefix' || n, 'no password', '$prefix' || n, null, null) r) as account
                from generate_series(1, $count) n;
            select m.account, d.session
              from made m cross join lateral api.auth_login_done(m.account, true, '127.0.0.1', '$prefix', 'no password', false) d order by m.n;
            delete from im.outbox where xid = pg_current_xact_id();
            commit
            SQL
}

# One with a password, a profile and a session, as IM::User.  To hash passwords is most of what POST /register and POST /login
# cost: on a stack of the story's own it has what they do without them, and who is given no password has that of the others.
sub user ($self, $name, %profile) {
    my $password = delete $profile{password} // ($self->{password} //= join ' ', 'pw', map { int rand 65_536 } 1 .. 3);
    my $user     = IM::User->new(im => $self->im, name => delete $profile{username} // $name, password => $password);
    $profile{nickName} //= ucfirst $name;
    $self->im->secret($password);
    return $user->keep($self->_enter($user->name, $self->_hash($password), %profile)) if $self->im->own;
    $user->post('/register', { username => $user->name, password => $password, %profile })->must;
    return $user->keep($user->login->must);
}

sub _hash ($self, $password) {
    return $self->{hash}{$password} //= do {
        open my $auth, '-|', 'sh', '-c', 'printf %s "$1" | "$0" --hash', path($self->im->state, 'cgi-bin/auth'), encode('UTF-8', $password);
        my $hash = trim readline $auth;
        close $auth or die "could not hash a password\n";
        $hash;
    };
}

sub _enter ($self, $name, $hash, %profile) {
    my @texts = map { defined ? "'" . s/'/''/gr . "'" : 'null' } $name, $hash, @profile{qw(nickName email phone)};
    my ($row) = $self->im->sql(<<~"SQL");
        with made as materialized (select r."userId" from api.auth_register(@{[join ', ', @texts]}) r)
        select d."userId", d.session, d."issuedAt" from made
          cross join lateral api.auth_login_done(made."userId", true, '127.0.0.1', 'IM::User', $texts[1], false) d
        SQL
    my ($account, $session, $issued) = @{ $row // die "could not make an account called $name\n" };
    my $lifetime = sub ($key, $usual) { $self->im->config->{$key} // $usual };
    return {
        userId      => $account + 0,
        accessToken => $self->token($account, $session, iat => $issued + 0, exp => $issued + $lifetime->(IM_ACCESS_TTL => 1800)),
        refreshToken => $self->token($account, $session, typ => 'refresh', iat => $issued + 0, exp => $issued + $lifetime->(IM_REFRESH_TTL => 604_800)),
    };
}

# Makes friends of each two: [id, id], …
sub befriend ($self, @pairs) {
    my $calls = join ', ', map {"($_->[0], $_->[1])"} @pairs;
    $self->im->sql(<<~SQL) if @pairs;
        begin;
        update im.setting set value = '1000000' where name = 'friend.hour_limit';
        select api.friend_request_apply(v.one, v.other, null), api.friend_request_apply(v.other, v.one, null)
          from (values $calls) v(one, other);
        update im.setting set value = preset where name = 'friend.hour_limit';
        delete from im.outbox where xid = pg_current_xact_id();
        commit
        SQL
    return $self;
}

# An access token as src/base/token.c signs it, or one with other claims.
sub token ($self, $account, $session, %other) {
    my %head   = (alg => 'HS256', typ => 'JWT', kid => substr sha256_hex($self->key), 0, 8);
    my %claims = (iss => 'im-chat', aud => 'im-user', typ => 'access', sub => "$account", jti => "$session.1", ver => 1,
        sid => $session + 0, gen => 1, iat => int(time), exp => int(time) + $self->lifetime, %other);
    my $text  = join '.', map { encode_base64url(encode_json($_)) } \%head, \%claims;
    my $token = $text . '.' . encode_base64url(hmac_sha256($text, $self->key));
    $self->im->secret($token);
    return $token;
}

1;
