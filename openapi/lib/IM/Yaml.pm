package IM::Yaml;

# YAML whose mappings stay in the order of the text, as a document for people wants them.
#
#     my $data = IM::Yaml::load($text);
#     my $hash = IM::Yaml::ordered(type => 'object', properties => …);    # another hash that keeps its order
#
# libyaml reads it, whose hashes in Perl have no order (what keeps it is written in Perl and takes thirty times as long).  So
# before it does every key is given its number in the text, by which what was read is sorted.  What only looks like a key, in a
# description, gets one too, and loses it like the others.

use v5.36;
use B ();
use JSON::PP ();
use YAML::XS ();

my $KEY    = qr{(?:[\w\$*][\w./*-]*|/[^\s'"]*)};
my $NUMBER = qr/\x{E000}(\d+)\x{E000}/;

sub load ($text) {
    my $count = 0;
    $text =~ s/(?:^ *|\{ *|, +|- +)['"]?\K(?=$KEY['"]?:(?: |$))/"\x{E000}" . $count++ . "\x{E000}"/gem;
    utf8::encode($text);
    local $YAML::XS::Boolean = 'JSON::PP';
    return _sorted(YAML::XS::Load($text));
}

sub _sorted ($node) {
    return [map { _sorted($_) } @$node] if ref $node eq 'ARRAY';
    return _plain($node) if ref $node ne 'HASH';
    my %number = map { ($_ => /\A$NUMBER/ ? $1 : die "$_: openapi/ has a key that IM::Yaml does not know as one\n") } keys %$node;
    return ordered(map { (_plain($_) => _sorted($node->{$_})) } sort { $number{$a} <=> $number{$b} } keys %number);
}

# libyaml marks what was a number without quotes; as JSON it has to be nothing else.
sub _plain ($value) {
    return $value if !defined $value || ref $value;
    return 0 + $value if B::svref_2object(\$value)->FLAGS & (B::SVp_IOK | B::SVp_NOK);
    return $value =~ s/$NUMBER//gr;
}

sub ordered (@pairs) {
    tie my %hash, __PACKAGE__;
    while (my ($name, $value) = splice @pairs, 0, 2) { $hash{$name} = $value }
    return \%hash;
}

sub TIEHASH  ($class) { return bless { values => {}, names => [], next => 0 }, $class }
sub FETCH    ($self, $name) { return $self->{values}{$name} }
sub EXISTS   ($self, $name) { return exists $self->{values}{$name} }
sub SCALAR   ($self) { return scalar @{ $self->{names} } }
sub FIRSTKEY ($self) { $self->{next} = 0; return $self->NEXTKEY(undef) }
sub NEXTKEY  ($self, $last) { return $self->{names}[$self->{next}++] }

sub STORE ($self, $name, $value) {
    push @{ $self->{names} }, $name if !exists $self->{values}{$name};
    $self->{values}{$name} = $value;
}

sub DELETE ($self, $name) {
    @{ $self->{names} } = grep { $_ ne $name } @{ $self->{names} } if exists $self->{values}{$name};
    return delete $self->{values}{$name};
}

1;
