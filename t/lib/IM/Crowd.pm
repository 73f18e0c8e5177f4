package IM::Crowd;

# Many accounts at once, as people that a story can tell of.
#
#     my @people = IM::Crowd->new(im => $im)->people(50);       # IM::User
#     my $group  = IM::Crowd->new(im => $im)->group(@people);   # owner first; friends or not

use Mojo::Base -base, -signatures;
use IM::Accounts;
use IM::User;
use Mojo::UserAgent;

has 'im';
has name     => 'crowd';
has accounts => sub ($self) { IM::Accounts->new(im => $self->im) };

# All of one crowd ask through one agent.
has ua => sub {
    Mojo::UserAgent->new(max_redirects => 0, max_connections => 200, connect_timeout => 5, request_timeout => 20, inactivity_timeout => 0);
};

sub people ($self, $count) {
    return map { IM::User->new(im => $self->im, name => $_->{name}, id => $_->{id}, access => $_->{token}, ua => $self->ua) }
        $self->accounts->make($self->name, $count);
}

# Makes friends of each two: [$ann, $bob], …
sub befriend ($self, @pairs) {
    $self->accounts->befriend(map { [$_->[0]->id, $_->[1]->id] } @pairs);
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

1;
