package IM::Crowd;

# Many accounts at once: made by the functions that clients reach, but without the time that hashing their passwords
# takes, and with access tokens signed here.
#
#     my @people = IM::Crowd->new(im => $im)->people(50);       # IM::User
#     my $group  = IM::Crowd->new(im => $im)->group(@people);   # owner first; friends or not

use Mojo::Base -base, -signatures;
use Digest::SHA qw(hmac_sha256 sha256_hex);
use IM::User;
use MIME::Base64 qw(encode_base64url);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::UserAgent;

has 'im';
has name => 'crowd';
has key  => sub ($self) { path($self->im->state, 'secret/user/IM_JWT_KEY')->slurp =~ s/\s+\z//r };

# All of one crowd ask through one agent.
has ua => sub {
    Mojo::UserAgent->new(max_redirects => 0, max_connections => 200, connect_timeout => 5, request_timeout => 20, inactivity_timeout => 0);
};

sub people ($self, $count) {
    my ($name, @people) = ($self->name);
    my @rows = $self->im->sql(<<~SQL);
        begin;
        create temporary table crowd on commit drop as
          select n, (select r."userId" from api.auth_register('$name' || n, 'no password', '$name' || n, null, null) r) as account
            from generate_series(1, $count) n;
        select c.account, d.session
          from crowd c cross join lateral api.auth_login_done(c.account, true, '127.0.0.1', 'crowd') d order by c.n;
        delete from im.outbox where xid = pg_current_xact_id();
        commit
        SQL
    for my $row (@rows) {
        my ($account, $session) = @$row;
        my $token = $self->token($account, $session);
        push @people, IM::User->new(im => $self->im, name => $name . (@people + 1), id => $account + 0, access => $token, ua => $self->ua);
        $self->im->secret($token);
    }
    return @people;
}

# Makes friends of each two: [$ann, $bob], …
sub befriend ($self, @pairs) {
    my $calls = join ', ', map { sprintf '(%d, %d)', $_->[0]->id, $_->[1]->id } @pairs;
    $self->im->sql(<<~SQL);
        begin;
        select api.friend_request_apply(v.one, v.other, null) from (values $calls) v(one, other);
        select api.friend_request_apply(v.other, v.one, null) from (values $calls) v(one, other);
        delete from im.outbox where xid = pg_current_xact_id();
        commit
        SQL
    return $self;
}

# A group of these, its owner first, whether they are friends or not: its id.
sub group ($self, $owner, @members) {
    my $ids = join ', ', map { '(' . $_->id . ')' } @members;
    my ($row) = grep { $_->[0] } $self->im->sql(<<~SQL);
        begin;
        create temporary table made on commit drop as select * from api.group_create(@{[$owner->id]}, 'crowd', null, null, '{}');
        insert into im.member (conversation_id, account_id, role)
          select g.conversation_id, v.id, 'MEMBER' from made m join im.chat_group g on g.id = m.id, (values $ids) v(id);
        update im.chat_group g set member_count = @{[1 + @members]} from made m where g.id = m.id;
        delete from im.outbox where xid = pg_current_xact_id();
        select id from made;
        commit
        SQL
    return $row->[0] + 0;
}

# An access token as src/token.c signs it.
sub token ($self, $account, $session) {
    my %head   = (alg => 'HS256', typ => 'JWT', kid => substr sha256_hex($self->key), 0, 8);
    my %claims = (iss => 'im-chat', aud => 'im-user', typ => 'access', sub => "$account", jti => "$session.1", ver => 1,
        sid => $session + 0, gen => 1, iat => int(time), exp => int(time) + 1800);
    my $text = join '.', map { encode_base64url(encode_json($_)) } \%head, \%claims;
    return $text . '.' . encode_base64url(hmac_sha256($text, $self->key));
}

1;
