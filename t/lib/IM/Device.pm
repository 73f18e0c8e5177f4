package IM::Device;

# One of several devices of an account, which does what message(8) says of several devices and nothing else: it keeps what
# it is told, hears what is pushed while it is connected, and asks /message/sync for what it has not.
#
#     my $phone = IM::Device->new(user => $ann)->connect->sync;
#     $phone->shown;                          # what its user sees, as text

use Mojo::Base -base, -signatures;
use Mojo::JSON qw(encode_json);

has 'user';
has 'since';
has [qw(conversations messages)] => sub { {} };    # by conversationId; messages then by seq
has [qw(asked told)] => 0;                         # syncs; messages that they brought
has 'socket';

sub connect ($self) { return $self->socket($self->user->socket) }

# What was under way is lost.
sub lose ($self) {
    $self->socket->close if $self->socket;
    return $self->socket(undef);
}

# Takes in what was pushed: new messages and recalls; all else is told by a sync.
sub hear ($self) {
    return if !$self->socket;
    $self->user->im->run(0);
    while (my $frame = shift @{ $self->socket->frames }) {
        my $data = $frame->{data};
        next if $frame->{type} !~ /\A(?:PRIVATE|GROUP)_MESSAGE\z/;
        $self->_take($data) if $data->{event} eq 'MESSAGE';
        my $old = $self->messages->{ $data->{conversationId} // 0 }{ $data->{seq} // 0 };
        @$old{qw(content isRecalled)} = ('', 1) if $old && $data->{event} eq 'RECALL';
    }
}

sub _take ($self, $message) { $self->messages->{ $message->{conversationId} }{ $message->{seq} } = $message }

# Up to where nothing is missing in what it may see.
sub _upto ($self, $place) {
    my $seq = $self->conversations->{$place}{joinedSeq};
    $seq++ while $self->messages->{$place}{ $seq + 1 };
    return $seq;
}

sub _lacking ($self) {
    my $known = $self->conversations;
    return map { [$_ + 0, $self->_upto($_)] } grep { $self->_upto($_) < $known->{$_}{lastSeq} } sort { $a <=> $b } keys %$known;
}

# Asks once; true when there is more to ask.  Nothing changes when it is not answered.
sub ask ($self) {
    my @have   = $self->_lacking;
    my $answer = $self->user->post('/message/sync', { since => $self->since, @have ? (have => \@have) : () });
    return 1 if $answer->code ne 200;
    my $data = $answer->ok('a sync') // return 1;
    $self->asked($self->asked + 1)->told($self->told + @{ $data->{messages} });
    delete @{ $self->$_ }{ @{ $data->{gone} } } for qw(conversations messages);
    $self->_now($_) for @{ $data->{conversations} };
    $self->_take($_) for @{ $data->{messages} };
    $self->since($data->{since});
    return $data->{more} || $self->_lacking ? 1 : 0;
}

# What was said before the account came (again) is not to be seen.
sub _now ($self, $conversation) {
    my ($place, $joined) = @$conversation{qw(conversationId joinedSeq)};
    $self->conversations->{$place} = $conversation;
    delete $self->messages->{$place}{$_} for grep { $_ <= $joined } keys %{ $self->messages->{$place} // {} };
}

sub sync ($self) {
    my $tries = 0;
    while ($self->ask) { die "it never ends\n" if ++$tries > 1000 }
    return $self;
}

# Whether a heartbeat says that there is something.
sub news ($self) {
    $self->socket->send(HEARTBEAT => { since => $self->since });
    return $self->socket->expect(HEARTBEAT => 'HEARTBEAT')->{news} ? 1 : 0;
}

# Status is not of it: that a message was delivered is no news.
sub shown ($self) {
    my @lines;
    for my $place (sort { $a <=> $b } keys %{ $self->conversations }) {
        my %row = %{ $self->conversations->{$place} };
        push @lines, encode_json([map { [$_, $row{$_}] } sort keys %row]);
        my $said = $self->messages->{$place} // {};
        push @lines, map { join ' ', $place, @{ $said->{$_} }{qw(seq id senderId content)}, $said->{$_}{isRecalled} ? 'recalled' : '' }
            sort { $a <=> $b } keys %$said;
    }
    return join "\n", @lines;
}

1;
