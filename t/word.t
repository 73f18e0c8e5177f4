# word: a sensitive word takes effect in every program within two seconds, without a restart, and goes as quickly;
# starred out of what people write, refused in what things are called.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Machine qw(slowness);
use IM::Stack;
use List::Util qw(sum0);
use Mojo::File qw(path);
use Mojo::Util qw(encode);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new(IM_PROCESSES_message => 2);
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob);
my $group  = $im->group($ann, $bob);
my $socket = $ann->socket;
my $count  = 0;
my $send   = sub ($text) { $ann->post('/message/private/send', { receiverId => $bob->id, content => $text, messageType => 1 }) };
my $tell   = sub ($text) { $ann->post('/message/group/send', { groupId => $group, content => $text, messageType => 1 }) };
my $frame  = sub ($text) {
    my $id = 'w' . ++$count;
    $socket->send(PRIVATE_MESSAGE => { receiverId => $bob->id, content => $text, messageType => 1, clientMsgId => $id });
    return $socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => $id })->{content};
};
$im->sql("update im.setting set value = '1000000' where name ~ '^friend.*limit'");
my $add    = sub (@words) { $im->sql("insert into im.sensitive_word (word) values " . join ', ', map {"('$_')"} @words) };
my @pids   = map { $im->parts->pids($_) } qw(auth user friend group message socket);

# Everything that filters, one per program (message has two processes: ask often enough to meet both).
my %filters = (
    'message'   => sub ($word) { !grep { $send->("a $word b")->must->{content} =~ /\Q$word\E/ } 1 .. 6 },
    'socket'    => sub ($word) { $frame->("a $word b") !~ /\Q$word\E/ },
    'user'      => sub ($word) { $ann->put('/user/update', { signature => "a $word" })->code eq 8001 },
    'group'     => sub ($word) { $ann->put('/group/modify', { groupId => $group, groupNotice => "a $word" })->code eq 8001 },
    'auth'      => sub ($word) {
        $im->stranger->post('/register', { username => 'dan' . ++$count, password => 'pw dan 1', nickName => $word })->code eq 8001;
    },
    'friend'    => sub ($word) {
        my $id = $cat->post('/friend/request/apply', { friendId => $ann->id, applyInfo => "a $word" })->must->{requestId};
        my ($row) = grep { $_->{requestId} == $id } @{ $ann->get('/friend/request/list')->must };
        $cat->post("/friend/request/recall", { requestId => $id })->must;
        return $row->{applyInfo} !~ /\Q$word\E/;
    },
);

subtest 'links and structured content' => sub {
    $add->('8964', '广告');
    my $typed = sub ($type, $content) { $ann->post('/message/private/send', { receiverId => $bob->id, content => $content, messageType => $type }) };
    ok $im->eventually(10, sub { !grep { $send->('x 8964')->must->{content} ne 'x ****' } 1 .. 6 }), 'a word is starred out by each process';
    $send->('看 https://h/f/8964.doc?x=8964，8964 广告https://h/8964')->ok('not in a link', { content => '看 https://h/f/8964.doc?x=8964，**** **https://h/8964' });
    $send->('HTTPS://h/8964 http:// 8964')->ok('in whatever case', { content => 'HTTPS://h/8964 http:// ****' });
    for my $whole ('{"url":"https://h/f/8964.doc","size":8964}', 'https://h/8964.png', '{"a":[{"b":"https://h/8964"}],"8964":true}') {
        $typed->(5, $whole)->ok('content that is no text stays as it is', { content => $whole });
    }
    $typed->(5, $_)->refused(8001, "$_ is refused") for '{"url":"https://h/x","name":"8964.doc"}', '{"a":[{"b":"广 告"}]}', '广告.doc', '{"name":"\u5e7f\u544a"}';
    $im->sql('delete from im.sensitive_word');
};

subtest 'a word that is added' => sub {
    is $send->('a 法轮 b')->must->{content}, 'a 法轮 b', 'before, it is a word like any other';
    my ($word, $start) = ('测试坏词', time);
    ok !$filters{message}->($word), 'the new one too';
    $add->($word, '大麻', 'ばか');
    $start = time;
    my %left = %filters;
    my %took;
    while (%left && time - $start < 10) {
        for my $program (sort keys %left) {
            my $asked = time;
            next if !$left{$program}->($word);
            $took{$program} = $asked - $start;
            delete $left{$program};
        }
    }
    note sprintf '%s after %.1f s', $_, $took{$_} for sort keys %took;
    is_deeply [sort keys %left], [], 'all programs know it';
    my ($slowest) = sort { $b <=> $a } values %took;
    # Asked one after the other, so a program is asked again only when all others have been.
    cmp_ok $slowest, '<', 2 * slowness() + (time - $start) / 4, 'within two seconds';
    is_deeply [map { $im->parts->pids($_) } qw(auth user friend group message socket)], \@pids, 'without a restart';
};

