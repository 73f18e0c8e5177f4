# socket: the handshake, frames and their answers.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Accounts;
use IM::Stack;
use Mojo::JSON qw(encode_json);
use Test::More;

my $im = IM::Stack->new(IM_ACCESS_TTL => 1800);
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob);
my $group = $im->group($ann, $bob);
my ($ann_socket, $ann_tablet, $bob_socket);

subtest 'handshake' => sub {
    is $im->stranger->socket(query => {})->status, 401, 'a stranger is refused';
    is $im->stranger->socket(query => { accessToken => 'x.y.z' })->status, 401, 'as is a token that is none';
    is $ann->socket(query => { accessToken => $ann->refresh })->status, 401, 'and a refresh token';
    is $ann->socket(query => { accessToken => $im->admin->access })->status, 401, "and an administrator's";

    $ann_socket = $ann->socket;
    is $ann_socket->status, 101, 'ann connects to 8081';
    $ann_tablet = $ann->socket(service => 'chat');
    is $ann_tablet->status, 101, 'and her tablet to 8080';
    is $ann->socket(query => {}, headers => { Authorization => 'Bearer ' . $ann->access })->close->status, 101,
        'the token may come as a header';
    is $ann->socket(query => {}, headers => { accessToken => [$ann->access, 'x.y.z'] })->close->status, 101,
        "or as an older client's, of which the first counts";

    is $ann->socket(headers => { Origin => 'https://evil.example' })->status, 403, 'a foreign page is refused';
    is $ann->socket(headers => { Origin => $im->url('backstage') })->close->status, 101, 'our own is not';

    $im->sql("update im.account set status = 'banned' where id = " . $cat->id);
    is $cat->socket->status, 403, 'a banned user is refused';
    $bob_socket = $bob->socket;
};

subtest 'heartbeat' => sub {
    is $ann_socket->heartbeat->{pending}, 0, 'ann has missed nothing';
    my $message = $bob->post('/message/private/send', { receiverId => $ann->id, content => 'hi', messageType => 1 })->must;
    is $ann_socket->heartbeat->{pending}, 1, 'then one message';
    my $mine = $ann_socket->heartbeat({ received => [[$message->{conversationId}, $message->{seq}]] });
    is $mine->{pending}, 0, 'which she acknowledges';
    $ann->get('/message/private/pullOfflineMessage')->ok('so it is not pulled', []);
    is $im->sql("select delivered_seq from im.member where conversation_id = $message->{conversationId} and account_id = "
        . $ann->id), 1, 'bob could see that it was delivered';
    $ann_socket->heartbeat({ received => [[$message->{conversationId}, 99]] });
    is $im->sql("select delivered_seq from im.member where conversation_id = $message->{conversationId} and account_id = "
        . $ann->id), 1, 'what was never sent cannot be acknowledged';
    $ann_socket->send(HEARTBEAT => { received => [[1]] });
    $ann_socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => 400, message => qr/received/ }, 'a broken list is refused');
    $ann_socket->send(HEARTBEAT => { status => 'ASLEEP' });
    $ann_socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => 400, message => qr/status/ }, 'as is an unknown status');
};

subtest 'messages' => sub {
    my $hello = { receiverId => $bob->id, content => '你好', messageType => 1, atUserIds => [], clientMsgId => 'w1' };
    $ann_socket->send(PRIVATE_MESSAGE => $hello);
    my $stored = $ann_socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'w1' }, 'the acknowledgement carries her clientMsgId');
    is_deeply $ann_tablet->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'w1' }), $stored, 'her tablet has the same';
    is_deeply $bob_socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'w1' }), $stored, 'and so has bob';
    $ann_socket->send(PRIVATE_MESSAGE => $hello);
    is_deeply $ann_socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'w1' }), $stored, 'a retry is acknowledged again';
    is $im->sql(q{select count(*) from im.message where client_msg_id = 'w1'}), 1, 'and stored once';

    $ann_socket->send(GROUP_MESSAGE => { groupId => $group, content => 'all', messageType => 1, clientMsgId => 'w2' });
    $_->expect(GROUP_MESSAGE => 'MESSAGE', { groupId => $group, senderId => $ann->id, content => 'all', clientMsgId => 'w2' }, 'a member gets it')
        for $ann_socket, $ann_tablet, $bob_socket;

    $ann_socket->send(PRIVATE_MESSAGE => { %$hello, senderId => $bob->id, clientMsgId => 'w3' });
    $ann_socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'w3', senderId => $ann->id }, 'the sender is whose socket it is');
};

