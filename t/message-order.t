# message-order: seq order is commit order for every reader, also while a sender's transaction is held open; a
# repetition is one message whatever way it comes; nothing rolled back is told, and all that is committed is.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Client;
use IM::Crowd;
use IM::Stack;
use IPC::Open2 qw(open2);
use Test::More;
use Time::HiRes qw(time);

# Whoever waits for a lock keeps a connection; here there are enough for all.
my $im    = IM::Stack->new(IM_DB_CONNECTIONS => 8);
my $crowd = IM::Crowd->new(im => $im);
my ($ann, $bob, $cat, @rest) = my @people = $crowd->people(20);
$crowd->befriend([$ann, $bob], [$ann, $cat], [$bob, $cat]);
my $group   = $crowd->group(@people);
my $place   = $im->sql("select id from im.conversation where group_id = $group");
my $private = sub ($one, $other) {
    return scalar $im->sql("select id from im.conversation where low_id = least(@{[$one->id]}, @{[$other->id]}) and high_id = greatest(@{[$one->id]}, @{[$other->id]})");
};
my $ann_bob = $private->($ann, $bob);
my $tell  = sub ($from, $text, %more) { $from->post_p('/message/group/send', { groupId => $group, content => $text, messageType => 1, %more }) };
my $clear = sub { $im->sql('update im.member b set delivered_seq = c.last_seq from im.conversation c where c.id = b.conversation_id') };

# Locks are held here for longer than the programs would wait; on a busy machine psql takes its time.
sub patience ($lock_timeout, @programs) {
    $im->sql("alter role im_$_ set lock_timeout = '$lock_timeout'; alter role im_$_ set statement_timeout = '20s'") for @programs;
    $im->parts->sv($_, 'restart') for @programs;
    return $im->eventually(20, sub { $ann->get('/message/private/pullOfflineMessage')->code eq 200 && $ann->socket->close->status eq 101 });
}
ok patience('9s', qw(message socket)), 'the stack is up';

# A transaction that stays open, in a psql of its own: ->('sql') runs something in it and answers the first value.
sub transaction () {
    local %ENV = (%ENV, %{ $im->config });
    my $pid = open2(my $out, my $in, $im->root . '/imctl', qw(psql -X -q -A -t));
    $in->autoflush(1);
    my $run = sub ($sql) {
        print $in "$sql;\n\\echo done\n";
        my $first;
        while (defined(my $line = <$out>)) {
            chomp $line;
            return $first if $line eq 'done';
            $first //= $line;
        }
        die "psql ended\n";
    };
    $run->('begin');
    return sub ($sql) {
        my $answer = $run->($sql);
        return $answer if $sql !~ /\A(?:commit|rollback)\z/;
        close $in;
        waitpid $pid, 0;
        return $answer;
    };
}

# Waits until so many statements of the programs wait for the transaction's locks; asked in the transaction itself,
# because starting a psql takes longer than it should be held.
sub waiting ($held, $count) {
    return $im->eventually(4, sub { $held->('select count(*) from pg_locks where not granted') >= $count });
}