subtest 'what is done with it' => sub {
    $send->('这是测试坏词吗')->ok('a private message is starred', { content => '这是****吗' });
    $tell->('测 试-坏词')->ok('a message to a group too, however it is spelt', { content => qr/\A\*+\z/ });
    is $frame->('测试坏词'), '****', 'and one over the socket';
    $bob->get('/message/private/pullOfflineMessage')->ok('the receiver reads the stars', sub { $_->[-1]{content} eq '****' });
    $send->('这件事很大，麻烦')->ok('what only touches at the end of a clause is no word', { content => '这件事很大，麻烦' });
    $send->("很大\n麻烦")->ok('nor at the end of a line', { content => "很大\n麻烦" });
    $send->('はがき')->ok('nor what has other marks', { content => 'はがき' });
    $send->('大麻 ばか')->ok('the words themselves are starred', { content => '** **' });
    $ann->put('/user/update', { nickName => '测试坏词' })->refused(8001, 'a nick name is refused');
    $ann->post('/group/create', { groupName => '测试坏词', memberIds => [$bob->id] })->refused(8001, 'a group name too');
    $ann->post('/group/create', { groupName => 'x', groupNotice => '测试坏词', memberIds => [$bob->id] })->refused(8001, 'and a notice');
    $im->stranger->post('/register', { username => '测试坏词', password => 'pw dan 1', nickName => 'x' })->refused(8001, 'as is a user name');
};

subtest 'a word that is taken away' => sub {
    $im->sql("update im.sensitive_word set enabled = false where word = '测试坏词'");
    my $took = $im->eventually(10, sub { $send->('测试坏词')->must->{content} eq '测试坏词' && $frame->('测试坏词') eq '测试坏词' });
    ok $took, 'is let through again';
    cmp_ok $took, '<', 3 * slowness(), 'as quickly';
    $im->sql('delete from im.sensitive_word');
    ok $im->eventually(10, sub { $ann->put('/user/update', { nickName => '测试坏词' })->code eq 200 }), 'in names as well';
};

# What processes have of their own, in KiB.
sub own (@pids) { return sum0 map { map {/^Private_Dirty: +(\d+)/} split /\n/, path("/proc/$_/smaps_rollup")->slurp } @pids }

subtest 'fifty thousand words' => sub {
    my @all    = map { $im->parts->pids($_, $_) } qw(auth user friend group message socket redpacket webrtc);
    my $before = own(@all);
    # Of two to five Han characters, as such lists are.
    $im->sql(q{
        insert into im.sensitive_word (word)
        select distinct (select string_agg(chr(19968 + (hashint8(n * 10 + i) & 16383)), '') from generate_series(1, 2 + n % 4) i)
          from generate_series(1, 50000) n on conflict do nothing});
    my $word = $im->sql('select word from im.sensitive_word where length(word) = 4 order by id limit 1');
    my $took = $im->eventually(20, sub { $send->("a $word b")->must->{content} !~ /$word/ });
    my @times;
    for (1 .. 20) {
        my $start = time;
        $send->('a b ' x 1000)->must;
        push @times, time - $start;
    }
    note sprintf 'known after %.1f s; the slowest of 20 long messages took %.0f ms', $took // -1, 1000 * (sort { $b <=> $a } @times)[0];
    ok $took, 'are known';
    sleep 2;    # for those that were not asked
    my $more  = own(@all) - $before;
    ok $more < 8 * 1024, sprintf 'all %d processes have %d KiB more', scalar @all, $more;
    $im->sql('truncate im.sensitive_word');
};

subtest 'a list of somebody else' => sub {
    my $list = path($im->state, 'list.txt');
    my $read = sub ($bytes, @more) { $list->open('>')->print($bytes); $im->imctl('word', 'import', "$list", @more) };
    my ($status, $table) = $read->(encode('UTF-8', "\x{feff}# 名单\r\n赌\r\n枪支弹药，\r\n出售+枪支\r\n" . '长' x 51 . "\r\nhttp://example.org/a\r\n"));
    is $status, 0, 'is read';
    note $table;
    like $table, qr/^ *what +\| +lines +\| +for example/m, 'a table says what became of it';
    like $table, qr/^ *\Q$_->[0]\E +\| +1 \| \Q$_->[1]\E/m, "$_->[0]: $_->[1]"
        for ['taken', '枪支弹药'], ['left: one letter or digit (--force takes it)', '赌'], ['left: words that count together (A+B)', '出售+枪支'],
        ['left: more than 50 characters', '长' x 20], ['left: a web address', 'http://example.org/a'], ['left: a comment', '# 名单'];
    ok $im->eventually(10, sub { $send->('枪支弹药')->must->{content} eq '****' }), 'what was taken is in force';
    $send->('我赌一把')->ok('what was left is not', { content => '我赌一把' });
    ($status) = $read->(encode('UTF-8', '赌'), '--force');
    is $im->sql("select count(*) from im.sensitive_word where word = '赌'"), 1, '--force takes one letter';
    is_deeply [$read->("\xb6\xc4\xb2\xa9\n")], [1, "imctl: $list is not UTF-8: iconv(1) can change that\n"], 'another encoding is refused in words';
    is_deeply [$im->imctl('word', 'import', "$list.none")], [1, "imctl: there is no file $list.none\n"], 'as is a file that there is not';
    is +($im->imctl('word'))[0], 2, 'and half a command';
    $im->sql('truncate im.sensitive_word');
};

subtest 'IM_WORDS=refuse' => sub {
    $add->('测试坏词');
    $im->config->{IM_WORDS} = 'refuse';
    $im->up;
    $socket = $ann->socket;
    ok $im->eventually(10, sub { $send->('测试坏词')->code eq 8001 }), 'a private message is refused with 8001';
    $tell->('测试坏词')->refused(8001, 'one to a group too');
    $socket->send(PRIVATE_MESSAGE => { receiverId => $bob->id, content => '测试坏词', messageType => 1, clientMsgId => 'refused' });
    $socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => 8001, clientMsgId => 'refused' }, 'and one over the socket');
    $send->('别的')->ok('what has no such word is not');
    is $im->sql("select count(*) from im.message where client_msg_id = 'refused'"), 0, 'nothing of it is stored';
};

$im->end;
done_testing;
