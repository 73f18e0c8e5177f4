# file-cut: an upload that is cut off after any number of its bytes leaves nothing: no file, no row, no quota used, no
# descriptor open; and one that is cut off after its last byte is there whole or not at all.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Raw;
use IM::Stack;
use List::Util qw(sum);
use Mojo::File qw(path);
use Test::More;

my $CUTS     = 1000;
my $TOGETHER = 100;
my $im       = IM::Stack->new;
my $ann      = $im->user('ann');
my $store    = path($im->state, 'files');
my $spool    = path($im->state, 'nginx/tmp/body');

# A request, its head and its body.
sub request ($name, $bytes) {
    my $body = qq{--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nfile\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="$name"\r\n\r\n$bytes\r\n--b--\r\n};
    return join "\r\n", 'POST /file/upload HTTP/1.1', 'Host: im', 'Authorization: Bearer ' . $ann->access, 'Content-Type: multipart/form-data; boundary=b',
        'Content-Length: ' . length $body, '', $body;
}
sub files () { return join ' ', sort map { $_->basename } $store->list_tree->each }
sub rows () { return $im->sql('select count(*) from im.file') . ' files, ' . $im->sql('select coalesce(sum(bytes), 0) from im.file_usage') . ' bytes' }
# Besides those of connections that nginx keeps, of which there are at most 32.
sub descriptors () { return sum map { scalar(() = glob "/proc/$_/fd/*") } $im->parts->pids('file', 'file') }
sub work () { return scalar $im->parts->pids('file', 'file') }

# Sends each, a hundred at a time, and leaves.
sub leave (@requests) {
    while (my @some = splice @requests, 0, $TOGETHER) {
        my @open = map { IM::Raw->new($im->port('chat'))->write($_) } @some;
        $_->close for @open;
    }
}

$ann->upload('before')->must;
my ($files, $rows, $descriptors, $work) = (files(), rows(), descriptors(), work());

subtest "$CUTS places to leave" => sub {
    my $whole = request('cut', join '', map { chr rand 256 } 1 .. 3000);
    leave(map { substr $whole, 0, 1 + int($_ * (length($whole) - 1) / $CUTS) } 0 .. $CUTS - 1);
    leave(map { substr $whole, 0, -$_ } 1 .. 50);
    ok $im->eventually(30, sub { $spool->list_tree->size == 0 && work() == $work && descriptors() <= $descriptors + 32 }), 'nothing is left of them'
        or diag descriptors(), ', before: ', $descriptors, '; spooled: ', $spool->list_tree->size;
    is rows(),  $rows,  'no row, and no quota is used';
    is files(), $files, 'nor a file';
    is $ann->upload('after')->must->{fileSize}, 5, 'others go on';
};

subtest 'after the last byte' => sub {
    my %sent = map { ("last-$_" => "$_" . join '', map { chr rand 256 } 1 .. 3000) } 1 .. 100;
    leave(map { request($_, $sent{$_}) } sort keys %sent);
    ok $im->eventually(60, sub { $spool->list_tree->size == 0 && work() == $work && descriptors() <= $descriptors + 32 }), 'nothing is at work on them';
    $im->sql(q{update im.file set unused_since = unused_since - interval '2 minutes', created_at = created_at - interval '2 minutes'});
    ok $im->eventually(30, sub { $im->sql('select count(*) from im.file where not stored') + $im->sql('select count(*) from im.blob_gone') == 0 }),
        'a minute later no row is left of what is not there';
    my %there = map { ($_->[0] => "$_->[1]$_->[2]") } $im->sql(q{select f.name, '/file/download?url=', f.id from im.file f where name like 'last-%'});
    note scalar(keys %there), ' of ', scalar(keys %sent), ' were kept';
    is_deeply [grep { $ann->download($there{$_})->body ne $sent{$_} } sort keys %there], [], 'what is there is there to the last byte';
    is $store->list_tree->size, $im->sql('select count(*) from im.blob'), 'and nothing else is';
    is $im->sql('select sum(bytes) from im.file_usage'), $im->sql('select sum(size) from im.file'), 'nor counted';
};

subtest 'a byte more than a MiB' => sub {
    my $bytes = 'x' x 1_048_577;
    is $ann->upload($bytes)->must->{fileSize}, length $bytes, 'goes through the port of the chat';
    for my $service (qw(backstage redpacket)) {
        my ($status, $answer) = IM::Raw->new($im->port($service))->request('POST /file/upload', $bytes, 'Authorization: Bearer ' . $ann->access,
            'Content-Type: multipart/form-data; boundary=b');
        like $answer, qr/"code":413,/, "and not through that of the $service, where nothing is uploaded";
    }
    is_deeply [$im->leftovers], [], 'nothing of it is on disk';
};

$im->allow(qr/client prematurely closed|client closed|who has uploaded a file has left/);
$im->end;
done_testing;