subtest 'a transaction that is held open' => sub {
    my @clients = map { IM::Client->new(user => $_, beat => 1)->start } $bob, $cat, $rest[0];
    ok $im->eventually(10, sub { 3 == grep { $_->is_open } @clients }), 'three members are connected';
    my $say = sub ($text) { "select (im.group_append(@{[$ann->id]}, $group, '$text', 1, null, null)).id" };

    my $held  = transaction();
    my $first = $held->($say->('held'));
    my $late  = ($im->together($ann->post_p('/message/private/send', { receiverId => $bob->id, content => 'meanwhile', messageType => 1 })))[0]->must;
    cmp_ok $late->{id}, '>', $first, 'a message elsewhere has a greater id, and is committed first';
    my ($answered, @answers) = (0);
    my @sends = map { $tell->($_, 'after ' . $_->name)->then(sub ($answer) { $answered++; push @answers, $answer->must }) } $bob, $cat;
    ok waiting($held, 2), 'two more who write to the group wait for the lock';
    $im->run(0.3);
    is $answered, 0, 'and are not answered';
    my $before = $rest[0]->get('/message/group/pullOfflineMessage')->must;
    is_deeply $before, [], 'a reader sees nothing of the group yet, neither the held nor the later';
    ok $im->eventually(5, sub { $clients[0]->seq($ann_bob) == 1 }), 'bob has the message from elsewhere';
    $held->('commit');
    $im->together(@sends);

    my ($seq) = map { $_->[0] } $im->sql("select seq from im.message where id = $first");
    is_deeply [sort map { $_->{seq} } @answers], [$seq + 1, $seq + 2], 'they come right after it';
    $rest[0]->get('/message/group/pullOfflineMessage')->ok('who had read nothing reads all three in order',
        sub { "@{[map { $_->{seq} } @$_]}" eq join ' ', $seq .. $seq + 2 });
    $rest[1]->get('/message/group/pullOfflineMessage')->ok('as does everybody', sub { $_->[0]{id} == $first && @$_ == 3 });
    ok $im->eventually(10, sub { 3 == grep { $_->seq($place) == $seq + 2 } @clients }), 'and the clients show them';
    is_deeply [map { $_->{content} } $clients[2]->shown($place)], ['held', map { $_->{content} } sort { $a->{seq} <=> $b->{seq} } @answers],
        'in that order';

    $held = transaction();
    $held->($say->('never said'));
    my ($next) = map { $tell->($bob, 'instead') } 1;
    ok waiting($held, 1), 'again somebody waits';
    $held->('rollback');
    my ($instead) = $im->together($next);
    $instead->ok('a transaction that is rolled back leaves no hole', { seq => $seq + 3 });
    ok $im->eventually(10, sub { 3 == grep { $_->seq($place) == $seq + 3 } @clients }), 'its successor arrives';
    is scalar(grep { $_->{content} eq 'never said' } map { $_->shown($place) } @clients), 0, 'and nothing of it';
    is_deeply $_->faults, [], $_->name . ' saw no contradiction' for @clients;
    $_->stop for @clients;
    $clear->();
};

subtest 'twenty at once' => sub {
    my $base    = $im->sql("select last_seq from im.conversation where id = $place");
    my @clients = map { IM::Client->new(user => $_, beat => 1)->start } @people;
    ok $im->eventually(20, sub { @people == grep { $_->is_open } @clients }), 'all members are connected';
    my $start = time;
    for my $n (1 .. 10) {
        $_->say({ groupId => $group }, "$n of " . $_->name) for @clients;
    }
    ok $im->eventually(60, sub { !grep { !$_->idle } @clients }), 'ten messages of each are acknowledged';
    ok $im->eventually(30, sub { !grep { $_->seq($place) < $base + 200 } @clients }), 'and shown to everybody';
    note sprintf '%.1f s; %d pushed, %d pulled, %d came before something else', time - $start,
        map { my $what = $_; my $sum = 0; $sum += $_->count->{$what} for @clients; $sum } qw(pushed pulled held);
    my @stored = map { $_->[0] } $im->sql("select content from im.message where conversation_id = $place order by seq");
    is scalar @stored, $base + 200, 'each is stored once';
    my $wrong = grep { "@{[map { $_->{content} } $_->shown($place)]}" ne "@stored" } @clients;
    is $wrong, 0, 'every member has the same order, without a hole';
    is_deeply [map { @{ $_->faults } } @clients], [], 'and no contradiction';
    for my $name (map { $_->name } @people) {
        my @own = map { /\A(\d+) of \Q$name\E\z/ ? $1 : () } @stored;
        is "@own", "@{[1 .. 10]}", "$name\'s are in the order in which they were sent" or last;
    }
    $_->stop for @clients;
    $clear->();
};