subtest 'refusals' => sub {
    my $error = sub ($code, $title, %more) {
        $ann_socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => $code, %more }, $title);
    };
    $ann_socket->send(PRIVATE_MESSAGE => { receiverId => $cat->id, content => 'hi', messageType => 1, clientMsgId => 'e1' });
    $error->(2001, 'a stranger gets no message', clientMsgId => 'e1', message => qr/\p{Han}/);
    $ann_socket->send(PRIVATE_MESSAGE => { receiverId => $bob->id, content => '', messageType => 1 });
    $error->(400, 'an empty one is refused', message => qr/content/);
    $ann_socket->send(GROUP_MESSAGE => { groupId => 99999, content => 'hi', messageType => 1 });
    $error->(3001, 'a group must exist');
    $ann_socket->send($_ => { event => 'NOTICE' }), $error->(400, "$_ is not a client's to send", message => qr/type/)
        for qw(SYSTEM_MESSAGE FRIEND_REQUEST SHUTDOWN /socket/frame /socket/handshake), '';
    for my $text ('', 'hello', '[]', '{}', '{"type":5}', '{"type":"PRIVATE_MESSAGE","data":[]}', '{"type":"HEARTBEAT","data":{}',
        '{"type":"HEARTBEAT","type":"HEARTBEAT","data":{}}', '{"type":"HEARTBEAT","data":{"status":"a\u0000"}}')
    {
        $ann_socket->send_text($text);
        $error->(400, "'$text' is refused");
    }
    # Whatever cannot be read is refused by name, and is not sent again for ever.
    my $say = sub ($id, $content, $more = '') {
        $ann_socket->send_text(qq({"type":"PRIVATE_MESSAGE","data":{"receiverId":@{[$bob->id]},"content":"$content","messageType":1$more,"clientMsgId":"$id"}}));
    };
    $say->(u1 => 'ok \ud83d');
    $ann_socket->expect(PRIVATE_MESSAGE => 'MESSAGE', { clientMsgId => 'u1', content => "ok \x{fffd}" }, 'half of an emoji is written as U+FFFD');
    $say->(u2 => $_), $error->(400, "'$_' is refused, and who sent it knows what", clientMsgId => 'u2', message => qr/content/) for 'a\u0000b', 'a\x', "a\tb";
    $say->(u3 => 'hi', ',"x":[[[[[[[[]]]]]]]]'), $error->(400, 'as is what is nested too deep', clientMsgId => 'u3', message => qr/\bx\b/);
    $say->(u4 => 'hi', ',"content":"ho"'), $error->(400, 'and a field that comes twice', clientMsgId => 'u4');
    $ann_socket->send_text('{"type":"PRIVATE_MESSAGE","data":{"clientMsgId":"u5","content":"cut');
    $error->(400, 'a frame that ends too early', clientMsgId => 'u5', message => qr/content/);
    $ann_socket->send_text('{"type":7,"data":{"clientMsgId":"u6"}}');
    $error->(400, 'and one without a type', clientMsgId => 'u6', message => qr/type/);
    ok $ann_socket->is_open, 'after all that the socket is open';
    $ann_socket->heartbeat;
    $bob_socket->nothing(SYSTEM_MESSAGE => 'ERROR', 'and bob has heard nothing of it');
};

subtest 'a token that expires' => sub {
    my $accounts = IM::Accounts->new(im => $im, lifetime => 3);
    my $session  = $im->sql('select max(id) from im.session where account_id = ' . $ann->id);
    my $brief    = $ann->as(access => $accounts->token($ann->id, $session));
    my $socket   = $brief->socket;
    $socket->heartbeat;
    ok $im->eventually(5, sub { $brief->get('/user/self')->code == 401 }), 'three seconds go by';
    $socket->send('HEARTBEAT');
    $socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => 401 }, 'the next frame is refused');
    $socket->expect_close('and the socket closed');
};

