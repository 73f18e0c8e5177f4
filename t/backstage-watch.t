# backstage-watch: what moderators see: messages found by what is said, recalled; sensitive words; numbers; the ledger's proof.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Test::More;

my $im = IM::Stack->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
my $admin = $im->admin;
$im->sql(q{set timezone = 'Asia/Shanghai'; update im.setting set value = '0 seconds' where name = 'stat.interval'});
$im->befriend($ann, $bob, $cat)->arm($ann, $bob)->fund($ann, 100);
my $group = $im->group($ann, $bob, $cat);
my $write = sub ($from, $to, $text) { $from->post('/message/private/send', { receiverId => $to->id, content => $text, messageType => 1 })->must->{id} };
my $tell  = sub ($from, $text) { $from->post('/message/group/send', { groupId => $group, content => $text, messageType => 1 })->must->{id} };
my $looks = sub { $im->sql(q{select count(*) from im.audit where action = 'message.read'}) };
my $found = sub ($list, %query) { [map { $_->{id} } @{ $admin->get("/im/message/$list/list", { order => 'asc', %query })->must->{records} }] };
my $comes = sub (@ids) { $im->eventually(10, sub { $im->sql("select count(*) from im.message_text where id in (@{[join ', ', @ids]})") == @ids }) };

subtest 'messages are found' => sub {
    my @ids = ($write->($ann, $bob, '今天晚上八点，老地方见'), $write->($bob, $ann, '好的 OK'), $write->($ann, $cat, '晚上有事'), $tell->($bob, '大家晚上好'), $tell->($cat, 'Good Evening'));
    ok $comes->(@ids), 'within seconds';
    $admin->get('/im/message/private/list', { text => '晚上' })->ok('by two characters, of private ones',
        { total => 2, records => [{ id => $ids[2], senderName => 'ann', receiverId => $cat->id, groupId => undef }, { id => $ids[0], content => '今天晚上八点，老地方见', receiverId => $bob->id }] });
    is_deeply $found->(private => text => '八点老地方'), [$ids[0]], 'by more of them, whatever stands between';
    is_deeply $found->(private => text => 'ｏｋ'), [$ids[1]], 'in whatever case and width';
    is_deeply $found->(private => text => $_), [], "not by $_" for '晚八', '上晚', "' or 'a' = 'a", '%xy%';
    $admin->get('/im/message/private/list', { text => $_ })->refused(400, "one letter is too few: $_", qr/text/) for '晚', '！！', 'a！';
    is_deeply $found->(private => userId => $ann->id), [@ids[0, 2]], 'by who wrote';
    is_deeply $found->(private => userId => $ann->id, friendId => $bob->id), [@ids[0, 1]], 'the chat of two';
    is_deeply $found->(private => userId => $bob->id, friendId => $cat->id), [], 'who never wrote';
    $admin->get('/im/message/private/list', { friendId => $bob->id })->refused(400, 'of which one is named first', qr/friendId/);
    is_deeply $found->(group => text => '晚上'), [$ids[3]], 'in groups';
    is_deeply $found->(group => groupId => $group, userId => $cat->id), [$ids[4]], 'by group and user';
    is_deeply $found->(group => groupId => 999_999), [], 'in no group that there is not';
    for (["$ids[0]" => '2020-02-29 23:59:59.9'], ["$ids[2]" => '2020-03-01 00:00:00']) {
        $im->sql(join '; ', 'set session_replication_role = replica',
            "update im.message set sent_at = '$_->[1]' where id = $_->[0]", "update im.message_text set sent_at = '$_->[1]' where id = $_->[0]", 'set session_replication_role = origin');
    }
    is_deeply $found->(private => startTime => '2020-02-29', endTime => '2020-02-29', text => '晚上'), [$ids[0]], 'of a day, to its last moment';
    my $sheet = $admin->sheet('/im/message/private/list', { text => '晚上' });
    is_deeply [map { $_->{id} } $sheet->rows], [@ids[2, 0]], 'as a file';
};

