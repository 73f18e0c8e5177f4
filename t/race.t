# race: what happens at the same moment, sent over connections of its own each time; whoever is second is refused
# as if he had come later.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Machine qw(slowness);
use IM::Stack;
use List::Util qw(min);
use Test::More;

my $im = IM::Stack->new;
$im->sql("update im.setting set value = '1000000' where name ~ '^friend.*limit'");
my @crowd = map { $im->user("crowd$_") } 1 .. 6;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));

# Runs calls [user, "METHOD path", fields] at once: their codes.
sub codes (@calls) {
    my @promises = map {
        my ($user, $call, $fields) = @$_;
        my ($method, $path) = split / /, $call;
        $user->ask_p($method, $path, $fields);
    } @calls;
    my @answers = $im->together(@promises);
    my @faults  = map { @{ $_->faults } } @answers;
    fail 'the contract' or diag join "\n", @faults if @faults;
    return map { $_->code } @answers;
}

sub once ($name, @codes) { is_deeply [sort { $a <=> $b } @codes], [200, ($name) x $#codes], "one of @{[scalar @codes]} at once wins, the others are told $name" }

# What must always be true of friendships and groups.
sub sound ($title) {
    my @broken = map { $_->[0] } $im->sql(<<~'SQL');
        select 'half a friendship' from im.friendship f
         where not exists (select from im.friendship g where g.account_id = f.friend_id and g.friend_id = f.account_id)
        union all
        select 'a friendship in a closed conversation' from im.friendship f join im.conversation c on c.id = f.conversation_id where c.closed is not null
        union all
        select 'two conversations of one pair' from im.conversation where group_id is null group by low_id, high_id having count(*) > 1
        union all
        select 'member_count of ' || g.id from im.chat_group g
         where g.member_count <> (select count(*) from im.member b where b.conversation_id = g.conversation_id and b.left_at is null)
        union all
        select 'friends with a request pending' from im.friend_request q join im.friendship f on f.account_id = q.from_id and f.friend_id = q.to_id
         where q.status = 1
        SQL
    is_deeply \@broken, [], $title;
}

subtest 'one name, many who want it' => sub {
    my $stranger = $im->stranger;
    $im->secret('pw of a racer');
    for my $round (1 .. 4) {
        my %new = (password => 'pw of a racer', nickName => 'x');
        once(1004, codes(map { [$stranger, 'POST /register', { %new, username => $_ }] } "racer$round", "RACER$round", "Racer$round", "ｒacer$round"));
        once(1005, codes(map { [$stranger, 'POST /register', { %new, username => "phone$round$_", phone => "1380013800$round" }] } 1 .. 3));
    }
    is $im->sql("select count(*) from im.account where username_key ~ '^(racer|phone)'"), 8, 'there are as many accounts as winners';
};

subtest 'asking each other' => sub {
    my $apply = sub ($from, $to) { [$from, 'POST /friend/request/apply', { friendId => $to->id }] };
    for (1 .. 10) {
        my @codes = codes($apply->($ann, $bob), $apply->($bob, $ann));
        is "@codes", '200 200', 'both may ask';
        is $im->sql('select count(*) from im.friendship'), 2, 'which makes them friends';
        is $im->sql('select count(*) from im.friend_request where status = 2'), 1, 'by one request';
        $ann->delete('/friend/delete/' . $bob->id)->must;
        $im->sql('delete from im.friend_request');
    }
    my @codes = codes(map { $apply->($ann, $bob) } 1 .. 6);
    is "@codes", '200 200 200 200 200 200', 'asking six times at once';
    is $im->sql('select count(*) from im.friend_request'), 1, 'is asking once';
    sound('and all is sound');
};

subtest 'approving what is being recalled' => sub {
    my %won;
    for (1 .. 20) {
        my $id = $ann->post('/friend/request/apply', { friendId => $cat->id })->must->{requestId};
        my @calls = ([$cat, 'POST /friend/request/approve', { requestId => $id }], [$ann, 'POST /friend/request/recall', { requestId => $id }]);
        my @codes = $_ % 2 ? codes(@calls) : reverse codes(reverse @calls);
        my $friends = $im->sql("select count(*) from im.friendship where account_id = @{[$ann->id]} and friend_id = @{[$cat->id]}");
        my $status  = $im->sql("select status from im.friend_request where id = $id");
        is "@codes $friends $status", $codes[0] == 200 ? '200 2004 1 2' : '2004 200 0 4', 'exactly one wins';
        $won{ $codes[0] == 200 ? 'approve' : 'recall' }++;
        $ann->delete('/friend/delete/' . $cat->id)->must if $friends;
    }
    note join ', ', map {"$_ won $won{$_}"} sort keys %won;
    my $id = $ann->post('/friend/request/apply', { friendId => $cat->id })->must->{requestId};
    once(2004, codes(map { [$cat, "POST /friend/request/$_", { requestId => $id }] } qw(approve reject approve reject)));
    sound('and all is sound');
};

subtest 'deleting and blocking from both sides' => sub {
    $im->befriend($ann, $bob);
    once(2001, codes([$ann, 'DELETE /friend/delete/' . $bob->id], [$bob, 'DELETE /friend/delete/' . $ann->id]));
    $im->sql('delete from im.friend_request');
    for (1 .. 5) {
        my $id = $ann->post('/friend/request/apply', { friendId => $bob->id })->must->{requestId};
        my @codes = codes([$bob, 'POST /friend/request/approve', { requestId => $id }], [$bob, 'POST /blacklist/add', { targetId => $ann->id }]);
        is $codes[1], 200, 'a block is always possible';
        my $closed = $im->sql("select coalesce(max(closed), 'none') from im.conversation where low_id = @{[$ann->id]} and high_id = @{[$bob->id]}");
        is $closed, $codes[0] == 200 ? 'blocked' : 'unfriended', 'and closes their chat, friends or not';
        $bob->delete('/blacklist/remove/' . $ann->id)->must;
        $codes[0] == 200 ? $ann->delete('/friend/delete/' . $bob->id)->must : $im->sql('delete from im.friend_request where status = 1');
    }
    sound('and all is sound');
};

subtest 'the last place in a group' => sub {
    $im->sql("update im.setting set value = '3' where name = 'group.member_limit'");
    $im->befriend($ann, $bob) if !$im->sql("select count(*) from im.friendship where account_id = @{[$bob->id]}");
    for (1 .. 5) {
        my $group = $im->group($ann, $bob);
        once(3007, codes(map { [$_, "POST /group/join/$group"] } @crowd));
        is scalar @{ $ann->get("/group/members/$group")->must }, 3, 'three are in';
    }
    my $group = $im->group($ann);
    my @codes = codes([$crowd[0], "POST /group/join/$group"], [$crowd[1], "POST /group/join/$group"], [$ann, 'POST /group/invite', { groupId => $group, memberIds => [$bob->id] }],
        [$crowd[2], "POST /group/join/$group"]);
    is_deeply [sort { $a <=> $b } @codes], [200, 200, 3007, 3007], 'two places, four who come by different ways';
    $im->sql("update im.setting set value = preset where name = 'group.member_limit'");
    sound('the groups count right');
};

subtest 'once is enough' => sub {
    $im->befriend($ann, @crowd);
    my $group = $im->group($ann, $bob);
    my $count = sub { scalar @{ $ann->get("/group/members/$group")->must } };
    once(3005, codes(map { [$ann, 'POST /group/invite', { groupId => $group, memberIds => [$crowd[0]->id] }] } 1 .. 4));
    is $count->(), 3, 'invited four times at once, a member once';
    once(3005, codes(map { [$crowd[1], "POST /group/join/$group"] } 1 .. 4));
    my @codes = codes([$crowd[2], "POST /group/join/$group"], [$ann, 'POST /group/invite', { groupId => $group, memberIds => [$crowd[2]->id] }]);
    once(3005, @codes);
    is $count->(), 5, 'joined four times at once, a member once';
    once(3002, codes([$crowd[1], "DELETE /group/quit/$group"], [$ann, 'DELETE /group/members/remove', { groupId => $group, memberIds => [$crowd[1]->id] }],
        [$crowd[1], "DELETE /group/quit/$group"]));
    is $count->(), 4, 'left and removed at once, gone once';
    @codes = codes([$ann, "DELETE /group/delete/$group"], map { [$_, "POST /group/join/$group"] } @crowd[3 .. 5]);
    is $codes[0], 200, 'a group dissolved while others join is dissolved';
    is_deeply [grep { $_ != 200 && $_ != 3001 } @codes], [], 'who came in time came in, the others found nothing';
    $ann->get("/group/find/$group")->refused(3001, 'then it is there for nobody');
    sound('the groups count right');
};

subtest 'one password, changed three times' => sub {
    my $dan = $im->user('dan');
    my @new = map {"new password $_"} 1 .. 3;
    $im->secret(@new);
    my @codes = codes(map { [$dan, 'PUT /modifyPwd', { oldPassword => $dan->password, newPassword => $_ }] } @new);
    is scalar(grep { $_ == 200 } @codes), 1, 'one of three at once changes it' or diag "@codes";
    is_deeply [grep { $_ != 200 && $_ != 401 && $_ != 1002 } @codes], [], 'for the others it is not the password any more';
    $dan->login->refused(1002, 'nor does it log in');
    is $im->sql("select count(*) from im.session where revoked_at is null and account_id = @{[$dan->id]}"), 0, 'no session is left';
};

subtest 'as many groups as one may own' => sub {
    my $owned = $im->sql("select count(*) from im.chat_group g join im.conversation c on c.id = g.conversation_id where owner_id = @{[$ann->id]} and c.closed is distinct from 'dissolved'");
    $im->sql("update im.setting set value = '@{[$owned + 2]}' where name = 'group.owned_limit'");
    my @codes = codes(map { [$ann, 'POST /group/create', { groupName => 'x' }] } 1 .. 6);
    is_deeply [sort { $a <=> $b } @codes], [200, 200, (400) x 4], 'two more, by six requests at once';
    $ann->post('/group/create', { groupName => 'x' })->refused(400, 'the field is named', qr/groupName/);
    my ($group) = map { $_->{id} } @{ $ann->get('/group/list')->must };
    $ann->delete("/group/delete/$group")->must;
    $ann->post('/group/create', { groupName => 'x' })->ok('a dissolved one makes room');
    $bob->post('/group/create', { groupName => 'x' })->ok('everybody has his own');
};

# What waits for the database goes there together (src/base/bulk.h): here behind two messages that wait for a lock.
subtest 'many messages at once' => sub {
    my ($eve, $fay, $moe) = $im->users(qw(eve fay moe));
    $im->befriend($eve, $fay, @crowd);
    $im->befriend($fay, $moe);
    my $send = sub ($from, $to, $text, %more) {
        return $from->post_p('/message/private/send', { receiverId => $to->id, content => $text, messageType => 1, %more });
    };
    my @ids = sort { $a <=> $b } $eve->id, $crowd[5]->id;
    my $behind = sub (@asked) {
        my $holder = $im->background_sql("begin; select from im.conversation where low_id = $ids[0] and high_id = $ids[1] for update;
            do \$\$ begin
              for i in 1 .. 200 loop
                perform pg_sleep(0.02), pg_stat_clear_snapshot();
                exit when 2 <= (select count(*) from pg_stat_activity where application_name = 'message' and wait_event_type = 'Lock');
              end loop;
              perform pg_sleep(@{[min 1.5, 0.3 * slowness]});    -- in which the others come
            end \$\$; commit");
        $im->eventually(5, sub { $im->sql(q{select count(*) from pg_locks where mode = 'RowShareLock' and relation = 'im.conversation'::regclass}) });
        my @first = map { $send->($eve, $crowd[5], "first $_") } 1, 2;
        $im->eventually(5, sub { 2 <= $im->sql(q{select count(*) from pg_stat_activity where application_name = 'message' and wait_event_type = 'Lock'}) });
        my @all = $im->together(@first, map { $_->() } @asked);
        waitpid $holder, 0;
        return splice @all, 2;
    };
    my $old = $fay->post('/message/private/send', { receiverId => $eve->id, content => 'old', messageType => 1, clientMsgId => 'old' })->must;
    $im->sql("insert into im.account_mute (account_id, until) values (@{[$moe->id]}, 'infinity')");
    my ($socket, $other) = map { $_->socket } $fay, $crowd[4];

    my @said = $behind->(
        sub { $send->($eve, $fay, 'one', clientMsgId => 'one') },
        sub { $send->($fay, $eve, 'two "quoted" \\ back') },
        sub { $send->($crowd[4], $eve, '三') },
        sub { $send->($fay, $eve, 'old', clientMsgId => 'old') },
        sub { $send->($fay, $crowd[1], 'to no friend') },
        sub { $send->($moe, $fay, 'muted') },
        sub { $send->($eve, $fay, 'mentioned', atUserIds => [$fay->id]) },
    );
    is_deeply [map { $_->code } @said], [200, 200, 200, 200, 2001, 3006, 200], 'each has the answer that it would have had alone';
    is_deeply [map { $_->data->{content} } @said[0 .. 3, 6]], ['one', 'two "quoted" \\ back', '三', 'old', 'mentioned'], 'its own';
    is $said[3]->data->{id}, $old->{id}, 'a retry the first';
    is $im->sql("select count(distinct xmin::text) || ' ' || count(*) from im.message where content in ('one', 'two \"quoted\" \\ back', '三')"), '1 3',
        'what is as usual was stored by one transaction';
    my @seen = map { $socket->take(PRIVATE_MESSAGE => 'MESSAGE', {}, 10)->{data}{content} } 1 .. 4;
    is_deeply [sort @seen], [sort 'one', 'two "quoted" \\ back', 'old', 'mentioned'], 'whoever it concerns is told, once each';
    $other->expect(PRIVATE_MESSAGE => 'MESSAGE', { content => '三' }, 'and so is the next');
    is $im->sql("select string_agg(seq::text, ' ' order by seq) from im.message where conversation_id = $old->{conversationId}"), '1 2 3 4', 'seq has no holes';

    my @mixed = $behind->(sub { $send->($eve, $fay, 'x' x 4097) }, sub { $send->($eve, $fay, 'four') }, sub { $send->($fay, $eve, 'five') });
    is_deeply [map { $_->code } @mixed], [400, 200, 200], 'one that breaks a rule is refused, and spoils no other';
    is $im->sql("select last_seq || ' ' || (select count(*) from im.message m where m.conversation_id = c.id) from im.conversation c where id = $old->{conversationId}"), '6 6',
        'and nothing is stored twice';
    ok $im->eventually(5, sub { $im->sql('select count(*) from im.outbox') == 0 }), 'nothing stays in the outbox';
    $_->close for $socket, $other;
};

$im->end;
done_testing;
