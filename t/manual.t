# manual: every manual page is mdoc that mandoc has nothing against, style included, and refers to pages that are there.
use v5.36;
use FindBin;
use Mojo::File qw(path);
use Test::More;

my $root  = path($FindBin::Bin)->dirname;
my $built = path($ENV{IM_BUILD_DIR} // $root);
my @pages = (sort(glob "$root/man/*.[578]"), grep { !-e "$root/man/" . $_->basename } map { $built->child("man/$_") } qw(im-codes.7 im-chat-protocol.7));
my %ours  = map { (path($_)->basename => 1) } @pages;

# A line of the source is a clause and may be long; pages of ours need not be installed, and are looked for below.
my $OURS = qr/input text line longer than 80 bytes|referenced manual not found/;

ok $ours{$_}, "$_ is made" for qw(im-codes.7 im-chat-protocol.7);
for my $page (@pages) {
    my $name  = path($page)->basename;
    my @said  = grep {/: (?:STYLE|WARNING|ERROR|UNSUPP|FATAL): / && !/$OURS/} split /\n/, `mandoc -T lint -W style '$page' 2>/dev/null`;    # there it misses its database
    cmp_ok $? >> 8, '<', 5, "mandoc has read $name";
    is_deeply \@said, [], "$name is clean";
    my @names = path($page)->slurp =~ /(?:^\.|Pq )Xr ([\w-]+(?:\.conf)?) (\d)/gm;
    my @lost;
    while (my ($other, $section) = splice @names, 0, 2) { push @lost, "$other($section)" if $other =~ /^im/ && !$ours{"$other.$section"} }
    is_deeply \@lost, [], 'and refers to pages that are there';
}

done_testing;