subtest 'a token that ends' => sub {
    my $watch = $ann->socket;
    $im->sql('update im.account set version = version + 1 where id = ' . $ann->id);
    $watch->send('HEARTBEAT');
    $watch->expect(SYSTEM_MESSAGE => 'ERROR', { code => 401 }, 'the next frame after it is refused');
    $watch->expect_close('and the socket closed');
    $ann->login->must;
    is $ann->socket->heartbeat->{pending}, 0, 'ann logs in and connects again';
    $im->sql("update im.account set status = 'banned' where id = " . $bob->id);
    $bob_socket->send('HEARTBEAT');
    $bob_socket->expect(SYSTEM_MESSAGE => 'ERROR', { code => 1003 }, 'a banned user is told so');
    $bob_socket->expect_close('and his socket closed');
};

# Known without asking any conversation (sql/lib/calm.sql).
subtest 'nothing is pending, and nothing is written' => sub {
    my ($dan, $eve) = $im->users(qw(dan eve));
    $im->befriend($dan, $eve);
    my $socket = $dan->socket;
    my $calm   = sub { $im->sql("select min(calm) from im.connection where account_id = @{[$dan->id]}") };
    my $settle = sub { $im->eventually(10, sub { $socket->heartbeat->{pending} == 0 && $calm->() == 3 }) };
    my $rows   = sub { $im->sql("select string_agg(xmin::text, ' ') from (select xmin, account_id from im.connection union all
        select xmin, account_id from im.presence union all select xmin, account_id from im.member) r where account_id = @{[$dan->id]}") };
    ok $settle->(), 'after some heartbeats it is known that nothing is pending';
    my $before = $rows->();
    is $socket->heartbeat->{pending}, 0, 'and said' for 1 .. 3;
    is $rows->(), $before, 'without a row being written';

    my $stored = $eve->post('/message/private/send', { receiverId => $dan->id, content => 'calm', messageType => 1 })->must;
    is $socket->heartbeat->{pending}, 1, 'a message ends that';
    $socket->heartbeat({ received => [[$stored->{conversationId}, $stored->{seq}]] });
    my $holder = $im->background_sql(sprintf <<~'END', $eve->id, $dan->id);
        set application_name = 'holder';
        begin;
        select im.private_append(%d, %d, 'slow', 1, null, null);
        select api.leave();
        do $$ begin
          for i in 1 .. 500 loop
            perform pg_sleep(0.02);
            exit when exists (select from im.setting where name = 'test.go on');
          end loop;
        end $$;
        commit
        END
    ok $im->eventually(10, sub { $im->sql(q{select count(*) from pg_stat_activity where application_name = 'holder' and wait_event = 'PgSleep'}) }),
        'one is under way that cannot know what comes now';
    is $socket->heartbeat->{pending}, 0, 'it is not there yet' for 1 .. 5;
    cmp_ok $calm->(), '<', 3, 'but may come';
    $im->sql(q{insert into im.setting (name, kind, value) values ('test.go on', 'text', '')});
    waitpid $holder, 0;
    is $socket->heartbeat->{pending}, 1, 'and has come';
    $socket->heartbeat({ received => [[$stored->{conversationId}, $stored->{seq} + 1]] });
    ok $settle->(), 'it is calm again';
    my $group = $im->group($eve, $dan);
    $eve->post('/message/group/send', { groupId => $group, content => 'all', messageType => 1 })->must;
    is $socket->heartbeat->{pending}, 1, 'and is not when a group has something';
    my ($place) = $im->sql("select c.id, c.last_seq from im.conversation c where c.group_id = $group");
    $socket->heartbeat({ received => [[map { $_ + 0 } @$place]] });
    my $new = $dan->socket;
    is $new->heartbeat->{pending}, 0, 'another device asks for itself';
    $_->close for $new, $socket;
    $im->sql(q{delete from im.setting where name = 'test.go on'});
};

$im->end;
done_testing;