subtest 'one that commits late' => sub {
    my $last   = sub { $im->sql(q{select last_value from pg_sequences where schemaname = 'im' and sequencename = 'message_id_seq'}) };
    my $before = $last->();
    my $holder = $im->background_sql(sprintf <<~'END', $bob->id, $group);
        begin;
        select im.group_append(%s, %s, '迟到的消息', 1, null, null);
        do $$ begin while not exists (select from im.setting where name = 'test.done') loop perform pg_sleep(0.01); end loop; end $$;
        commit
        END
    ok $im->eventually(10, sub { $last->() > $before }), 'has drawn its id';
    my $next = $write->($ann, $bob, '先到的消息');
    ok $comes->($next), 'the one behind it is found meanwhile';
    is_deeply $found->(group => text => '迟到的消息'), [], 'it is not';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.done', 'text', '')});
    waitpid $holder, 0;
    ok $im->eventually(10, sub { "@{ $found->(group => text => '迟到的消息') }" eq $next - 1 }), 'until it has committed';
    ok $im->eventually(10, sub { $im->sql('select count(*) from im.follower_gap') == 0 }), 'then nothing is missing';
};

subtest 'a look is recorded' => sub {
    my $before = $looks->();
    my $id     = $write->($ann, $bob, '只有我们知道');
    ok $comes->($id), 'a message';
    $found->(private => text => '我们知道');
    is $looks->(), $before + 1, 'whoever finds it leaves a record';
    like $im->sql(q{select after->>'filter' from im.audit where action = 'message.read' order by id desc limit 1}), qr/我们知道/, 'of what was asked';
    my $around = $admin->get('/im/message/around', { id => $id, size => 1 })->ok('what was said around it', sub { @$_ == 2 && $_->[1]{id} == $id && $_->[0]{content} eq '先到的消息' });
    is $looks->(), $before + 2, 'is recorded too';
    $admin->get('/im/message/private/list', { text => '我' })->refused(400, 'what is refused', qr/text/);
    $admin->get('/im/message/around', { id => 999_999_999 })->refused(404, 'or not there');
    is $looks->(), $before + 2, 'is not looked at';
    $found->(group => groupId => $group);
    is $looks->(), $before + 3, 'a group is looked at';
    is $im->sql(q{select count(*) from im.audit where target = 'export message'}), 1, 'and an export is an export';
};

subtest 'a recall' => sub {
    my ($socket, $other) = ($ann->socket, $cat->socket);
    my $private = $write->($bob, $ann, '转账到这个账号');
    my $public  = $tell->($ann, '转账给我');
    ok $comes->($private, $public), 'two messages';
    my $complaint = $ann->post('/complaint/submit', { targetType => 1, targetId => $bob->id, reason => '诈骗', messageId => $private })->must->{complaintId};
    $admin->post('/im/message/recall', { id => $private, reason => '诈骗' })->ok('a moderator takes one back', undef);
    $socket->expect(PRIVATE_MESSAGE => 'RECALL', { id => $private, senderId => $bob->id, receiverId => $ann->id, operatorId => undef }, 'its reader is told');
    $ann->get('/message/private/history', { friendId => $bob->id })->ok('and reads it no more', { records => sub { my ($m) = grep { $_->{id} == $private } @$_; $m->{isRecalled} && $m->{content} eq '' } });
    is_deeply $found->(private => text => '转账'), [], 'nor is it found';
    is $im->sql("select before->>'content' from im.audit where target = 'message $private' and action = 'message.recall'"), '转账到这个账号', 'the record keeps it';
    is $im->sql("select message_content from im.complaint where id = $complaint"), '转账到这个账号', 'and so does the complaint';
    $admin->post('/im/message/recall', { id => $private })->ok('once more changes nothing', undef);
    is $im->sql("select count(*) from im.audit where target = 'message $private' and action = 'message.recall'"), 1, 'and is not recorded';
    $admin->post('/im/message/recall', { id => $public })->ok('one to a group', undef);
    $other->expect(GROUP_MESSAGE => 'RECALL', { id => $public, senderId => $ann->id, groupId => $group, operatorId => undef }, 'its members are told');
    $ann->post('/redPackage/send', { receiverType => 1, receiverId => $group, totalAmount => 2, totalCount => 2, redPacketType => 1, tradePassword => $ann->trade })->must;
    $admin->post('/im/message/recall', { id => 0 + $im->sql('select max(id) from im.message where message_type = 7') })->refused(403, 'a red packet is not taken back');
    $ann->delete('/message/private/recall/' . (my $own = $write->($ann, $bob, '自己撤回的话')))->must;
    ok $comes->($own), 'what was taken back before it could be found';
    is $im->sql("select count(*) from im.message_text where id = $own and words = ''"), 1, 'never is';
    $_->close for $socket, $other;
};

