// The record, administrators, their log-ins and sessions.
import { Chain } from './chain.js';
import { choice, code, fields, named, thing, things, yes } from './cells.js';
import { me, may } from './api.js';
import { t } from './say.js';

const ROLES = { super: '超级管理员|super', moderator: '内容管理员|moderator', finance: '财务|finance', auditor: '审计|auditor' };
export const roleName = role => t(ROLES[role] ?? role);
const who = { name: 'adminId', label: '管理员|Administrator', show: (value, row) => thing('admin', value, row.name ?? value) };
const byAdmin = { name: 'adminId', label: '管理员编号|Admin id', kind: 'id' };

export const audit = {
    path: 'audit', title: '审计|Record', needs: 'audit.read', list: '/im/audit/list', key: row => row.id, range: true,
    name: row => `#${row.id} ${row.action}`, tool: Chain,
    filters: [byAdmin, { name: 'action', label: '权限|Permission', note: '如 user.ban|such as user.ban' },
        { name: 'target', label: '对象|On', note: '如 user 10001|such as user 10001' }],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, who, { name: 'action', label: '动作|Act' }, { name: 'target', label: '对象|On', show: named },
        { name: 'after', label: '之后|After', show: fields, kind: 'long' }, { name: 'reason', label: '原因|Reason' }, { name: 'address', label: '地址|Address' },
            { name: 'createTime', label: '时间|Time', sort: true },
        { name: 'before', label: '之前|Before', show: fields, hidden: true, kind: 'long' }, { name: 'hash', label: '哈希|Hash', show: code, hidden: true },
    ],
    links: row => things(['actsOf', row.adminId, '此人的操作|All acts of this one'], ['actsOn', row.target, '对此对象的操作|All acts on this']),
};

const of = row => ({ id: row.id });
const role = { name: 'role', label: '角色|Role', kind: 'choice', required: true, choices: ROLES, value: 'moderator' };
const password = { name: 'password', label: '密码|Password', kind: 'password', required: true, autocomplete: 'new-password', note: '6 到 64 个字符|6 to 64 characters' };
const ending = (chinese, english) => `${chinese}他的所有会话立即结束。|${english} All his sessions end at once.`;

export const admins = {
    path: 'admins', title: '管理员|Administrators', needs: 'admin.read', list: '/im/admin/list', key: row => row.id, name: row => row.name,
    filters: [{ name: 'name', label: '名字|Name' }, { name: 'role', label: '角色|Role', kind: 'choice', choices: ROLES },
        { name: 'disabled', label: '状态|State', kind: 'choice', choices: { false: '启用|enabled', true: '停用|disabled' } }],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'name', label: '名字|Name', sort: true },
            { name: 'role', label: '角色|Role', show: choice(ROLES) },
        { name: 'disabled', label: '状态|State', show: choice({ false: ['启用|enabled', 'good'], true: ['停用|disabled', 'bad'] }) },
            { name: 'totp', label: '动态验证码|Second factor', show: yes },
        { name: 'userId', label: '本人账号|Account', show: value => thing('user', value) }, { name: 'lastLoginTime', label: '最近登录|Last log-in' },
            { name: 'createTime', label: '创建时间|Made', sort: true },
    ],
    links: row => things(['actsOf', row.id, '操作记录|Acts'], ['actsOn', `admin ${row.id}`, '对他的操作|Acts on him']),
    acts: [
        { name: 'add', label: '添加|Add', needs: 'admin.write', always: true, call: ['POST', '/im/admin/add'],
            fields: [{ name: 'name', label: '名字|Name', required: true, max: 32, note: '字母、数字、_ . -|letters, digits, _ . -' }, role, password,
            { name: 'userId', label: '本人账号编号|Id of his own account', kind: 'id', note: '他不审核此账号的订单|whose orders he does not review' }] },
        { name: 'role', label: '换角色|Change role', needs: 'admin.write', many: false, call: ['POST', '/im/admin/update'], with: of,
            begin: row => ({ role: row.role }), fields: [role], says: ending('按新角色授权。', 'The role changes.') },
        { name: 'password', label: '重置密码|Reset password', needs: 'admin.write', many: false, call: ['POST', '/im/admin/update'], with: of, fields: [password],
            says: ending('换成新密码，解除锁定。', 'The password becomes this one, and no lock is left.') },
        { name: 'totpOff', label: '取消动态验证码|Take second factor away', needs: 'admin.write', many: false, call: ['POST', '/im/admin/update'],
            with: row => ({ id: row.id, totp: false }), when: row => row.totp,
            says: ending('以后只用密码登录，直到他重新开启。', 'The password alone is enough until he sets it up again.') },
        { name: 'disable', label: '停用|Disable', needs: 'admin.write', tone: 'danger', call: ['POST', '/im/admin/disable'], with: of, when: row => !row.disabled,
            says: '{n} 个管理员立即退出，不能登录。|{n} administrators are shut out at once.' },
        { name: 'enable', label: '启用|Enable', needs: 'admin.write', call: ['POST', '/im/admin/enable'], with: of, when: row => row.disabled,
            says: '{n} 个管理员可以用原来的密码登录。|{n} administrators may log in again with the password they had.' },
    ],
};

const RESULTS = { 200: ['成功|in', 'good'], 1002: ['密码错误|wrong password', 'bad'], 1003: ['已停用|disabled', 'bad'], 1006: ['验证码|captcha', 'bad'], 1007: ['已锁定|locked', 'bad'], 1008: ['动态验证码|second factor', 'bad'] };

export const logins = {
    path: 'logins', title: '登录日志|Log-ins', needs: 'admin.read', list: '/im/login/list', key: row => row.id, range: true,
    filters: [byAdmin, { name: 'address', label: '地址|Address' }, { name: 'result', label: '结果|Result', kind: 'choice', choices: RESULTS }],
    columns: [{ name: 'id', label: '编号|Id', sort: true, kind: 'number' }, who, { name: 'result', label: '结果|Result', show: choice(RESULTS) },
        { name: 'address', label: '地址|Address' }, { name: 'device', label: '设备|Device', kind: 'long' }, { name: 'createTime', label: '时间|Time', sort: true }],
};

export const sessions = {
    path: 'sessions', title: '管理会话|Sessions', list: '/im/session/list', key: row => row.id,
    filters: [byAdmin, { name: 'live', label: '状态|State', kind: 'choice', choices: { true: '进行中|going on', false: '已结束|over' } }],
    columns: [{ name: 'id', label: '编号|Id', sort: true, kind: 'number' }, who, { name: 'address', label: '地址|Address' },
        { name: 'device', label: '设备|Device', kind: 'long' }, { name: 'loginTime', label: '登录|Log-in' }, { name: 'useTime', label: '活动|Last used', sort: true },
        { name: 'endTime', label: '结束|Ended' }],
    acts: [{ name: 'end', label: '结束会话|End', tone: 'danger', call: ['POST', '/im/session/end'], with: of,
        when: row => !row.endTime && (row.adminId === me().adminId || may('admin.write')),
        says: '结束 {n} 个会话，须重新登录。|Ends {n} sessions; a new log-in is needed.' }],
};
