# hacking: HACKING.md is followed word by word in a copy of the tree: what it says to add is added, its two commands are run.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Contract;
use Mojo::File qw(path);
use Mojo::Util qw(decode encode);
use Test::More;

my $root = path($FindBin::Bin)->dirname;
my $copy = path(tempdir('/var/tmp/im-hacking.XXXXXX', CLEANUP => 1));
chmod 0755, $copy;
is system("cd $root && tar cf - --exclude=./var --exclude=./.git . | tar xf - -C $copy"), 0, 'a copy of the tree';
for my $file (grep {-e} map { $copy->child($_) } qw(config.status Makefile)) {    # they name the folder that they were made in
    my $text = $file->slurp;
    $file->open('>')->print($text =~ s/\Q$root\E(?![\w.-])/$copy/gr);
}
delete @ENV{qw(IM_BUILD_DIR IM_POOL IM_STATE_DIR IM_CONF)};

my $page = decode 'UTF-8', $root->child('HACKING.md')->slurp;
my @steps;
push @steps, { file => $1, before => $2, text => $3 } while $page =~ /^```\w+ (\S+) (?:end|before (.*?))\n(.*?)^```$/gms;
my @commands = ($page =~ s/^```.*?^```$//gmsr) =~ /^    (\S.*)$/gm;
is scalar @steps, 6, 'the page has six things to add';
is scalar @commands, 2, 'and two commands';

sub run ($command) {
    my $output = `cd $copy && $command 2>&1`;
    return ($?, $output);
}

sub add ($step) {
    my $file = $copy->child($step->{file});
    my $text = decode 'UTF-8', $file->slurp;
    my $at   = defined $step->{before} ? index $text, "\n$step->{before}" : length($text) - 1;
    $at = index($text, $step->{before}) - 1 if $at < 0 && defined $step->{before};
    $at = rindex $text, "\n", $at if $at >= 0 && substr($text, $at, 1) ne "\n";
    ok $at >= 0, "$step->{file} has that place";
    substr $text, $at + 1, 0, $step->{text};
    $file->open('>')->print(encode 'UTF-8', $text);
}

add(shift @steps);
my ($status, $said) = run($commands[0]);
isnt $status, 0, 'a route alone is not an endpoint';
like $said, qr/missing: GET \/friend\/count/, 'which is said';
like $said, qr/$_/, "and that it belongs in $_" for qr{sql/api/friend\.sql}, qr{man/friend\.8}, qr{openapi/chat\.yaml};

add($_) for @steps;
($status, $said) = run($commands[0]);
is $status, 0, 'with all of it the tree is whole' or diag $said;
($status, $said) = run($commands[1]);
is $status, 0, 'and the endpoint answers in its story' or diag $said;

done_testing;
