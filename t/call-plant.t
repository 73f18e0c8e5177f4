# call-plant: the model test would see a bug.  It is run with one planted, and has to fail for the right reason.  With IM_LONG
# there are more bugs.
use v5.36;
use FindBin;
use Mojo::Util qw(decode);
use Test::More;

# Every line that the model test prints about itself with that bug.
sub planted ($plant) {
    local @ENV{qw(IM_PLANT IM_OPERATIONS IM_SEED)} = ($plant, 16, 8);
    my $pid = open my $output, '-|' // die "could not fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec $^X, "-I$FindBin::Bin/lib", "$FindBin::Bin/call-model.t" or die "could not run the model: $!\n";
    }
    my $text = decode 'UTF-8', join '', readline $output;
    close $output;
    return $text;
}

for ((
    [busy  => 'somebody in two calls',                     qr/nothing explains/],
    [told  => 'an event that one of two is not told of',   qr/was\n#\s+not told: \w+/],
    [empty => 'a call that outlives its last one',         qr/nothing explains|no call without people lives/],
    [leak  => 'a signal at somebody whom it is not for',   qr/was\n#\s+told: (?:OFFER|ANSWER|CANDIDATE)/],
)[$ENV{IM_LONG} ? (0 .. 3) : (0, 3)]) {
    my ($plant, $title, $seen) = @$_;
    my $text = planted($plant);
    like $text, qr/^not ok 1 - after \d+ rounds/m, "$title: the run is red";
    like $text, $seen, 'for that reason';
}

done_testing;