subtest 'sensitive words' => sub {
    my $star = sub ($text) { $ann->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1 })->must->{content} };
    my @said = ($write->($ann, $bob, '买枪支吗'), $write->($bob, $ann, '枪 - 支在哪'), $write->($ann, $bob, '手枪，支付'), $write->($ann, $bob, 'class'), $write->($bob, $ann, 'an Ass!'));
    ok $comes->(@said), 'before there is a word';
    my $hits = sub ($word, %more) { [map { $_->{id} } @{ $admin->get('/im/sensitiveWord/hit/list', { word => $word, order => 'asc', %more })->must->{records} }] };
    is_deeply $hits->('枪支'), [@said[0, 1]], 'it is seen what it would have hit, as the filter does';
    is_deeply $hits->('ass'), [$said[4]], 'a word of letters alone only';
    is_deeply $hits->('枪支', endTime => '2020-01-01'), [], 'at another time nothing';
    $admin->get('/im/sensitiveWord/hit/list', { word => '枪' })->refused(400, 'one letter hits too much', qr/word/);

    my $id = $admin->post('/im/sensitiveWord/add', { word => '枪支' })->ok('a word is added')->{id};
    ok $im->eventually(10, sub { $star->('枪支') eq '**' }), 'and in force';
    $admin->post('/im/sensitiveWord/add', { word => $_ })->refused(400, "not twice or empty: $_", qr/word/) for '枪支', '！！', 'x' x 51;
    $admin->post('/im/sensitiveWord/enable', { id => $id, enabled => \0 })->ok('it is switched off', undef);
    ok $im->eventually(10, sub { $star->('枪支') eq '枪支' }), 'and let through';
    $admin->get('/im/sensitiveWord/list', { enabled => 'false' })->ok('which the list shows', { total => 1, records => [{ id => $id, word => '枪支', enabled => 0 }] });
    $admin->post('/im/sensitiveWord/update', { id => $id, word => '手枪', enabled => \1 })->ok('it is written otherwise', undef);
    $admin->get('/im/sensitiveWord/list', { word => '枪' })->ok('and found', { total => 1, records => [{ word => '手枪', enabled => 1 }] });
    $admin->post("/im/sensitiveWord/$_", { id => 999_999, enabled => \1 })->refused(404, "there is no such word to $_") for qw(update enable);

    my @words = map { chr(0x4e00 + int $_ / 50) . chr(0x5100 + $_ % 50) } 1 .. 3000;
    my $told  = $admin->post('/im/sensitiveWord/import', { text => join "\n", @words, '赌', '手枪', '# 名单' })->ok('thousands are read in');
    is_deeply { map { (($_->{what} =~ s/:.*//sr) . ($_->{what} =~ /comment/ ? ' out' : '') => $_->{lines}) } @$told }, { taken => 3000, 'there already' => 1, left => 1, 'left out' => 1 }, 'and what became of them is told';
    my $sheet = $admin->sheet('/im/sensitiveWord/list', { order => 'asc' });
    is_deeply [map { $_->{word} } $sheet->rows], ['手枪', @words], 'an export has them all';
    $admin->post('/im/sensitiveWord/delete', { ids => [$id, 999_999] })->ok('one is deleted, one was not there', { deleted => 1 });
    $admin->post('/im/sensitiveWord/delete', { ids => [] })->refused(400, 'some have to be named', qr/ids/);
    is $im->sql(q{select count(*) from im.audit where action = 'word.write'}), 5, 'every change is recorded';
    $im->sql('truncate im.sensitive_word');
};

subtest 'numbers' => sub {
    my $order = $bob->post('/user/recharge', { amount => 12, payType => 'alipay' })->must->{id};
    $bob->post('/user/recharge', { amount => 5, payType => 'alipay' })->must;
    $admin->post('/im/recharge/approve', { id => $order })->must;
    my $pay = $ann->post('/user/withdraw', { amount => 10, toAddress => '0x' . 'a1' x 20, tradePassword => $ann->trade })->must->{id} // $im->sql('select max(id) from im.withdraw');
    $admin->post("/im/withdraw/$_", { id => $pay })->must for qw(approve paid);
    my $socket = $cat->socket;
    my ($messages, $in) = map { scalar $im->sql($_) } 'select count(*) from im.message', q{select sum(x.amount) from im.posting x join im.purse p on p.id = x.purse_id join im.journal j on j.id = x.journal_id where p.kind = 'cash_in'};
    my $now;
    ok $im->eventually(15, sub { $now = $admin->get('/im/stat/overview')->must; $now->{messages} == $messages && $now->{moneyOut} == 10 && $now->{online} == 1 }), 'are those of now';
    is $now->{moneyIn}, 0 - $in, 'what came in';
    is $now->{moneyHeld}, $now->{moneyIn} - 10, 'is held, but for what left';
    is_deeply [@$now{qw(users complaintsOpen reviewsOpen)}], [3, 1, 1], 'how many there are';
    my ($today) = split / /, $now->{time};
    my ($day) = @{ $admin->get('/im/stat/day/list', { startTime => $today })->must->{records} };
    is_deeply [@$day{qw(active registered messages redPackets redPacketAmount onlinePeak)}],
        [@$now{qw(activeToday registeredToday messagesToday redPacketsToday redPacketAmountToday onlinePeak)}], 'today is as in the list of days';
    my @all = $im->sql('select sum(registered), sum(messages), sum(packets), sum(packet_amount), max(active) from im.stat_day');
    is_deeply $all[0], [3, $messages, 1, '2.00', 3], 'which have them all';
    ok $now->{onlinePeak} >= 1, 'with the peak of the day';
    $socket->close;
    ok $im->eventually(15, sub { $now = $admin->get('/im/stat/overview')->must; $now->{online} == 0 }), 'whoever goes is gone';
    ok $now->{onlinePeak} >= 1, 'the peak stays';
    $im->sql(q{insert into im.stat_day (day, messages) values ('2026-01-01', 7), ('2026-01-02', 8)});
    $admin->get('/im/stat/day/list', { startTime => '2026-01-01', endTime => '2026-01-02', order => 'asc' })->ok('days', { total => 2, records => [{ day => '2026-01-01', messages => 7 }, { day => '2026-01-02' }] });
    is_deeply [map { $_->{messages} } $admin->sheet('/im/stat/day/list', { endTime => '2026-01-02' })->rows], [8, 7], 'as a file';
};

subtest 'the ledger is proven on' => sub {
    my $check = sub { $admin->get('/im/fund/check')->must };
    my ($entries, $postings) = map { $im->sql("select count(*) from im.$_") + 0 } qw(journal posting);
    my $proof = $check->();
    is_deeply [@$proof{qw(ok complete problem row entryCount postingCount)}], [1, 1, undef, undef, $entries, $postings], 'all of it';
    is_deeply [map { sprintf '%.2f', $_ } @$proof{qw(available frozen escrow cashIn cashOut vip)}],
        [map { scalar $im->sql("select im.purse_total('$_')") } qw(available frozen escrow cash_in cash_out vip)], 'the amounts are those of the purses';
    $im->sql(q{set session_replication_role = replica;
        insert into im.journal (kind, subject) values ('recharge', '4711'); set session_replication_role = origin});
    is_deeply [@{ $check->() }{qw(ok complete problem row)}], [0, 0, 'postings do not sum to zero', sub { 'entry ' . $im->sql('select max(id) from im.journal') }->()], 'an entry without postings is found';
    is $check->()->{entryCount}, $entries, 'and stays before what is proven';
    $im->sql(q{set session_replication_role = replica; delete from im.journal where subject = '4711'; set session_replication_role = origin});
    ok $check->()->{ok}, 'until it is dealt with';
    is +($im->imctl('ledger', 'check'))[0], 0, 'the whole proof says so too';
};

$im->allow(qr/the ledger does not hold: postings do not sum to zero/);
$im->end;
done_testing;
