// Users, groups and their members.
import { by } from './detail.js';
import { choice, money, number, person, plain, thing, things, yes } from './cells.js';
import { days, needed, reason, recallAll, removal } from './acting.js';
import { t } from './say.js';

const STATES = { normal: ['正常|free', 'good'], banned: ['已封禁|banned', 'bad'], closed: ['已注销|closed', ''], dissolved: ['已解散|dissolved', ''] };
const SEX = { 0: '未知|unknown', 1: '男|male', 2: '女|female' };
const some = (...names) => Object.fromEntries(names.map(name => [name, STATES[name]]));
const about = row => ({ userId: row.id });

export const users = {
    path: 'users', title: '用户|Users', needs: 'user.read', list: '/im/user/list', key: row => row.id, expires: 'bannedUntil', range: true,
    name: row => `${row.nickName} (${row.id})`,
    filters: [
        { name: 'userId', label: '编号|Id', kind: 'id' }, { name: 'name', label: '用户名或昵称|Name', max: 50 },
        { name: 'phone', label: '手机号|Phone' }, { name: 'email', label: '邮箱|E-mail' },
        { name: 'status', label: '状态|State', kind: 'choice', choices: some('normal', 'banned') },
        { name: 'online', label: '在线|Online', kind: 'choice', choices: { true: '在线|online', false: '离线|offline' } },
    ],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'username', label: '用户名|User name' }, { name: 'nickName', label: '昵称|Nick name' },
        { name: 'status', label: '状态|State', show: choice(STATES) },
            { name: 'bannedUntil', label: '封禁至|Banned until', show: (value, row) => value ?? (row.status === 'banned' ? t('解除为止|lifted') : plain(null)) },
        { name: 'banReason', label: '封禁原因|Why banned' },
            { name: 'online', label: '在线|Online', show: choice({ true: ['在线|online', 'good'], false: '离线|offline' }) },
        { name: 'phone', label: '手机号|Phone', hidden: true }, { name: 'email', label: '邮箱|E-mail', hidden: true },
            { name: 'sex', label: '性别|Sex', show: choice(SEX), hidden: true },
        { name: 'vipExpireTime', label: 'VIP 至|VIP until', hidden: true }, { name: 'createTime', label: '注册时间|Registered', sort: true },
    ],
    more: [
        { name: 'signature', label: '签名|Signature' }, { name: 'lastLoginTime', label: '最近登录|Last log-in' },
            { name: 'friendCount', label: '好友|Friends', show: number },
        { name: 'groupCount', label: '群|Groups', show: number }, { name: 'hasTradePassword', label: '交易密码|Trade password', show: yes },
        { name: 'isMuted', label: '禁言|Muted', show: yes }, { name: 'mutedUntil', label: '禁言至|Muted until' },
        { name: 'wallet', label: '钱包|Wallet', show: wallet => wallet ? [t('可用 |available '), money(wallet.available), t('，冻结 |, frozen '), money(wallet.frozen)] : plain(null) },
        { name: 'complaints', label: '投诉|Complaints', show: (c, row) => [thing('aboutUser', row.id, t('被投诉 {about}（未处理 {open}）|about him {about} ({open} open)', c)), ' · ', thing('complaintsOf', row.id, t('发起 {made}|made {made}', c))] },
    ],
    whole: by('/im/user/detail', 'userId'),
    parts: [{
        title: '登录的设备|Devices', rows: data => data.sessions, columns: [
            { name: 'device', label: '设备|Device' }, { name: 'address', label: '地址|Address' }, { name: 'loginTime', label: '登录|Log-in' },
            { name: 'refreshTime', label: '活动|Last seen' }, { name: 'socketCount', label: '连接|Sockets', kind: 'number' },
        ],
    }],
    links: row => things(['messagesOf', row.id, '私聊消息|Private messages'], ['groupMessagesOf', row.id, '群消息|Group messages'],
    ['fundsOf', row.id, '资金流水|Postings'],
    ['rechargesOf', row.id, '充值|Recharges'], ['withdrawalsOf', row.id, '提现|Withdrawals'], ['packetsOf', row.id, '红包|Red packets'],
            ['filesOf', row.id, '文件|Files'], ['actsOn', `user ${row.id}`, '管理记录|Record']),
    acts: [
        {
            name: 'ban', label: '封禁|Ban', needs: 'user.ban', tone: 'danger', call: ['PUT', '/im/user/ban'], with: about, when: row => row.status === 'normal',
            fields: [needed, days, removal],
            says: '封禁 {n} 个用户：立即退出所有设备，通话结束，登录时看到原因和期限。|Bans {n} users: they are logged out everywhere at once, calls end, and they are told why and until when as they log in.',
            then: (row, values, told) => values.removal && recallAll(row.id, Number(values.removal), values.reason, told),
        },
        { name: 'unban', label: '解封|Lift ban', needs: 'user.ban', call: ['PUT', '/im/user/unban'], with: about, when: row => row.status === 'banned',
            says: '解除 {n} 个用户的封禁，可立即登录。|Lifts the ban of {n} users, who may log in at once.' },
        { name: 'unmute', label: '解除禁言|Lift mute', needs: 'user.ban', inside: true, call: ['PUT', '/im/user/unmute'], with: about, when: row => row.isMuted,
            says: '解除禁言，可立即发言。|Lifts the mute.' },
        { name: 'kick', label: '强制下线|Log out', needs: 'user.kick', call: ['POST', '/im/user/kick'], with: about, when: row => row.status !== 'closed',
            fields: [reason], says: '{n} 个用户将退出所有设备，可重新登录。|{n} users are logged out of every device; they may log in again.' },
        {
            name: 'resetPassword', label: '重置密码|Reset password', needs: 'user.reset', many: false, call: ['POST', '/im/user/resetPassword'], with: about,
            when: row => row.status !== 'closed',
            fields: [{ name: 'newPassword', label: '新密码|New password', kind: 'password', required: true, autocomplete: 'new-password', note: '6 到 64 个字符|6 to 64 characters' }, reason],
            says: '换成新密码，并退出所有设备。|The password becomes this one, and every device is logged out.',
        },
        { name: 'resetTradePassword', label: '清除交易密码|Clear trade password', needs: 'user.reset', many: false, call: ['POST', '/im/user/resetTradePassword'],
            with: about, when: row => row.status !== 'closed' && row.hasTradePassword !== false, fields: [reason],
            says: '清除交易密码，用户须重新设置，并退出所有设备。|The trade password is gone until he sets another; every device is logged out.' },
        { name: 'close', label: '注销|Close account', needs: 'user.close', tone: 'danger', many: false, call: ['POST', '/im/user/close'], with: about,
            when: row => row.status !== 'closed', fields: [needed],
            says: '永久注销：退出所有群和好友，用户名保留一段时间，无法恢复。还有余额或未完成的订单时会被拒绝。|Closes the account for good. Refused while there is money left or an order open. It cannot be undone.' },
    ],
};

