# backup: a machine is lost while people write; what was backed up comes back on another, whole, and nothing that was given
# out after the backup opens anything there.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Stack;
use Mojo::File qw(path);
use POSIX qw(WNOHANG);
use Test::More;

my $im   = IM::Stack->new(fresh => 1);
my $shed = path(tempdir('/var/tmp/im.XXXXXX', CLEANUP => 1));
my $file = $shed->child('backup');
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob)->arm($ann)->fund($ann, '100.00');
my $group  = $im->group($ann, $bob);
my $packet = $ann->post('/redPackage/send', { receiverType => 1, receiverId => $group, redPacketType => 1, totalAmount => 8.88, totalCount => 1, tradePassword => $ann->trade })->must;
my $upload = $ann->upload('all of it', name => '漢字.txt')->must;
my $old    = $im->admin->access;

# Runs imctl beside the story.
sub beside ($does, @arguments) {
    my $output = File::Temp->new;
    my $pid    = fork // die "could not fork: $!\n";
    if (!$pid) {
        my ($status, $text) = $im->_command(undef, $im->root . '/imctl', @arguments);
        $output->print($text);
        $output->flush;
        POSIX::_exit($status);
    }
    $does->() until waitpid $pid, WNOHANG;
    return ($? >> 8, path($output->filename)->slurp);
}

my (%sent, $count);
my $send = sub ($kept = undef) {
    my $message = $ann->post('/message/private/send', { receiverId => $bob->id, messageType => 1, content => 'line ' . ++$count })->must;
    $sent{ $message->{id} } = $message->{content} if $kept;
    return $message;
};
$send->(1) for 1 .. 20;

subtest 'while people write' => sub {
    my $before = $count;
    my ($status, $text) = beside($send, 'backup', $file);
    is $status, 0, 'everything is copied' or diag $text;
    ok $count > $before, 'and meanwhile ' . ($count - $before) . ' messages were sent';
    is $file->stat->mode & 0777, 0600, 'only its owner reads it';
    is_deeply [map { $_->basename } $shed->list->each], ['backup'], 'and it is all that there is';
    is $im->sql(q{select count(*) from pg_replication_slots}), 0, 'the server keeps nothing for it';
    my ($again, $why) = $im->imctl('backup', $file);
    is $again, 1, 'nothing is written over';
    like $why, qr/\Aimctl: \S+ exists\n\z/, 'and a line says so';
};

# What the backup does not know.
my $era = sub { $bob->post('/message/sync', {})->must->{since} =~ s/\..*//sr };
my $then = $era->();
my $cat   = $im->user('cat');
my $lost  = $send->();
my $place = $im->group($ann, $bob);
my $say   = sub { $ann->post('/message/group/send', { groupId => $group, messageType => 1, content => 'all' })->must };
my $word  = $say->();
my $order = $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id};

subtest 'what cannot be restored' => sub {
    my $refused = sub ($name, $expected, $what) {
        my ($status, $text) = $im->imctl('restore', $what);
        is $status, 1, "$name is refused";
        like $text, qr/\Aimctl: $expected\n\z/, 'in a line';
    };
    $refused->('over a stack that runs', 'a stack runs in \S+', $file);
    $im->imctl('down');
    $refused->('over a database', '\S+ has a database: a restore wants a state folder without one \(IM_STATE_DIR\)', $file);
    path($im->state)->move_to($shed->child('lost'));
    path($im->state)->make_path;
    $refused->('nothing',        'there is no file \S+', $shed->child('nothing'));
    $refused->('any other file', '\S+ is no backup, or is damaged', path($0));
    my $bytes = $file->slurp;
    my $other = sub ($name, $text) { $shed->child($name)->open('>')->print($text); return $shed->child($name) };
    my $where = index($bytes, 'line 7') + 5;
    ok $where > 5, 'a row is found in the copy';
    $refused->('one with a byte changed', '\S+ is damaged: \S.*',             $other->('bad', substr($bytes, 0, $where) . '8' . substr $bytes, $where + 1));
    $refused->('half of one',             '\S+ is no backup, or is damaged', $other->('half', substr $bytes, 0, length($bytes) / 2));
    ok !-e path($im->state, 'pg'), 'and there is no database';
};

