# money-plant: the model test would see a bug.  It is run with one planted, and has to fail for the right reason.
use v5.36;
use FindBin;
use Mojo::Util qw(decode);
use Test::More;

# Every line that the model test prints about itself with that bug.
sub planted ($plant) {
    local @ENV{qw(IM_PLANT IM_OPERATIONS)} = ($plant, 800);
    my $pid = open my $output, '-|' // die "could not fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec $^X, "-I$FindBin::Bin/lib", "$FindBin::Bin/money-model.t" or die "could not run the model: $!\n";
    }
    my $text = decode 'UTF-8', join '', readline $output;
    close $output;
    return $text;
}

for (
    [refund  => 'a withdrawal that comes back twice', qr/^not ok \d+ - all \d+ invariants hold|should have/m],
    [share   => 'a share that is lost',               qr/R1 claims, refund and rest are the total/],
    [balance => 'a balance read without its lock',    qr/W3 a balance is the sum of its postings|W2 all balances/],
) {
    my ($plant, $title, $seen) = @$_;
    my $text = planted($plant);
    like $text, qr/^ok \d+ - .*: what is over is given back/m, "$title: the run goes to its end";
    like $text, $seen, 'and the model sees it';
}

done_testing;
