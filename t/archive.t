# archive: every change goes to a folder by pgbackrest; a machine is lost, and a stack is made of that folder as all was at a
# moment; with IM_LONG=1 also as all was in the end.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Stack;
use Mojo::File qw(path);
use POSIX qw(strftime);
use Test::More;

# One zone of the machine, another of the stack: a moment is the stack's.
$ENV{TZ} = 'America/New_York';
my $im   = IM::Stack->new(fresh => 1, IM_TIMEZONE => 'Asia/Shanghai');
my $shed = path(tempdir('/var/tmp/im.XXXXXX', CLEANUP => 1));
chmod 0755, $shed;
my $folder = $shed->child('archive');
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob)->fund($ann, '100.00');
my $say = sub ($text) { $ann->post('/message/private/send', { receiverId => $bob->id, messageType => 1, content => $text })->must };

subtest 'archiving' => sub {
    my ($status, $text) = $im->imctl(qw(archive backup));
    is $status, 1, 'there is no archive yet';
    like $text, qr/\Aimctl: nothing is archived: imctl archive on FOLDER\n\z/, 'as a line says';
    $say->('before the first backup');
    ($status, $text) = $im->imctl(qw(archive on), $folder);
    is $status, 0, 'it is switched on, and all is copied' or diag $text;
    is path($folder, 'im-chat')->stat->mode & 0777, 0700, 'only their owner reads the secrets';
};

my $file = $ann->upload('all of it', name => 'all.txt')->must;
$say->('one');
my ($status, $text) = $im->imctl(qw(archive backup));
is $status, 0, 'what has changed is copied' or diag $text;
($status, $text) = $im->imctl(qw(archive list));
like $text, qr/incr backup/, 'and listed';

# The moment, in whole seconds, lies between two messages.
$say->('two');
my $moment = $im->sql(q{select to_char(clock_timestamp() at time zone 'Asia/Shanghai' + interval '1 second', 'YYYY-MM-DD HH24:MI:SS')});
ok $im->eventually(5, sub { $im->sql(qq{select clock_timestamp() > timestamptz '$moment Asia/Shanghai' + interval '100 milliseconds'}) eq 't' }), 'a moment passes';
$say->('three');
$im->sql('select pg_switch_wal()');
my $last = $im->sql('select pg_walfile_name(pg_current_wal_lsn() - 1)');
ok $im->eventually(30, sub { $im->sql(qq{select last_archived_wal >= '$last' from pg_stat_archiver}) eq 't' }), 'all of it is archived';

$im->imctl('down');
path($im->state)->move_to($shed->child('lost'));

sub restored (@moment) {
    path($im->state)->make_path;
    my ($status, $text) = $im->imctl('restore', $folder, @moment);
    is $status, 0, 'it is restored' or diag $text;
    like $text, qr/^the ledger holds$/m, 'the money is proven';
    like $text, qr/^the record holds: \d+ rows/m, 'and the record';
    $_->login->must for $ann, $bob;
    is $ann->download($file->{url})->body, 'all of it', 'the file is there';
    return [map { $_->{content} } @{ $bob->get('/message/private/history', { friendId => $ann->id, size => 20 })->must->{records} }];
}

subtest 'at that moment' => sub {
    is_deeply restored($moment), ['two', 'one', 'before the first backup'], 'all is as it was then';
    is $im->sql('show archive_mode'), 'off', 'and nothing is archived from here';
};

subtest 'in the end' => sub {
    $im->imctl('down');
    path($im->state)->remove_tree;
    is_deeply restored(), ['three', 'two', 'one', 'before the first backup'], 'all is there';
} if $ENV{IM_LONG};

$im->end;
done_testing;