subtest 'a repetition' => sub {
    my $hello  = { receiverId => $bob->id, content => 'once', messageType => 1, atUserIds => [] };
    my $post   = sub ($id) { $ann->post_p('/message/private/send', { %$hello, clientMsgId => $id }) };
    my $socket = $ann->socket;
    my $frame  = sub ($id) { $socket->send(PRIVATE_MESSAGE => { %$hello, clientMsgId => $id }) };
    my $got    = sub ($id) { $socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => $id })->{id} };

    $frame->('r1');
    my $first = $got->('r1');
    ($im->together($post->('r1')))[0]->ok('over HTTP after the socket gets the first answer', { id => $first });
    ok $socket->take(PRIVATE_MESSAGE => 'MESSAGE', { id => $first }), 'which the socket hears again';
    $first = ($im->together($post->('r2')))[0]->must->{id};
    is $got->('r2'), $first, 'the socket hears what was sent over HTTP';
    $frame->('r2');
    is $got->('r2'), $first, 'and over the socket after HTTP it is the same again';

    my $pair = $ann_bob;
    my $last = $im->sql("select last_seq from im.conversation where id = $pair");
    my $held = transaction();
    $held->("select from im.conversation where id = $pair for update");
    $frame->('r3');
    my @posts = map { $post->('r3') } 1 .. 3;
    ok waiting($held, 3), 'tries wait, over both ways, and one behind them (base/bulk.h)';
    $held->('commit');
    my @answers = $im->together(@posts);
    my $id      = $got->('r3');
    $_->ok('all are answered with the one', { id => $id, seq => $last + 1 }) for @answers;

    # The lock outlasts lock_timeout: an answer that says nothing, and the repetition finds out.
    ok patience('1s', 'message'), 'the program waits less';
    $held = transaction();
    $held->("select from im.conversation where id = $pair for update");
    is +($im->together($post->('r4')))[0]->code, 500, 'a lock that is held too long is no answer';
    $held->('commit');
    $im->allow(qr/canceling statement due to lock timeout/, qr/upstream prematurely closed|connect\(\) to unix:\S+\.sock failed/);
    ($im->together($post->('r4')))[0]->ok('to repeat it is', { seq => $last + 2 });

    ok patience('9s', 'message'), 'and more again';

    # The first try ends in a rollback while the second waits.
    $held = transaction();
    $held->("select im.private_append(@{[$ann->id]}, @{[$bob->id]}, 'once', 1, null, 'r5')");
    my $second = $post->('r5');
    ok waiting($held, 1), 'a try waits for another that is not committed';
    $held->('rollback');
    ($im->together($second))[0]->ok('when that fails it is the first', { seq => $last + 3, clientMsgId => 'r5' });
    is $im->sql("select string_agg(n::text, ' ') from (select count(*) as n from im.message where client_msg_id ~ '^r[1-5]\$' group by client_msg_id) x"),
        '1 1 1 1 1', 'each is stored once';
    $ann->post('/message/group/send', { groupId => $group, content => 'once', messageType => 1, clientMsgId => 'r1' })
        ->refused(400, 'the id of one conversation is not taken in another', qr/clientMsgId/);
    $socket->close;
};

subtest 'what is told is what was committed' => sub {
    my $pair = $private->($ann, $cat);
    my $socket = $cat->socket;
    my $append = sub ($text) { "select im.private_append(@{[$ann->id]}, @{[$cat->id]}, '$text', 1, null, null);" };
    my (@kept, $sql);
    for my $n (1 .. 100) {
        my $keep = $n % 3;
        push @kept, "event $n" if $keep;
        $sql .= 'begin;' . $append->("event $n") . ($keep ? "commit;\n" : "rollback;\n");
    }
    # Nobody publishes after these, as after a crash: the clerk finds them.
    $im->sql($sql);
    my (%seen, @order);
    $socket->wait_until(sub {
        while (my $frame = shift @{ $socket->frames }) {
            push @order, $frame->{data}{content} if $frame->{type} eq 'PRIVATE_MESSAGE' && !$seen{ $frame->{data}{content} }++;
        }
        return @order >= @kept;
    }, 20);
    is_deeply \@order, \@kept, 'the events of 67 transactions are told, in order, and none of the 33 that were rolled back';
    ok $im->eventually(10, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'nothing stays in the outbox';
    ($im->together($ann->post_p('/message/private/send', { receiverId => $rest[5]->id, content => 'x', messageType => 1 })))[0]
        ->refused(2001, 'a refused call');
    $socket->nothing(PRIVATE_MESSAGE => 'MESSAGE', 'tells nothing');
    is $im->sql("select max(seq) - count(*) from im.message where conversation_id = $pair"), 0, 'and seq has no hole';
};

$im->end;
done_testing;
