# sql: every t/sql/*.pg, as the superuser, on one private stack; each file rolls back what it does.  And the schema as it
# results, in t/sql/schema.txt, so that a review sees what a change of sql/ comes to.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Phones qw(generated library_keys spellings);
use IM::Stack;
use Mojo::File qw(path);
use Mojo::JSON qw(to_json);
use Mojo::Util qw(decode encode);
use Test::More;

my $im    = IM::Stack->new;
$im->sql(q{update im.setting set value = '1 day' where name = 'stat.interval'; update im.stat_now set at = now()});    # they lock account, which the clerk counts
my @files = path($FindBin::Bin, 'sql')->list->grep(qr/\.pg\z/)->sort->each;
ok @files, 'there are tests in SQL';

for my $file (@files) {
    my ($status, $output) = $im->psql(decode('UTF-8', $file->slurp));
    subtest $file->basename => sub { pass_on($status, $output) };
}

subtest 'telephone numbers' => sub {
    my $seed  = $ENV{IM_SEED} // int rand 1e6;
    my @typed = (spellings(), generated(1000, $seed));
    my @own   = split /\n/, $im->sql('select string_agg(coalesce(im.phone_key(t), \'\'), e\'\n\' order by o) from json_array_elements_text($j$' . to_json(\@typed) . '$j$) with ordinality u(t, o)'), -1;
    my @library = library_keys(@typed);
    my @differ  = map {"  '$typed[$_]' is '$own[$_]', for libphonenumber '$library[$_]'\n"} grep { $own[$_] ne $library[$_] } 0 .. $#typed;
    cmp_ok scalar(grep {/\A\+/} @library), '>', 300, 'libphonenumber knows many of them';
    ok !@differ, "all have libphonenumber's key" or diag @differ, "  IM_SEED=$seed";
    is `$FindBin::Bin/../sql/phone-plan`, path($FindBin::Bin, '../sql/lib/phone_plan.sql')->slurp, 'and what is known of countries is what it knows';
};

subtest 'the schema that results' => sub {
    my $file = path($FindBin::Bin, 'sql/schema.txt');
    my ($status, $output) = $im->psql(path($FindBin::Bin, 'sql/schema.sql')->slurp);
    is $status, 0, 'can be read' or diag $output;
    my @lines = sort grep {/\S/} split /\n/, encode('UTF-8', $output);
    $file->spurt(map {"$_\n"} @lines) if $ENV{IM_RENEW};
    my @known = split /\n/, -f $file ? $file->slurp : '';
    my ($is, $was) = map { { map { ($_ => 1) } @$_ } } \@lines, \@known;
    my @changes = ((map {"+ $_"} grep { !$was->{$_} } @lines), map {"- $_"} grep { !$is->{$_} } @known);
    ok !@changes, 'is the one in t/sql/schema.txt'
        or diag map {"  $_\n"} @changes, 'if that is what it should be: IM_RENEW=1 ./imctl check t/sql.t';
};

# The TAP that psql printed, line by line.  Nobody counts the tests of a file by hand: finish(), its last line, tells how
# many there were, so a file that has stopped before has no plan, and one that goes on after it more tests than planned.
sub pass_on ($status, $output) {
    my ($plan, $seen) = (undef, 0);
    for my $line (split /\n/, $output) {
        if ($line =~ /\A1\.\.(\d+)/) { $plan = $1 }
        elsif ($line =~ /\A(not )?ok\s+\d+(?:\s+-?\s*(.*))?\z/) {
            $seen++;
            my ($failed, $title) = ($1, $2 // 'unnamed');
            ok !$failed, $title =~ /\A[\d\s]+\z/ ? "answers $title" : $title;
        }
        elsif ($line =~ /\S/) { $line =~ /\A# / ? diag $line : note $line }
    }
    is $status, 0, 'psql ends well' or diag $output;
    return fail 'it ends with finish(), which was not reached' if !defined $plan;
    is $seen, $plan, 'all its tests were before finish()';
}

$im->allow(qr/\b(ERROR|FATAL):/);    # they provoke errors on purpose; crashes and panics still count
$im->end;
done_testing;
