# file-kill: whatever is killed while files are uploaded, what was answered is there to the last byte, and nothing is left
# of what was not.  IM_LONG=1 kills 200 times.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Samples;
use IM::Stack;
use Mojo::File qw(path);
use Mojo::IOLoop;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(time);

my $KILLS = $ENV{IM_LONG} ? 200 : 12;
srand($ENV{IM_SEED} // 20261127);

my $im      = IM::Stack->new;
my $ann     = $im->user('ann');
my $parts   = $im->parts;
my $picture = IM::Samples->new->jpeg;
my $store   = path($im->state, 'files');
my %answered;

# What is killed: a process of that part, by its name.
my @targets = (
    [file => 'file'],            # the program, or one of its tasks
    [file => 'multiwatch'],
    [decoder => 'imdecoder'],    # that decodes, or waits
    [clerk => 'imclerk'],
    [nginx => 'nginx'],
);

sub kill_one ($part, $name) {
    my @pids = $parts->pids($part, $name);
    kill KILL => $pids[rand @pids] if @pids;
}

# The first round kills nothing: it tells how long one takes on this machine, and so when to kill within one.
my $took = 0;
for my $round (0 .. $KILLS) {
    my ($part, $name) = @{ $targets[$round % @targets] };
    my %sent = map { ("$round-$_" => $_ == 2 ? $picture : "$round-$_" . join '', map { chr rand 256 } 1 .. 200_000) } 1 .. 3;
    my @uploads = map {
        my $key = $_;
        $ann->upload_p($sent{$key}, name => $key, $key =~ /-2\z/ ? (type => 'image') : ())
            ->then(sub ($answer) { $answered{$key} = { %{ $answer->data }, sent => $sent{$key} } if $answer->code eq 200 }, sub { });
    } sort keys %sent;
    my $start = time;
    my $timer = $round && Mojo::IOLoop->timer(rand($took) => sub { kill_one($part, $name) });
    Mojo::Promise->all(@uploads)->wait;
    Mojo::IOLoop->remove($timer) if $timer;    # what is over cannot be interrupted
    $took ||= time - $start;
    $im->eventually(15, sub { $ann->get('/file/download?url=0')->code eq 404 }) or fail "round $round: $part does not come back";
}
note scalar(keys %answered), ' of ', 3 * ($KILLS + 1), ' uploads were answered';
cmp_ok scalar(keys %answered), '>', $KILLS / 2, 'enough uploads were answered';

my @lost = grep { !whole($_) } sort keys %answered;
is_deeply \@lost, [], 'what was answered is there, as it was answered';

sub whole ($key) {
    my $file = $answered{$key};
    my $got  = $ann->download($file->{url});
    return $got->code == 200 && length $got->body == $file->{fileSize} && ($file->{thumbUrl} || $got->body eq $file->{sent});
}

# A minute later: what was not answered is gone.
$im->sql(q{update im.file set unused_since = unused_since - interval '2 minutes', created_at = created_at - interval '2 minutes'});
ok $im->eventually(15, sub { $im->sql('select count(*) from im.file where not stored') + $im->sql('select count(*) from im.blob_gone') == 0 }),
    'no row is left of what was not';
my %known = map { ($_->[0] => 1) } $im->sql(q{select hash || '-' || id from im.blob});
my @there = map { $_->basename } $store->list_tree->each;
is_deeply [grep { !$known{$_} } sort @there], [], 'nor bytes';
is scalar(@there), scalar(keys %known), 'and no row is without its bytes';
is $im->sql('select count(*) from im.file where stored') >= keys %answered, 1, 'what was answered is counted';
is $im->sql('select sum(bytes) from im.file_usage'), $im->sql('select sum(size) from im.file'), 'the quota is that of what is there';
ok $im->eventually(10, sub { path($im->state, 'decoder')->list_tree->size == 0 }), 'the decoder has cleaned up';
$parts->sv('nginx', 'restart');
is path($im->state, 'nginx/tmp/body')->list_tree->size, 0, 'and so has nginx, when it starts';

$im->allow(qr/(exited on|terminated by) signal 9|could not|ended too early|no answer from the decoder|upstream|worker process|ended by signal/);
$im->kills($parts->names, 'imclerk', 'imdecoder');
$im->end;
done_testing;
