package IM::Accounts;

# Accounts with a session and an access token, many at once: made by the functions that clients reach, but without the
# time that hashing their passwords takes, and with tokens signed here.

use Mojo::Base -base, -signatures;
use Digest::SHA qw(hmac_sha256 sha256_hex);
use MIME::Base64 qw(encode_base64url);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);

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

# An access token as src/base/token.c signs it.
sub token ($self, $account, $session) {
    my %head   = (alg => 'HS256', typ => 'JWT', kid => substr sha256_hex($self->key), 0, 8);
    my %claims = (iss => 'im-chat', aud => 'im-user', typ => 'access', sub => "$account", jti => "$session.1", ver => 1,
        sid => $session + 0, gen => 1, iat => int(time), exp => int(time) + $self->lifetime);
    my $text  = join '.', map { encode_base64url(encode_json($_)) } \%head, \%claims;
    my $token = $text . '.' . encode_base64url(hmac_sha256($text, $self->key));
    $self->im->secret($token);
    return $token;
}

1;