const inGroup = row => ({ groupId: row.id });

export const groups = {
    path: 'groups', title: '群|Groups', needs: 'group.read', list: '/im/group/list', key: row => row.id, range: true,
    name: row => `${row.groupName} (${row.id})`,
    filters: [
        { name: 'groupId', label: '编号|Id', kind: 'id' }, { name: 'name', label: '群名|Name', max: 50 }, { name: 'ownerId', label: '群主编号|Owner id', kind: 'id' },
        { name: 'status', label: '状态|State', kind: 'choice', choices: some('normal', 'banned', 'dissolved') },
    ],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'groupName', label: '群名|Name' },
            { name: 'ownerId', label: '群主|Owner', show: person('ownerId', 'ownerName') },
        { name: 'memberCount', label: '成员|Members', sort: true, kind: 'number' }, { name: 'status', label: '状态|State', show: choice(STATES) },
            { name: 'banReason', label: '封禁原因|Why banned' },
        { name: 'isMuted', label: '全员禁言|Muted', show: yes, hidden: true }, { name: 'createTime', label: '创建时间|Made', sort: true },
    ],
    more: [
        { name: 'groupNotice', label: '公告|Notice' }, { name: 'topMessage', label: '置顶消息|Pinned' }, { name: 'messageCount', label: '消息|Messages', show: number },
            { name: 'lastMessageTime', label: '最近消息|Last message' },
        { name: 'complaints', label: '投诉|Complaints', show: (c, row) => thing('aboutGroup', row.id, t('{about}（未处理 {open}）|{about} ({open} open)', c)) },
    ],
    whole: by('/im/group/detail', 'groupId'),
    links: row => [thing('membersOf', row.id, t('成员|Members')), ...things(['inGroup', row.id, '群消息|Messages'], ['actsOn', `group ${row.id}`, '管理记录|Record'])],
    acts: [
        { name: 'ban', label: '封禁|Ban', needs: 'group.ban', tone: 'danger', call: ['PUT', '/im/group/ban'], with: inGroup, when: row => row.status === 'normal',
            fields: [needed],
            says: '封禁 {n} 个群：无人能发言、入群、抢红包；未领的红包到期退回。|Bans {n} groups: nobody sends, joins or robs; what red packets hold goes back when they expire.' },
        { name: 'unban', label: '解封|Lift ban', needs: 'group.ban', call: ['PUT', '/im/group/unban'], with: inGroup, when: row => row.status === 'banned',
            says: '解除 {n} 个群的封禁。|Lifts the ban of {n} groups.' },
        { name: 'transfer', label: '转让|Give to another', needs: 'group.write', many: false, call: ['POST', '/im/group/transfer'], with: inGroup,
            when: row => row.status !== 'dissolved',
            fields: [{ name: 'userId', label: '新群主编号|New owner id', kind: 'id', required: true, note: '必须是成员|a member' }, reason],
            says: '换群主；原群主成为普通成员。|The group has another owner; the present one becomes an ordinary member.' },
        { name: 'dissolve', label: '解散|Dissolve', needs: 'group.write', tone: 'danger', call: ['POST', '/im/group/dissolve'], with: inGroup,
            when: row => row.status !== 'dissolved', fields: [reason], says: '解散 {n} 个群，无法恢复。|Dissolves {n} groups, for good.' },
    ],
};

export const members = {
    path: 'members', title: '群成员|Members of a group', needs: 'group.read', list: '/im/group/member/list', key: row => row.userId, order: 'asc',
    waits: query => !query.groupId,
    filters: [{ name: 'groupId', label: '群编号|Group id', kind: 'id', required: true },
        { name: 'role', label: '角色|Role', kind: 'choice', choices: { OWNER: '群主|owner', MANAGER: '管理员|manager', MEMBER: '成员|member' } }],
    columns: [
        { name: 'userId', label: '用户|User', sort: true, show: person('userId', 'username') }, { name: 'nickName', label: '昵称|Nick name' },
        { name: 'role', label: '角色|Role', show: choice({ OWNER: ['群主|owner', 'open'], MANAGER: ['管理员|manager', 'open'], MEMBER: '成员|member' }) },
        { name: 'isMuted', label: '禁言|Muted', show: yes }, { name: 'joinTime', label: '入群时间|Joined', sort: true },
            { name: 'groupId', label: '群|Group', show: value => thing('group', value) },
    ],
};
