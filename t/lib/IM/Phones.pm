# Telephone numbers as people write them, and what libphonenumber says of them (in Python: python3-phonenumbers).
package IM::Phones;
use v5.36;
use utf8;
use Exporter qw(import);
use IPC::Open2 qw(open2);
our @EXPORT_OK = qw(spellings generated library_keys);

# Each kind there is: mobile, land line, short, abroad, by a carrier, with an extension, and what is none.
sub spellings () {
    return split /\n/, <<~'END' =~ s/\n\z//r;
        13800138000
        +8613800138000
        8613800138000
        008613800138000
        013800138000
        +86 138 0013 8000
        +86-138-0013-8000
        138-0013-8000
        138 0013 8000
        (+86) 138 0013 8000
        (86)13800138000
        +86 (0)138 0013 8000
        +86013800138000
        86013800138000
        +008613800138000
        ++8613800138000
        １３８００１３８０００
        １３８　００１３　８０００
        ＋８６１３８００１３８０００
        138–0013–8000
        138.0013.8000
        138/0013/8000
        13800138000。
        <13800138000>
        tel:+86-138-0013-8000
        TEL:13800138000
        13800138000 ext. 5
        13800138000;ext=12
        13800138000x12
        13800138000#12
        13800138000,,12
        1795113800138000
        17951 138 0013 8000
        12593 13800138000
        17951008613800138000
        1795100 1 650 253 0000
        19412345678
        14612345678
        14812345678
        17912345678
        17951138001
        010-12345678
        (010) 12345678
        +86 10 12345678
        0086 10 12345678
        +86 010 12345678
        8610 1234 5678
        8610123456
        86101234567
        8612345678
        021 6234 5678-801
        62345678
        02162345678
        0755-2345678
        400-800-8000
        4008008000
        800 820 8820
        95588
        12306
        110
        12
        1
        +85291234567
        0085291234567
        85291234567
        +853 6612 3456
        +886 0912 345 678
        +886912345678
        00886912345678
        +1 650 253 0000
        +1 (650) 253-0000
        +1 1 650 253 0000
        001 650 253 0000
        +44 20 7183 8750
        +44 020 7183 8750
        +44 (0)20 7183 8750
        +49 0 30 123456
        +39 06 12345678
        +81 0 3 1234 5678
        +7 8 912 345 67 89
        +52 1 55 1234 5678
        +54 9 11 15 2345 6789
        +54 011 15 2345 6789
        +55 0 15 11 96123 4567
        +378 886377
        +800 1234 5678
        +999 123456789
        +0 138 0013 8000
        +86
        +
        00
        0
        138 0013 8000 000 000
        13800138000/13900139000
        END
}

# As many more, put together of prefixes and digits; the same for the same seed.
sub generated ($count, $seed) {
    srand $seed;
    my $pick   = sub (@from) { $from[rand @from] };
    my $digits = sub ($many) { join '', map { int rand 10 } 1 .. $many };
    my @abroad = (1, 7, 20, 27, 33, 39, 44, 49, 52, 54, 55, 61, 62, 81, 82, 84, 91, 212, 241, 261, 351, 370, 375, 378, 423, 506, 591, 672, 800, 852, 853, 855, 878, 886, 972, 996, 999);
    return map {
        my $text = $pick->('', '', '', '+', '00', '0', '86', '+86', '0086', '17951', '1795100', '12593', '+860', '860', '+00', '+0', '8600', '1', map { ("+$_", "00$_", "+${_}0") } $pick->(@abroad), $pick->(@abroad));
        $text .= $pick->('', '', '1', '13', '0', '10', '8') . $digits->(1 + int rand 14);
        $text =~ s{(?<=\d)(?=\d)}{rand() < .2 ? $pick->(' ', '-', '.', '(', ') ', '/', '－', '　', '–', '~', ' - ') : ''}ge if rand() < .5;
        $text =~ tr/0-9/０-９/ if rand() < .1;
        $text =~ s/\+/＋/ if rand() < .05;
        $text = $pick->('tel:', '(', ' ', '，') . $text                                                 if rand() < .1;
        $text .= $pick->(' ext. ', ';ext=', '#', ' - ', '。', ' EXT', ',,', '~') . $digits->(1 + int rand 4) if rand() < .1;
        $text;
    } 1 .. $count;
}

# E.164 in region CN if the number is possible, valid or not; empty if it is none.
sub library_keys (@typed) {
    my $pid = open2(my $out, my $in, '/usr/bin/python3', '-c', <<~'END');
        import sys, phonenumbers as p
        sys.stdin.reconfigure(encoding="utf-8")
        def key(typed):
            try:
                number = p.parse(typed, "CN")
                return p.format_number(number, p.PhoneNumberFormat.E164) if p.is_possible_number(number) else ""
            except p.NumberParseException:
                return ""
        print("\n".join([key(line.rstrip("\n")) for line in sys.stdin.readlines()]))
        END
    binmode $in, ':encoding(UTF-8)';
    say $in $_ for @typed;
    close $in;
    my @keys = split /\n/, do { local $/; <$out> }, -1;
    waitpid $pid, 0;
    return @keys[0 .. $#typed];
}

1;