subtest 'on another machine' => sub {
    my ($status, $text) = $im->imctl('restore', $file);
    is $status, 0, 'it is restored' or diag $text;
    like $text, qr/^the ledger holds$/m, 'the money is proven';
    like $text, qr/^the record holds: \d+ rows/m, 'and the record';
    like $text, qr/everybody has to log in again/, 'and what follows is said';
};

subtest 'tokens of before' => sub {
    $ann->get('/user/self')->refused(401, 'end, those that the backup knows');
    $ann->put('/refreshToken', { refreshToken => $ann->refresh })->refused(401, 'and are not renewed');
    $cat->get('/user/self')->refused(401, 'so do those of an account that is lost');
    $cat->put('/refreshToken', {}, refreshToken => $cat->refresh)->refused(401, 'which are not renewed');
    $im->admin->get('/im/user/list')->refused(401, 'those of administrators too');
};

subtest 'what was there is there' => sub {
    $_->login->must for $ann, $bob;
    delete $im->{admin};
    isnt $im->admin->access, $old, 'the administrator logs in with the password of before';
    my %found = map { $_->{id} => $_->{content} } map { @{ $bob->get('/message/private/history', { friendId => $ann->id, page => $_, size => 100 })->must->{records} } } 1 .. 3;
    is_deeply { map { $_ => $found{$_} } keys %sent }, \%sent, 'every message that was acknowledged';
    is $ann->download($upload->{url})->body, 'all of it', 'the file';
    is $bob->post('/redPackage/rob', { redPacketId => $packet->{redPacketId} })->must->{amount}, 8.88, 'the packet can be opened';
    $ann->post('/redPackage/send', { receiverType => 1, receiverId => $group, redPacketType => 1, totalAmount => 1, totalCount => 1, tradePassword => $ann->trade })
        ->ok('and the trade password is right');
};

subtest 'nothing comes again' => sub {
    my $dan = $im->user('dan');
    ok $dan->id > $cat->id,                                                    'an account has a number of its own';
    my %next = (private => $send->(), group => $say->());
    ok $next{private}{$_} > $lost->{$_}, "a message a $_"      for qw(id seq);
    ok $next{group}{$_} > $word->{$_},   "one in a group a $_" for qw(id seq);
    ok $im->group($ann, $bob) > $place,                                        'a group';
    ok $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id} > $order, 'an order';
    isnt $era->(), $then, 'and devices are told that what they know is of another time';
};

subtest 'the hole in the numbers of messages' => sub {
    my $page = sub (%which) { $bob->get('/message/private/history', { friendId => $ann->id, size => 15, %which })->must };
    my $all  = $page->(size => 100);
    my @seq  = map { $_->{seq} } @{ $all->{records} };
    is @seq, $all->{total}, 'as many messages as there are';
    is_deeply [map { $_->{seq} } map { @{ $page->(page => $_)->{records} } } 1 .. 7], \@seq, 'are in its pages';
    is_deeply [map { $_->{seq} } @{ $page->(beforeSeq => $seq[0])->{records} }], [@seq[1 .. 15]], 'also before the newest';
    is_deeply [map { $_->{seq} } @{ $page->(afterSeq => $seq[3])->{records} }],  [@seq[0 .. 2]],  'and after one of before';
    my $told = $bob->post('/message/sync', { have => [[$all->{records}[0]{conversationId}, $seq[1]]] })->must->{messages};
    is_deeply [map { $_->{seq} } @$told], [$seq[0]], 'who has all of before is told the next';
};

$im->end;
done_testing;
