package IM::Match;

# Does what came fit what was expected?  Hashes may have further keys, arrays must have the same length,
# regular expressions match text, code decides for itself, undef wants null, anything else must be equal.

use v5.36;
use Exporter 'import';
use Mojo::JSON qw(encode_json);
use Mojo::Util qw(decode);
our @EXPORT_OK = qw(mismatch shown);

# The first difference as text, undef when it fits.
sub mismatch ($got, $expected, $at = 'data') {
    if (ref $expected eq 'CODE') {
        local $_ = $got;
        return $expected->($got) ? undef : "$at is " . shown($got);
    }
    return defined $got && !ref $got && $got =~ $expected ? undef : "$at is " . shown($got) . ", not like $expected"
        if ref $expected eq 'Regexp';
    return _mismatch_hash($got, $expected, $at)  if ref $expected eq 'HASH';
    return _mismatch_array($got, $expected, $at) if ref $expected eq 'ARRAY';
    return defined $got ? "$at is " . shown($got) . ', not null' : undef if !defined $expected;
    return defined $got && "$got" eq "$expected" ? undef : "$at is " . shown($got) . ', not ' . shown($expected);
}

sub _mismatch_hash ($got, $expected, $at) {
    return "$at is " . shown($got) . ', not an object' if ref $got ne 'HASH';
    for my $key (sort keys %$expected) {
        return "$at has no $key" if !exists $got->{$key};
        my $why = mismatch($got->{$key}, $expected->{$key}, "$at.$key");
        return $why if $why;
    }
    return;
}

sub _mismatch_array ($got, $expected, $at) {
    return "$at is " . shown($got) . ', not a list' if ref $got ne 'ARRAY';
    return "$at has " . @$got . ' elements, not ' . @$expected . ': ' . shown($got) if @$got != @$expected;
    for my $i (0 .. $#$expected) {
        my $why = mismatch($got->[$i], $expected->[$i], "$at\[$i]");
        return $why if $why;
    }
    return;
}

sub shown ($value) {
    my $text = ref $value && ref $value !~ /^(HASH|ARRAY|JSON)/ ? "$value" : decode 'UTF-8', encode_json $value;
    return length $text > 400 ? substr($text, 0, 400) . '…' : $text;
}

1;
