# up: an upgrade that cannot work is refused, by name, and what runs goes on.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Machine qw(slowness);
use IM::Stack;
use List::Util qw(min);
use Mojo::File qw(path);
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);

# A tree of its own, to be changed.
my $tree  = path(tempdir('/var/tmp/im.XXXXXX', CLEANUP => 1));
my $root  = path($FindBin::Bin)->dirname;
my $built = path($ENV{IM_BUILD_DIR} // $root);
chmod 0755, $tree;
system('cp', '-R', (map {"$root/$_"} qw(imctl ctl sql packages programs)), glob("$root/*.conf"), (map {"$built/$_"} qw(cgi-bin clerk decoder src)), $tree) == 0
    or die "could not copy the tree\n";
my $im = IM::Stack->new(IM_BUILD_DIR => "$tree");
$im->root("$tree")->up;
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $parts = $im->parts;

# The processes of every part; of PostgreSQL only the first, for the others come and go.
sub lives () {
    my $all = $parts->_processes;
    return { map { my @pids = map { $_->{pid} } $parts->processes($_, undef, $all); ($_ => $_ eq 'postgres' ? $pids[0] : "@pids") } $parts->names };
}

# With this file of the tree changed the command fails soon and says why; only these parts have ended.
sub refused ($title, $why, $command, $file, $change, @ended) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($before, $text, $best) = (lives(), $file && path($tree, $file)->slurp, 999);
    my $soon = min 100, 10 * slowness;    # who waits for what does not come waits for IM_PATIENCE, which is 120 in tests
    path($tree, $file)->open('>')->print($change->($text)) if $file;
    my ($status, $output);
    for my $try (1 .. 3) {    # others may use the machine: the best counts
        my $start = time;
        ($status, $output) = $im->imctl(@$command);
        $best = time - $start if time - $start < $best;
        last if $best < $soon;
    }
    is $status, 1, $title;
    like $output, $why, 'and why is said' or diag $output;
    cmp_ok $best, '<', $soon, 'at once';
    my $after = lives();
    is_deeply [grep { $before->{$_} ne $after->{$_} } sort keys %$before], \@ended, @ended ? 'the others run on' : 'all parts run on';
    path($tree, $file)->open('>')->print($text) if $file;
}

my $friends = sub ($title) { $ann->get('/friend/list')->ok($title, [{ id => $bob->id }]) };

refused 'a schema file that has been applied and changed is refused',
    qr{\Aimctl: sql/schema/friend\.sql has changed since it was applied: add a file after it, or remove \S+ and lose its data\n\z}, ['up'],
    'sql/schema/friend.sql', sub ($text) {"$text\nalter table im.friendship add column colour text;\n"};
refused 'a function that its program may not call is refused',
    qr{\Aimctl: could not deploy sql/: .*permission denied for function friend_list\nWhich program may call what is in \S+sql/grant\.sql\.\n\z}s, ['up'],
    'sql/grant.sql', sub ($text) { $text =~ s/^grant execute on function api\.friend_list .*\n//mr };
refused 'so is one that its program calls otherwise', qr{function api\.friend_list\(bigint, unknown, unknown\) does not exist}, ['up'],
    'sql/api/friend.sql', sub ($text) { $text =~ s/^(create function api\.friend_list\()/$1other integer, /mr };
$friends->('and friends are listed as before');

# What is not found before the program starts.
$im->sql('revoke execute on function api.friend_list from im_friend');
refused 'a program that may not call a function does not start',
    qr{\Aimctl: friend does not answer: friend\[\d+\] fatal: may not run "select \* from api\.friend_list\(api\.enter\(\$1, \$2, \$3\), \$4, \$5\)": .*permission denied for function friend_list .*sql/grant\.sql},
    [qw(restart friend)], undef, undef, 'friend';
$im->sql('grant execute on function api.friend_list to im_friend');
ok $im->eventually(10, sub { $ann->get('/friend/list')->code == 200 }), 'and does when it may';
refused 'a program that ends when it starts is named', qr{\Aimctl: group does not answer: group\[\d+\] fatal: broken\n\z}, ['up'],
    'cgi-bin/group', sub ($text) {qq{#!/bin/sh\n[ \$# = 0 ] || exec $built/cgi-bin/group "\$@"\necho "group[\$\$] fatal: broken"\nexit 1\n}}, 'group';
$bob->get('/user/self')->ok('the others answer');

# The tree has none of what the page loads of others, as when npm could not fetch it.
my $page = Mojo::UserAgent->new->get($im->url('chat') . '/doc.html')->result;
is $page->code, 503, '/doc.html without its parts answers so';
is $page->body, "/doc.html: what it loads of others is not here; make web fetches it, with npm.  /openapi.json is.\n", 'and why';

my ($status, $output) = $im->imctl('up');
is $status, 0, 'up again, when all is mended' or diag $output;
$friends->('and friends are listed again');
$im->allow(qr{postgres .*ERROR:|upstream|connect\(\) to unix}, qr{ fatal: (broken|may not run)});
$im->end;
done_testing;
