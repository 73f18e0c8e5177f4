package IM::Totp;

# What an authenticator shows: the code of a base32 secret at a time (RFC 6238).

use v5.36;
use Digest::SHA qw(hmac_sha1);
use Exporter 'import';

our @EXPORT_OK = qw(totp);

sub totp ($secret, $time) {
    my $bits = join '', map { sprintf '%05b', index 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', $_ } split //, $secret;
    my @tag  = unpack 'C*', hmac_sha1(pack('Q>', int $time / 30), pack 'B*', $bits);
    my $from = $tag[-1] & 15;
    return sprintf '%06d', (unpack('N', pack 'C4', @tag[$from .. $from + 3]) & 0x7fffffff) % 1_000_000;
}

1;
