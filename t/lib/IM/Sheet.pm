package IM::Sheet;

# An exported list as a spreadsheet reads it: RFC 4180, a tab before a text is not shown.

use Mojo::Base -base, -signatures;
use Mojo::Util qw(decode);

has 'response';    # Mojo::Message::Response
has faults => sub { [] };
has lines  => sub ($self) { $self->_lines };

sub columns ($self) { return $self->lines->[0] }

# column => cell, of each row.
sub rows ($self) {
    my ($head, @rows) = @{ $self->lines };
    return map { my $row = $_; +{ map { ($head->[$_] => $row->[$_]) } 0 .. $#$head } } @rows;
}

sub _lines ($self) {
    my $text = decode('UTF-8', $self->response->body) // '';
    push @{ $self->faults }, 'is not UTF-8 with its mark' if $text !~ s/\A\x{feff}//;
    my @lines;
    while ($text =~ /\G("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gc) {
        my ($cell, $end) = ($1, $2);
        $cell =~ s/""/"/g if $cell =~ s/\A"(.*)"\z/$1/s;
        push @{ $self->{line} }, $cell =~ s/\A\t//r;
        push @lines, delete $self->{line} if $end eq "\r\n";
    }
    push @{ $self->faults }, 'ends within a line' if $self->{line} || (pos($text) // 0) < length $text;
    return \@lines;
}

1;
