# rights: who may do what.  Each endpoint is tried with every token that must not work, then by everybody it is not
# for; what is refused changes nothing.  A route without a row here fails.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Fragment qw(lacks);
use IM::Rights;
use IM::Scene;
use IM::Source;
use IM::Stack;
use List::Util qw(uniq);
use Mojo::JSON qw(true);
use Test::More;

# --- the table: "METHOD path", fields, then who is answered what, in this order.  @name is an id of the scene. ---
#
# Every route of every program has a row.  Tokens that open nothing are tried by themselves, with its last row: here
# stands who, with a good one, has no right to it, is nobody there, or has it.

# In a living group: owner, manager, member, outsider, former member (left, removed); then the owner in a banned one,
# in a dissolved one and in one that never was.  undef is told below.
my @GROUP = (
    #                                                                    own  man  mem   out   left  rem   ban   diss  none
    ['PUT /group/modify',          { groupName => 'x' },                 200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['GET /group/find/@group',     {},                                   200, 200, 200,  200,  200,  200,  200,  3001, 3001],
    ['GET /group/members/@group',  {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['POST /group/invite',         { memberIds => ['@friend'] },         200, undef, 2001, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/join/@group',    {},                                   3005, 3005, 3005, 200, 200, 403, 3005, 3001, 3001],
    ['PUT /group/muted',           { isMuted => true },                  200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /group/members/muted',   { userId => '@other', isMuted => true }, 200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/setTopMessage/@group', { content => 'x' },             200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/removeTopMessage/@group', {},                        200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/manager/add',    { userId => '@other' },               200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/manager/remove', { userId => '@other' },             200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/transfer',       { userId => '@owner' },               3005, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /group/dnd',             { isDnd => true },                    200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['DELETE /group/members/remove', { memberIds => ['@other'] },        200, undef, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/quit/@group',  {},                                   3003, 200, 200, 3002, 3002, 3002, 3003, 3001, 3001],
    ['DELETE /group/delete/@group', {},                                  200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /message/group/send',   { content => 'x', messageType => 1 }, 200, 200, 200,  3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /message/group/readed',  {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['GET /message/group/history', {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
);
my @PLACES = (
    (map { [$_ => '@group'] } qw(owner manager member outsider left removed)),
    [owner => '@banned'], [owner => '@dissolved'], [owner => '@missing'],
);

# Everything else; "who" may be "who > fields that differ".
my @OTHER = (
    ['GET /user/self', {}, owner => 200],
    ['PUT /user/update', { nickName => 'x', id => '@other', userId => '@other' }, owner => 200],
    ['GET /user/search', { name => 'owner' }, outsider => 200],
    ['GET /user/find/@owner', {}, outsider => 200, owner => 200],
    ['GET /user/find/@missing', {}, owner => 1001],

    ['POST /friend/request/apply', { friendId => '@owner' }, owner => 400, friend => 2002, foe => 2003, outsider => 200],
    ['POST /friend/request/apply', { friendId => '@foe' }, owner => 2003],
    ['POST /friend/request/apply', { friendId => '@missing' }, owner => 1001],
    ['POST /friend/request/approve', { requestId => '@pending' }, suitor => 404, outsider => 404, owner => 200, owner => 2004],
    ['POST /friend/request/approve', { requestId => '@missing' }, owner => 404],
    ['POST /friend/request/approve', { requestId => '@blocked' }, owner => 2003],
    ['POST /friend/request/reject', { requestId => '@pending' }, suitor => 404, outsider => 404, owner => 200, owner => 2004],
    ['POST /friend/request/reject', { requestId => '@missing' }, owner => 404],
    ['POST /friend/request/recall', { requestId => '@pending' }, owner => 404, outsider => 404, suitor => 200, suitor => 2004],
    ['POST /friend/request/recall', { requestId => '@missing' }, suitor => 404],
    ['GET /friend/list', {}, outsider => 200],
    ['GET /friend/request/list', {}, outsider => 200],
    ['GET /blacklist/list', {}, outsider => 200],
    ['DELETE /friend/delete/@owner', {}, outsider => 2001, suitor => 2001, owner => 2001, friend => 200, friend => 2001],
    ['DELETE /friend/delete/@missing', {}, owner => 2001],
    ['PUT /friend/remark', { friendId => '@owner', remark => 'x' }, outsider => 2001, suitor => 2001, owner => 2001, friend => 200],
    ['PUT /friend/remark', { friendId => '@missing', remark => 'x' }, owner => 2001],
    ['POST /blacklist/add', { targetId => '@owner' }, owner => 400, foe => 200],
    ['POST /blacklist/add', { targetId => '@missing' }, owner => 1001],
    ['DELETE /blacklist/remove/@foe', {}, outsider => 200, foe => 200],

    ['POST /group/create', { groupName => 'x', memberIds => ['@outsider'] }, owner => 2001],
    ['POST /group/create', { groupName => 'x', memberIds => ['@missing'] }, owner => 2001],
    ['POST /group/create', { groupName => 'x', memberIds => ['@friend', '@enemy'] }, owner => 2003],
    ['POST /group/create', { groupName => 'x', memberIds => ['@friend'] }, owner => 200],
    ['GET /group/list', {}, outsider => 200],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@outsider'] }, owner => 2001],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@enemy'] }, owner => 2003],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@member'] }, owner => 3005],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@removed'] }, owner => 200],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@guest'] }, manager => 200],
    ['POST /group/join/@banned', {}, outsider => 3004],
    ['DELETE /group/members/remove', { groupId => '@group', memberIds => ['@extra'] }, manager => 200],
    (map {
        my ($name, $fields, $list) = @$_;
        my $of = sub ($who) { return { groupId => '@group', %$fields, $list ? (memberIds => [$who]) : (userId => $who) } };
        (   [$name, $of->('@owner'), owner => 3003, manager => 3003, member => 3003],
            [$name, $of->('@outsider'), owner => 3002],
            [$name, $of->('@left'), owner => 3002],
            [$name, $of->('@missing'), owner => 3002],
            [$name, $of->('@manager'), manager => 3003, second => 3003, member => 3003, owner => 200]);
    } ['PUT /group/members/muted', { isMuted => true }], ['DELETE /group/members/remove', {}, 'list'],
        ['DELETE /group/manager/remove', {}], ['POST /group/manager/add', {}]),
    ['DELETE /group/members/remove', { groupId => '@group', memberIds => ['@other', '@owner'] }, manager => 3003],

    ['POST /message/private/send', { receiverId => '@owner', content => 'x', messageType => 1 },
        outsider => 2001, suitor => 2001, enemy => 2003, owner => 200, friend => 200],
    ['POST /message/private/send', { receiverId => '@missing', content => 'x', messageType => 1 }, owner => 2001],
    ['GET /message/private/pullOfflineMessage', {}, outsider => 200],
    ['GET /message/group/pullOfflineMessage', {}, outsider => 200],
    ['PUT /message/private/readed', { friendId => '@owner' }, outsider => 2001, owner => 200, friend => 200],
    ['GET /message/private/maxReadedId', { friendId => '@owner' }, outsider => 2001, owner => 200, friend => 200],
    ['GET /message/private/history', { friendId => '@owner' }, outsider => 2001, owner => 200, friend => 200],
    ['DELETE /message/private/recall/@letter', {}, friend => 403, outsider => 404, member => 404, owner => 200],
    ['DELETE /message/private/recall/@missing', {}, owner => 404],
    ['DELETE /message/private/recall/@speech', {}, owner => 404, member => 404],
    ['DELETE /message/group/recall/@speech', {}, outsider => 404, left => 404, removed => 404, other => 3003, manager => 200],
    ['DELETE /message/group/recall/@order', {}, manager => 3003, member => 3003, owner => 200],
    ['DELETE /message/group/recall/@letter', {}, owner => 404],
    ['DELETE /message/group/recall/@missing', {}, owner => 404],
    ['GET /message/group/findReadedUsers', { messageId => '@speech' }, outsider => 404, left => 404, removed => 404, member => 200],
    ['GET /message/group/findReadedUsers', { messageId => '@letter' }, owner => 404],
    ['GET /message/group/findReadedUsers', { messageId => '@missing' }, owner => 404],
    ['GET /message/system/pullOfflineMessage', {}, outsider => 200],
    ['PUT /message/system/readed', {}, outsider => 200],
    ['POST /message/sync', {}, outsider => 200],
    ['GET /message/search', { text => 'xy' }, outsider => 200],
    ['GET /message/search', { text => 'x' }, outsider => 400],
    ['GET /conversation/list', {}, outsider => 200],
    ['PUT /conversation/set', { conversationId => '@place', isTop => true }, outsider => 404, left => 404, member => 200],
    ['PUT /conversation/set', { conversationId => '@missing', isTop => true }, owner => 404],

    # Who gets a file is told in t/file.t: here is who does not.  It is one of the owner's, sent to the group.
    ['POST /file/upload', {}, owner => 400],
    ['POST /image/upload', {}, owner => 400],
    ['POST /video/upload', {}, owner => 400],
    ['GET /file/download', { url => '/file/download?url=@file' }, friend => 404, outsider => 404, left => 404, removed => 404],
    ['GET /file/download', { url => '/file/download?url=00000000-0000-4000-8000-000000000000' }, owner => 404],
    ['GET /file/download', { url => 'http://localhost/@file' }, owner => 404],
    ['POST /message/private/send', { receiverId => '@owner', content => '/file/download?url=@file', messageType => 3 }, friend => 404],
    ['POST /message/group/send', { groupId => '@group', content => '/file/download?url=@private', messageType => 3 }, member => 404],
    ['PUT /user/update', { headImage => '/file/download?url=@file' }, outsider => 404, member => 404],
    ['PUT /group/modify', { groupId => '@group', groupAvatar => '/file/download?url=@file' }, manager => 404],
    ['POST /group/create', { groupName => 'x', groupAvatar => '/file/download?url=@file' }, outsider => 404],

    ['GET /system/config', {}, stranger => 200],
    (map {
        my ($type, $id, %more) = @$_;
        my $cases = delete $more{cases};
        ['POST /complaint/submit', { targetType => $type, targetId => $id, reason => 'x', complainerId => '@other', %more }, @$cases]
    } [1, '@owner', cases => [owner => 400]], [1, '@missing', cases => [outsider => 1001]], [2, '@missing', cases => [outsider => 3001]],
        [2, '@dissolved', cases => [owner => 3001]],
        [1, '@owner', messageId => '@letter', cases => [outsider => 404, member => 404]], [1, '@friend', messageId => '@letter', cases => [owner => 404]],
        [2, '@group', messageId => '@speech', cases => [outsider => 404, left => 404, removed => 404]], [2, '@banned', messageId => '@speech', cases => [owner => 404]],
        [1, '@owner', messageId => '@missing', cases => [friend => 404]], [1, '@friend', images => ['/file/download?url=@file'], cases => [owner => 404, member => 404]],
        [1, '@owner', messageId => '@letter', cases => [friend => 200]], [2, '@group', messageId => '@speech', cases => [owner => 200]],
        [2, '@banned', cases => [outsider => 200]]),

    # What these refuse to the one who may call them is told in t/auth.t and t/session.t.  A public one takes no notice
    # of a token, good or bad.
    ['POST /logout', {}, goer => 200, goer => 401],
    ['PUT /modifyPwd', { oldPassword => 'wrong one', newPassword => 'another' }, owner => 1002],
    ['PUT /setTradePwd', { tradePassword => 'another' }, owner => 400, second => 200],
    ['POST /user/close', { password => 'wrong one', userId => '@other' }, owner => 1002],
    ['POST /register', { username => 'owner', password => 'another', nickName => 'x' }, stranger => 1004],
    ['POST /register', {}, stranger => 400],
    ['POST /login', { username => 'owner', password => 'another' }, stranger => 1002],
    ['POST /login', {}, stranger => 400],
    ['PUT /refreshToken', { refreshToken => 'x.y.z' }, stranger => 401],
    ['GET /captcha', {}, stranger => 200],

    ['POST /user/recharge', { amount => 1, payType => 'alipay', userId => '@owner' }, outsider => 200],
    ['POST /user/withdraw', { amount => 10, toAddress => '@address', tradePassword => '@trade', userId => '@owner' },
        outsider => 4003, other => 4001, owner => 200],
    ['GET /user/queryUserFundDetail', { userId => '@owner' }, outsider => 200],
    ['POST /user/buyVip', { duration => 1, tradePassword => '@trade', userId => '@owner' }, outsider => 4003, other => 4001, owner => 200],
    ['POST /payment/callback', { orderId => '@recharge', amount => 1, chainType => 'bsc', txHash => 'x' }, owner => 401, stranger => 401],

    # Who is not in the chat, or has no money, sends nothing; who was not meant robs nothing and sees nothing.
    (map {
        my ($where, @cases) = @$_;
        ['POST /redPackage/send', { receiverType => $where eq '@group' || $where =~ /ed\z/ ? 1 : 2, receiverId => $where, totalAmount => 1,
            totalCount => 1, redPacketType => 1, tradePassword => '@trade', senderId => '@owner', userId => '@owner' }, @cases]
    } ['@group', outsider => 3002, left => 3002, removed => 3002, member => 4003, other => 4001, owner => 200], ['@banned', owner => 3004],
        ['@dissolved', owner => 3001], ['@owner', outsider => 2001, enemy => 2003, foe => 2001, owner => 400, friend => 4001],
        ['@outsider', owner => 2001], ['@missing', owner => 2001], ['@friend', owner => 200]),
    ['POST /redPackage/rob', { redPacketId => '@packet', userId => '@owner' }, outsider => 3002, left => 3002, removed => 3002, member => 200, member => 5002],
    ['POST /redPackage/rob', { redPacketId => '@present' }, outsider => 5004, owner => 5004, friend => 200, friend => 5002],
    ['POST /redPackage/rob', { redPacketId => '@nothing' }, owner => 404],
    ['GET /redPackage/detail/@packet', {}, outsider => 3002, left => 3002, removed => 3002, member => 200, owner => 200],
    ['GET /redPackage/detail/@present', {}, outsider => 5004, member => 5004, friend => 200, owner => 200],
    ['GET /redPackage/detail/@nothing', {}, owner => 404],

    # The owner calls the friend, the manager talks with the guest, the member and the second one meet in the group.
    ['POST /webrtc/private/setup', { friendId => '@owner', mode => 1 }, outsider => 2001, suitor => 2001, enemy => 2003, owner => 400],
    ['POST /webrtc/private/setup', { friendId => '@missing', mode => 1 }, owner => 2001],
    ['POST /webrtc/private/setup', { friendId => '@friend', mode => 1, callerId => '@idle' }, owner => 200, owner => 6001],
    (map {
        my ($what, @refused) = @$_;
        (   ["POST /webrtc/private/$what", { callId => '@call' }, outsider => 404, member => 404, @refused],
            ["POST /webrtc/private/$what", { callId => '@talk' }, owner => 404, manager => 6002, guest => 6002],
            ["POST /webrtc/private/$what", { callId => '@meeting' }, owner => 404, other => 404],
            ["POST /webrtc/private/$what", { callId => '@nothing' }, owner => 404]);
    } ['accept', owner => 6002, friend => 200, friend => 6002], ['reject', owner => 6002, friend => 200, friend => 6002],
        ['cancel', friend => 6002, owner => 200, owner => 6002]),
    ['POST /webrtc/private/handup', { callId => '@call' }, owner => 6002, friend => 6002],
    ['POST /webrtc/private/handup', { callId => '@meeting' }, member => 404, owner => 404],
    ['POST /webrtc/private/handup', { callId => '@talk' }, outsider => 404, owner => 404, guest => 200, manager => 6002],
    ['POST /webrtc/private/offer', { callId => '@call', offer => 'x' }, owner => 6002, friend => 6002],
    ['POST /webrtc/private/offer', { callId => '@meeting', offer => 'x' }, member => 404, owner => 404],
    ['POST /webrtc/private/offer', { callId => '@talk', offer => 'x', userId => '@manager' }, outsider => 404, owner => 404, guest => 200],
    ['POST /webrtc/private/answer', { callId => '@meeting', answer => 'x' }, second => 404, owner => 404],
    ['POST /webrtc/private/answer', { callId => '@talk', answer => 'x', userId => '@guest' }, outsider => 404, owner => 404, manager => 6002, guest => 200],
    ['POST /webrtc/private/heartbeat', { callId => '@call', candidate => 'x' }, owner => 6002, friend => 6002],
    ['POST /webrtc/private/heartbeat', { callId => '@meeting', candidate => 'x' }, member => 404, owner => 404],
    ['POST /webrtc/private/heartbeat', { callId => '@call' }, outsider => 404, owner => 200, friend => 200],
    ['POST /webrtc/private/heartbeat', { callId => '@talk', candidate => 'x', userId => '@manager' }, outsider => 404, owner => 404, guest => 200],
    ['POST /webrtc/group/setup', { groupId => '@group', mode => 1, callerId => '@idle' },
        outsider => 3002, left => 3002, removed => 3002, member => 200, owner => 6001, member => 6001],
    (map { my ($where, $code) = @$_; ['POST /webrtc/group/setup', { groupId => $where, mode => 1 }, owner => $code] }
        ['@banned', 3004], ['@dissolved', 3001], ['@missing', 3001]),
    (map {
        my ($what, $fields, @cases) = @$_;
        (   ["POST /webrtc/group/$what", { %$fields, callId => '@call' }, owner => 404, friend => 404],
            ["POST /webrtc/group/$what", { %$fields, callId => '@nothing' }, owner => 404],
            ["POST /webrtc/group/$what", { %$fields, callId => '@meeting', userId => '@member' }, outsider => 404, left => 404, removed => 404, @cases]);
    } ['accept', {}, member => 6002, other => 200, other => 6002], ['reject', {}, second => 6002, other => 200, other => 6002],
        ['join', {}, member => 6002, other => 200, other => 6002], ['handup', {}, owner => 6002, second => 200, second => 6002],
        ['heartbeat', {}, owner => 6002, second => 200],
        ['offer', { toUserId => '@second', offer => 'x' }, owner => 6002, second => 6002, member => 200],
        ['answer', { toUserId => '@member', answer => 'x' }, owner => 6002, member => 6002, second => 200],
        ['candidate', { toUserId => '@second', candidate => 'x' }, owner => 6002, second => 6002, member => 200]),
    ['POST /webrtc/group/offer', { callId => '@meeting', toUserId => '@owner', offer => 'x' }, member => 6002],
    ['POST /webrtc/group/answer', { callId => '@meeting', toUserId => '@second', answer => 'x' }, member => 6002],
    ['POST /webrtc/group/candidate', { callId => '@meeting', toUserId => '@owner', candidate => 'x' }, member => 6002],
    ['GET /webrtc/call/@call', {}, outsider => 404, member => 404, owner => 200, friend => 200],
    ['GET /webrtc/call/@meeting', {}, outsider => 404, left => 404, removed => 404, owner => 200],
    ['GET /webrtc/call/@nothing', {}, owner => 404],
    ['GET /webrtc/current', {}, outsider => 200],
    ['GET /webrtc/config', {}, outsider => 200],
);

# On 8082 a user acts for himself with his trade password, a service for everybody without one; shut is a service whose
# tokens were revoked.
my @SERVICE = (
    (map {
        my ($name, $fields) = @$_;
        (   [$name, { %$fields, userId => '@owner' }, friend => 403, shut => 401],
            [$name, { %$fields, userId => '@friend' }, owner => 403],
            [$name, { %$fields, userId => '@missing' }, owner => 403, shop => 1001],
            [$name, { %$fields, userId => '@prisoner' }, owner => 403, shop => 1003]);
    } ['POST /red/packet/hand/out', { total => 1, count => 1, type => 1, tradePassword => '@trade' }],
        ['POST /red/packet/rob', { redId => '@packet' }], ['POST /red/packet/isRob', { redId => '@packet' }]),
    ['POST /red/packet/hand/out', { userId => '@outsider', total => 1, count => 1, type => 1, tradePassword => '@trade' }, outsider => 4003, shop => 4001],
    ['POST /red/packet/hand/out', { userId => '@friend', total => 1, count => 1, type => 1, tradePassword => '@trade' }, friend => 4001, shop => 4001],
    ['POST /red/packet/hand/out', { userId => '@owner', total => 1, count => 1, type => 1, tradePassword => '@trade' }, owner => 200, shop => 200],
    ['POST /red/packet/rob', { userId => '@outsider', redId => '@packet' }, outsider => 3002, shop => 3002],
    ['POST /red/packet/rob', { userId => '@outsider', redId => '@present' }, outsider => 5004, shop => 5004],
    ['POST /red/packet/rob', { userId => '@member', redId => '@nothing' }, member => 404, shop => 404],
    ['POST /red/packet/rob', { userId => '@member', redId => '@packet' }, member => 200, shop => 5002],
    ['POST /red/packet/rob', { userId => '@outsider', redId => '@handed' }, outsider => 200],
    ['POST /red/packet/isRob', { userId => '@outsider', redId => '@nothing' }, outsider => 404, shop => 404],
    ['POST /red/packet/isRob', { userId => '@outsider', redId => '@packet' }, outsider => 200, shop => 200],
);

# On 8081, by role.
my @ROLES = qw(super moderator finance auditor);
my @BACKSTAGE = (
    #                                                            super mod  fin  aud
    ['GET /im/self',              {},                             200, 200, 200, 200],
    ['GET /im/session/list',      {},                             200, 200, 200, 200],
    ['POST /im/session/end',      { id => '@visit' },             200, 403, 403, 403],
    ['POST /im/session/end',      { id => '@missing' },           404, 403, 403, 403],
    ['PUT /im/self/password',     { oldPassword => 'wrong one', newPassword => 'another' }, 1002, 1002, 1002, 1002],
    ['POST /im/totp/enable',      { totpCode => '000000' },       404, 404, 404, 404],
    ['POST /im/totp/disable',     { totpCode => '000000' },       404, 404, 404, 404],
    ['GET /im/login/list',        {},                             200, 403, 403, 200],
    ['GET /im/admin/list',        {},                             200, 403, 403, 200],
    ['POST /im/admin/add',        { name => 'x', role => 'king', password => 'another' }, 400, 400, 400, 400],
    ['POST /im/admin/add',        { name => 'x', role => 'super', password => 'another' }, undef, 403, 403, 403],
    ['POST /im/admin/add',        { name => 'rights-SUPER', role => 'super', password => 'another' }, 1004, 403, 403, 403],
    ['POST /im/admin/update',     { id => '@clerk', role => 'finance' }, 200, 403, 403, 403],
    ['POST /im/admin/update',     { id => '@missing', role => 'super' }, 404, 403, 403, 403],
    ['POST /im/admin/update',     { id => '@auditor', role => 'super' }, undef, 403, 403, 403],
    ['POST /im/admin/disable',    { id => '@clerk2' },            200, 403, 403, 403],
    ['POST /im/admin/disable',    { id => '@missing' },           404, 403, 403, 403],
    ['POST /im/admin/enable',     { id => '@clerk3' },            200, 403, 403, 403],
    ['POST /im/admin/enable',     { id => '@missing' },           404, 403, 403, 403],
    ['GET /im/audit/list',        {},                             200, 403, 403, 200],

    ['PUT /im/user/ban',          { userId => '@user', reason => 'x' }, 200, 200, 403, 403],
    ['PUT /im/user/ban',          { userId => '@missing', reason => 'x' }, 1001, 1001, 403, 403],
    ['PUT /im/user/unban',        { userId => '@user' },          200, 200, 403, 403],
    ['PUT /im/user/unban',        { userId => '@missing' },       1001, 1001, 403, 403],
    ['GET /im/user/findByName',   { name => 'owner' },            200, 200, 200, 200],
    ['POST /im/user/findByIds',   { userIds => ['@owner'] },      200, 200, 200, 200],
    ['GET /im/user/list',         {},                             200, 200, 200, 200],
    ['GET /im/user/detail',       { userId => '@owner' },         200, 200, 200, 200],
    ['GET /im/user/detail',       { userId => '@missing' },       1001, 1001, 1001, 1001],
    ['POST /im/user/kick',        { userId => '@user' },          200, 200, 403, 403],
    ['POST /im/user/kick',        { userId => '@missing' },       1001, 1001, 403, 403],
    ['POST /im/user/resetPassword', { userId => '@user', newPassword => 'another' }, 200, 403, 403, 403],
    ['POST /im/user/resetPassword', { userId => '@missing', newPassword => 'another' }, 1001, 403, 403, 403],
    ['POST /im/user/resetTradePassword', { userId => '@user' },   200, 403, 403, 403],
    ['POST /im/user/resetTradePassword', { userId => '@missing' }, 1001, 403, 403, 403],

    ['PUT /im/user/unmute',       { userId => '@user' },          200, 200, 403, 403],
    ['PUT /im/user/unmute',       { userId => '@missing' },       1001, 1001, 403, 403],
    ['POST /im/user/close',       { userId => '@user', reason => 'x' }, 200, 403, 403, 403],
    ['POST /im/user/close',       { userId => '@missing', reason => 'x' }, 1001, 403, 403, 403],

    ['GET /im/complaint/list',    {},                             200, 200, 403, 200],
    ['GET /im/complaint/detail',  { id => '@complaint' },         200, 200, 403, 200],
    ['GET /im/complaint/detail',  { id => '@missing' },           404, 404, 403, 404],
    ['GET /im/complaint/file',    { id => '@missing', fileId => '@nothing' }, 404, 404, 403, 404],    # who gets one: t/backstage-care.t
    ['POST /im/complaint/resolve', { id => '@complaint', resolvedType => 4, summary => 'x' }, 200, 9001, 403, 403],
    ['POST /im/complaint/resolve', { id => '@missing', resolvedType => 4, summary => 'x' }, 404, 404, 403, 403],
    ['GET /im/notice/list',       {},                             200, 200, 403, 200],
    ['GET /im/notice/recipient/list', { id => '@notice' },        200, 200, 403, 200],
    ['GET /im/notice/recipient/list', { id => '@missing' },       404, 404, 403, 404],
    ['POST /im/notice/send',      { title => 'x', content => 'x', userIds => ['@other'] }, 200, 200, 403, 403],
    ['POST /im/notice/send',      { templateId => '@missing' },   404, 404, 403, 403],
    ['POST /im/notice/cancel',    { id => '@notice' },            200, 9001, 403, 403],
    ['POST /im/notice/cancel',    { id => '@missing' },           404, 404, 403, 403],
    ['GET /im/notice/template/list', {},                          200, 200, 403, 200],
    ['POST /im/notice/template/add', { name => 'x', title => 'x', content => 'x' }, 200, 1004, 403, 403],
    ['POST /im/notice/template/add', { name => 'x', title => 'x', content => '' }, 400, 400, 400, 400],
    ['POST /im/notice/template/update', { id => '@template', title => 'x' }, 200, 200, 403, 403],
    ['POST /im/notice/template/update', { id => '@missing', title => 'x' }, 404, 404, 403, 403],
    ['POST /im/notice/template/delete', { id => '@template' },    200, 404, 403, 403],
    ['POST /im/notice/template/delete', { id => '@missing' },     404, 404, 403, 403],

    ['PUT /im/group/ban',         { groupId => '@group', reason => 'x' }, 200, 200, 403, 403],
    ['PUT /im/group/ban',         { groupId => '@dissolved', reason => 'x' }, 3001, 3001, 403, 403],
    ['PUT /im/group/unban',       { groupId => '@group' },        200, 200, 403, 403],
    ['PUT /im/group/unban',       { groupId => '@missing' },      3001, 3001, 403, 403],
    ['GET /im/group/list',        {},                             200, 200, 403, 200],
    ['GET /im/group/detail',      { groupId => '@group' },        200, 200, 403, 200],
    ['GET /im/group/detail',      { groupId => '@missing' },      3001, 3001, 403, 3001],
    ['GET /im/group/member/list', { groupId => '@group' },        200, 200, 403, 200],
    ['GET /im/group/member/list', { groupId => '@missing' },      3001, 3001, 403, 3001],
    ['POST /im/group/dissolve',   { groupId => '@group' },        200, undef, 403, 403],
    ['POST /im/group/dissolve',   { groupId => '@dissolved' },    3001, 3001, 403, 403],
    ['POST /im/group/transfer',   { groupId => '@group', userId => '@member' }, 3005, 200, 403, 403],
    ['POST /im/group/transfer',   { groupId => '@group', userId => '@outsider' }, 3002, 3002, 403, 403],
    ['POST /im/group/transfer',   { groupId => '@missing', userId => '@member' }, 3001, 3001, 403, 403],

    ['GET /im/file/list',         {},                             200, 200, 403, 200],
    ['POST /im/file/remove',      { id => '@nothing' },           404, 404, 403, 403],    # who removes one: t/console.t

    ['GET /im/recharge/list',     {},                             200, 403, 200, 200],
    ['POST /im/recharge/approve', { id => '@recharge' },         4005, 403, 200, 403],
    ['POST /im/recharge/approve', { id => '@missing' },           404, 403, 404, 403],
    ['POST /im/recharge/reject',  { id => '@recharge2' },         200, 403, undef, 403],
    ['POST /im/recharge/reject',  { id => '@missing' },           404, 403, 404, 403],
    ['GET /im/withdraw/list',     {},                             200, 403, 200, 200],
    ['POST /im/withdraw/approve', { id => '@withdraw' },         4005, 403, 200, 403],
    ['POST /im/withdraw/approve', { id => '@missing' },           404, 403, 404, 403],
    ['POST /im/withdraw/reject',  { id => '@withdraw2' },         200, 403, undef, 403],
    ['POST /im/withdraw/reject',  { id => '@missing' },           404, 403, 404, 403],
    ['POST /im/withdraw/paid',    { id => '@approved' },         4005, 403, 200, 403],
    ['POST /im/withdraw/paid',    { id => '@missing' },           404, 403, 404, 403],
    ['POST /im/withdraw/failed',  { id => '@approved2' },         200, 403, undef, 403],
    ['POST /im/withdraw/failed',  { id => '@missing' },           404, 403, 404, 403],
    ['GET /im/fund/list',         { userId => '@owner' },         200, 403, 200, 200],
    ['GET /im/fund/check',        {},                             200, 403, 200, 200],
    ['GET /im/redPacket/list',    { userId => '@owner' },         200, 403, 200, 200],
    ['GET /im/redPacket/detail',  { redPacketId => '@packet' },   200, 403, 200, 200],
    ['GET /im/redPacket/detail',  { redPacketId => '@nothing' },  404, 403, 404, 404],

    ['GET /im/message/private/list', { text => 'xy' },            200, 200, 403, 200],
    ['GET /im/message/group/list', { groupId => '@missing' },     200, 200, 403, 200],
    ['GET /im/message/around',    { id => '@letter' },            200, 200, 403, 200],
    ['GET /im/message/around',    { id => '@missing' },           404, 404, 403, 404],
    ['POST /im/message/recall',   { id => '@letter' },            200, 200, 403, 403],
    ['POST /im/message/recall',   { id => '@missing' },           404, 404, 403, 403],
    ['GET /im/sensitiveWord/list', {},                            200, 200, 403, 200],
    ['POST /im/sensitiveWord/add', { word => '!' },               400, 400, 403, 403],
    ['POST /im/sensitiveWord/add', { word => 'a word of rights' }, 200, undef, 403, 403],
    ['POST /im/sensitiveWord/update', { id => '@word', word => 'another word of rights' }, 200, undef, 403, 403],
    ['POST /im/sensitiveWord/update', { id => '@missing' },       404, 404, 403, 403],
    ['POST /im/sensitiveWord/enable', { id => '@word', enabled => true }, 200, 200, 403, 403],
    ['POST /im/sensitiveWord/enable', { id => '@missing', enabled => true }, 404, 404, 403, 403],
    ['POST /im/sensitiveWord/delete', { ids => ['@word'] },       200, 200, 403, 403],
    ['POST /im/sensitiveWord/import', { text => 'a list of rights' }, 200, 200, 403, 403],
    ['GET /im/sensitiveWord/hit/list', { word => 'xy' },          200, 200, 403, 200],
    ['GET /im/stat/overview',     {},                             200, 200, 200, 200],
    ['GET /im/stat/day/list',     {},                             200, 200, 200, 200],
);
my @DOOR = (
    # Whoever has come in may do with himself what he wants.
    ['POST /im/self/renew', {}, map { ($_ => 200) } @ROLES],
    ['POST /im/logout', {}, leaver => 200, leaver => 401],
    ['POST /im/totp/begin', {}, leaver2 => 200],
    ['GET /captcha', {}, stranger => 200],
    ['POST /login', { username => 'owner', password => 'another' }, stranger => 1001],
    ['POST /login', {}, stranger => 400],
);

# Frames: each carries the token of its socket, which may have ended since; who sends is known by it alone.
my @FRAMES = (
    ['POST /socket/handshake', {}, prisoner => 1003],
    ['POST /socket/handshake', {}, owner => 200],
    ['POST /socket/frame', {}, ended => 401, banished => 1003],
    ['WS HEARTBEAT', { received => [['@place', 1_000_000]] }, outsider => 200, left => 200, member => 200],
    ['WS PRIVATE_MESSAGE', { receiverId => '@owner', content => 'x', messageType => 1, senderId => '@friend' },
        outsider => 2001, enemy => 2003, owner => 200, friend => 200],
    ['WS PRIVATE_MESSAGE', { receiverId => '@missing', content => 'x', messageType => 1 }, owner => 2001],
    (map {
        my ($where, @cases) = @$_;
        ['WS GROUP_MESSAGE', { groupId => $where, content => 'x', messageType => 1, senderId => '@owner' }, @cases]
    } ['@group', outsider => 3002, left => 3002, removed => 3002, member => 200], ['@banned', owner => 3004], ['@dissolved', owner => 3001],
        ['@missing', owner => 3001]),
);

# --- the rows ---

my $im = IM::Stack->new;
$im->sql("update im.setting set value = '1000000' where name ~ '^friend.*limit'");
$im->secret('wrong one');
my $scene  = IM::Scene->new(im => $im);
my $rights = IM::Rights->new(im => $im, at => $scene->at, who => $scene->who, make => $scene->make, bad => $scene->bad);
$rights->add(chat => map {
    my ($name, $fields, @codes) = @$_;
    my $named = $name !~ /\@group/;
    map { my ($one, $place) = @{ $PLACES[$_] };
        [$name =~ s/\@group/$place/r, { %$fields, $named ? (groupId => $place) : () }, $one => $codes[$_]] } grep { defined $codes[$_] } reverse 0 .. $#codes;
} @GROUP);
$rights->add(chat => @OTHER)->add(redpacket => @SERVICE)->add(ws => @FRAMES)->add(backstage => @DOOR);
$rights->add(backstage => map {
    my ($name, $fields, @codes) = @$_;
    [$name, $fields, map { ($ROLES[$_] => $codes[$_]) } sort { ($codes[$a] != 200) <=> ($codes[$b] != 200) } grep { defined $codes[$_] } 0 .. $#codes];
} @BACKSTAGE);

my $source = IM::Source->new;
my %routes = map { ($rights->key($_) => $_) } grep { ($_->{service} // '') ne 'metrics' } map { $source->routes($_) } $source->programs;    # that port knows nobody
my $fragment = IM::Fragment->new(source => $source);
my @without  = grep { !$rights->rows->{$_} } sort keys %routes;
lacks 'every route has its rows', map { ["$routes{$_}{method} $routes{$_}{path} has none", $fragment->right($routes{$_})] } @without;
lacks 'and nothing else has', map {["there is no $_"]} grep { !$routes{$_} } sort keys %{ $rights->rows };
delete @routes{@without};

# --- what is refused ---

$rights->socket_of($_) for qw(ended banished);
$im->sql("update im.account set version = version + 1 where id = @{[$scene->at->{ended}]};
    update im.account set status = 'banned' where id = @{[$scene->at->{banished}]}");
$rights->renew(map { ($rights->refused($_), ($rights->rows_of($_))[-1]) } values %routes);
for my $program (uniq sort map { $_->{program} } values %routes) {
    my @own    = map { $routes{$_} } grep { $routes{$_}{program} eq $program } sort keys %routes;
    my $before = $rights->state;
    for my $route (grep { $_->{method} ne 'WS' || $rights->refused($_) } @own) {
        $im->run(0.01);    # the sockets of above answer nchan's pings
        subtest "$route->{method} $route->{path} refuses" => sub { $rights->try_refused($route) };
    }
    is_deeply $rights->state, $before, "what $program has refused has changed nothing";
}

# --- what is done: reading on things that were made once, then the others ---

my @doing  = grep { $rights->done($_) } map { $routes{$_} } sort keys %routes;
my @readers = grep { $_->{method} eq 'GET' } @doing;
$rights->renew(map { $rights->done($_) } @readers);
for my $route (@readers, grep { $_->{method} ne 'GET' } @doing) {
    subtest "$route->{method} $route->{path} does" => sub {
        $rights->renew($rights->done($route)) if $route->{method} ne 'GET';
        $rights->try_done($route);
        $im->befriend(@{ $scene->who }{qw(owner friend)}) if $route->{path} =~ m{^/friend/delete};
    };
}

my @foe = @{ $scene->at }{qw(owner foe)};
is $im->sql("select count(*) from im.blacklist where account_id = $foe[0] and target_id = $foe[1]"), 1, 'nobody has lifted the block of another';

subtest 'what is not for clients' => sub {
    for my $service (qw(chat backstage redpacket)) {
        my $stranger = $im->stranger($service);
        is $stranger->ua->get($im->url($service) . $_)->result->code, 404, "nobody reaches $_ through $service"
            for qw(/live /ready /metrics /socket/handshake /socket/frame /handshake /frame /pub?id=1 /events);
    }
    is $im->sql(q{select count(*) from information_schema.role_table_grants where grantee like 'im\_%' and grantee <> 'im_owner'}),
        0, 'no program has rights on a table';
    is $im->sql(q{select count(*) from (select proname from pg_proc where pronamespace = 'api'::regnamespace group by 1 having count(*) > 1) x}),
        0, 'no api function has a second form';
};

$im->end;
done_testing;
