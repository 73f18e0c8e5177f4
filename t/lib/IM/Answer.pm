package IM::Answer;

# What a service answered: already judged by the contract, waiting for the story's assertion.

use Mojo::Base -base, -signatures;
use IM::Match qw(mismatch shown);
use Test::More ();

has [qw(method path status text body headers faults)];

sub code    ($self) { return $self->body->{code} // 'none' }
sub message ($self) { return $self->body->{message} // '' }
sub data    ($self) { return $self->body->{data} }

# The call worked, and its data fits (IM::Match) when the story says what it should be.
sub ok ($self, $title, @expected) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $why = $self->code eq 200 ? @expected ? mismatch($self->data, $expected[0]) : undef : 'it was refused';
    $self->_report($title, $why);
    return $self->data;
}

# The call was refused with this code; the message fits when the story says how.
sub refused ($self, $code, $title, @message) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $why = $self->code eq $code ? undef : "the code is @{[$self->code]}, not $code";
    $why //= mismatch($self->message, $message[0], 'message') if @message;
    return $self->_report($title, $why);
}

# The data, or the end of the program: for fixtures, where a refusal is not the story.
sub must ($self) {
    return $self->data if $self->code eq 200;
    die "@{[$self->summary]}\n";
}

sub summary ($self) { return join ' ', $self->method, $self->path, "answered HTTP", $self->status, $self->text }

sub _report ($self, $title, $why) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @why = ($why // (), @{ $self->faults });
    return Test::More::pass($title) if !@why;
    Test::More::fail($title);
    Test::More::diag("  $_") for @why, length $self->summary > 1000 ? substr($self->summary, 0, 1000) : $self->summary;
    return 0;
}

1;
