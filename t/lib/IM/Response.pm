package IM::Response;

# An HTTP answer as it came.  Its headers are read when somebody asks for one, which is rare.

use Mojo::Base -base, -signatures;
use Mojo::Headers;
use Mojo::JSON qw(decode_json);

has [qw(code head body)];    # head: bytes, from the status line to the empty line
has headers => sub ($self) { Mojo::Headers->new->parse($self->head =~ s/\A[^\n]*\n//r) };

sub json ($self) { return scalar eval { decode_json $self->body } }
sub is_success ($self) { return $self->code =~ /\A2/ }

1;
