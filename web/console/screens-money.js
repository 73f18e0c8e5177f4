// The review of orders, the ledger, and red packets.
import { choice, code, groupOf, money, number, person, plain, thing, things } from './cells.js';
import { by, oneOf } from './detail.js';
import { dealt, foreign, reason } from './acting.js';
import { Ledger } from './ledger.js';
import { me } from './api.js';
import { t } from './say.js';

const RECHARGE = { 1: ['待审|pending', 'open'], 2: ['已入账|credited', 'good'], 3: ['已拒绝|rejected', 'bad'] };
const WITHDRAW = { 1: ['待审|requested', 'open'], 2: ['已批准|approved', 'open'], 3: ['已拒绝|rejected', 'bad'], 4: ['已付款|paid', 'good'], 5: ['付款失败|failed', 'bad'] };
const of = row => ({ id: row.id });
const txHash = { name: 'txHash', label: '付款号|Payment number', max: 128, note: '链上为交易哈希|on a chain, the hash of the transaction' };
const sum = rows => rows.reduce((all, row) => all + Number(row.amount), 0).toFixed(2);
const saying = text => rows => t(text, { n: rows.length, sum: sum(rows) });

const order = {
    key: row => row.id, range: true, begin: { status: '1' },
    name: row => t('#{id} {username} {amount}|#{id} {username} {amount}', row),
    links: row => things(['fundsOf', row.userId, '此人的流水|His postings'], ['rechargesOf', row.userId, '此人的充值|His recharges'],
    ['withdrawalsOf', row.userId, '此人的提现|His withdrawals'], ['actsOn', `${row.toAddress ? 'withdraw' : 'recharge'} ${row.id}`, '管理记录|Record']),
};
const filters = choices => [{ name: 'status', label: '状态|State', kind: 'choice', choices }, { name: 'id', label: '单号|Order', kind: 'id' },
    { name: 'userId', label: '用户编号|User id', kind: 'id' }];
const head = choices => [
    { name: 'id', label: '单号|Order', sort: true, kind: 'number' }, { name: 'userId', label: '用户|User', show: person('userId', 'username') },
    { name: 'amount', label: '金额|Amount', show: money, kind: 'number' }, { name: 'status', label: '状态|State', show: choice(choices) },
];
const admin = (label, id, name) => ({ name: id, label, show: (value, row) => plain(value === null ? null : row[name] ?? value) });
const tail = [{ name: 'txHash', label: '付款号|Payment', hidden: true, show: code }, { name: 'reason', label: '原因|Reason' },
    { name: 'createTime', label: '申请时间|Made', sort: true }, { name: 'decideTime', label: '处理时间|Decided' }];

export const recharges = {
    ...order, path: 'recharges', title: '充值审核|Recharges', needs: 'recharge.read', list: '/im/recharge/list', filters: filters(RECHARGE),
    whole: oneOf('/im/recharge/list'), fresh: row => oneOf('/im/recharge/list')(row.id),
    first: row => row.status !== 1 ? dealt(row.adminName, row.decideTime, [].concat(RECHARGE[row.status])[0])
        : row.approvedBy ? t('{name} 已批准，等待第二人。|Approved by {name}; a second administrator is needed.', { name: row.approvedByName }) : null,
    columns: [...head(RECHARGE), { name: 'payType', label: '方式|By' }, { name: 'chainType', label: '链|Chain', hidden: true },
        { name: 'fromAddress', label: '付款地址|From', hidden: true, show: code },
        admin('初审|First', 'approvedBy', 'approvedByName'), admin('处理人|By whom', 'adminId', 'adminName'), ...tail],
    acts: [
        { name: 'approve', label: '批准|Approve', needs: 'recharge.approve', call: ['POST', '/im/recharge/approve'], with: of,
            when: row => row.status === 1 && row.approvedBy !== me().adminId && foreign(row), fields: [txHash, reason],
            says: saying('批准 {n} 笔充值，共 {sum} 元，记入用户余额；开启双人复核时，第一人批准只作记录，第二人批准才入账。|Approves {n} recharges, {sum} in all, which their owners can spend. With four eyes on, the first approval is noted and the second credits.') },
        { name: 'reject', label: '拒绝|Reject', needs: 'recharge.approve', tone: 'danger', call: ['POST', '/im/recharge/reject'], with: of,
            when: row => row.status === 1 && foreign(row), fields: [reason],
            says: saying('拒绝 {n} 笔充值，共 {sum} 元：没有收到款。|Rejects {n} recharges, {sum} in all: no money came.') },
    ],
};

const withdrawal = (name, label, needs, status, says, more = {}) => ({
    name, label, needs, call: ['POST', `/im/withdraw/${name}`], with: of, when: row => row.status === status && foreign(row), fields: [reason],
        says: saying(says), ...more,
});

export const withdrawals = {
    ...order, path: 'withdrawals', title: '提现审核|Withdrawals', needs: 'withdraw.read', list: '/im/withdraw/list', filters: filters(WITHDRAW),
    whole: oneOf('/im/withdraw/list'), fresh: row => oneOf('/im/withdraw/list')(row.id),
    first: row => row.status === 1 ? null : dealt(row.decidedByName ?? row.approvedByName, row.decideTime, [].concat(WITHDRAW[row.status])[0]),
    columns: [...head(WITHDRAW), { name: 'chainType', label: '链|Chain' },
        { name: 'toAddress', label: '收款地址|To', show: code }, admin('批准人|Approved by', 'approvedBy', 'approvedByName'), admin('处理人|By whom', 'decidedBy', 'decidedByName'), ...tail],
    acts: [
        withdrawal('approve', '批准|Approve', 'withdraw.approve', 1, '批准 {n} 笔提现，共 {sum} 元：可以付款；开启双人复核时，由另一人付款。|Approves {n} withdrawals, {sum} in all: they may be paid, with four eyes on by another administrator.'),
        withdrawal('reject', '拒绝|Reject', 'withdraw.approve', 1, '拒绝 {n} 笔提现，共 {sum} 元退回用户。|Rejects {n} withdrawals; {sum} go back to their owners.', { tone: 'danger' }),
        withdrawal('paid', '已付款|Paid', 'withdraw.pay', 2, '{n} 笔提现，共 {sum} 元已经付出：冻结的钱离开账本，不能撤销。|{n} withdrawals, {sum} in all, have been paid: the money leaves the ledger for good.', { fields: [txHash, reason] }),
        withdrawal('failed', '付款失败|Failed', 'withdraw.pay', 2, '{n} 笔提现，共 {sum} 元未能付出，退回用户。|{n} withdrawals, {sum} in all, could not be paid and go back.', { tone: 'danger' }),
    ],
};

const FUND = { 1: '充值|recharge', 2: '提现|withdrawal', 3: '发红包|packet sent', 4: '抢红包|packet robbed', 5: '红包退回|packet refunded', 6: 'VIP', 7: '提现退回|withdrawal returned', 8: '调整|adjustment' };

// What a posting is about: the order or the packet, which is the first word.
const SUBJECT = { 1: 'recharge', 2: 'withdraw', 3: 'redpacket', 4: 'redpacket', 5: 'redpacket', 7: 'withdraw' };
const about = (value, row) => SUBJECT[row.type] && value ? thing(SUBJECT[row.type], value.split(' ')[0]) : plain(value);

export const funds = {
    path: 'funds', title: '资金流水|Postings', needs: 'fund.read', list: '/im/fund/list', key: row => `${row.id} ${row.purse} ${row.userId}`, range: true,
    filters: [{ name: 'userId', label: '用户编号|User id', kind: 'id' }, { name: 'type', label: '类型|Kind', kind: 'choice', choices: FUND }],
    columns: [
        { name: 'id', label: '分录|Entry', sort: true, kind: 'number' }, { name: 'userId', label: '用户|User', show: person('userId') },
            { name: 'purse', label: '账户|Purse', show: choice({ available: '可用|available', frozen: ['冻结|frozen', 'open'] }) },
        { name: 'type', label: '类型|Kind', show: choice(FUND) }, { name: 'amount', label: '金额|Amount', show: money, kind: 'number' },
            { name: 'balance', label: '余额|Balance', show: money, kind: 'number' },
        { name: 'subject', label: '对象|About', show: about }, { name: 'action', label: '动作|Action', hidden: true }, { name: 'remark', label: '备注|Remark' },
            { name: 'createTime', label: '时间|Time' },
    ],
};

const PACKET = { 1: ['进行中|open', 'open'], 2: ['已抢完|all robbed', 'good'], 3: ['已过期|expired', ''] };

export const packets = {
    path: 'packets', title: '红包|Red packets', needs: 'redpacket.read', list: '/im/redPacket/list', key: row => row.redPacketId, range: true,
    name: row => t('红包 {remark}|red packet {remark}', row),
    filters: [{ name: 'userId', label: '发送者编号|Sender id', kind: 'id' }, { name: 'status', label: '状态|State', kind: 'choice', choices: PACKET }],
    columns: [
        { name: 'senderId', label: '发送者|Sender', show: person('senderId') },
            { name: 'receiverId', label: '发给|To', show: (value, row) => (row.receiverType === 1 ? groupOf : person)('receiverId')(value, row) },
        { name: 'redPacketType', label: '类型|Kind', show: choice({ 1: '普通|even', 2: '拼手气|lucky' }) },
            { name: 'totalAmount', label: '金额|Amount', show: money, kind: 'number' }, { name: 'totalCount', label: '份数|Shares', kind: 'number' },
        { name: 'remainAmount', label: '剩余|Left', show: money, kind: 'number' }, { name: 'status', label: '状态|State', show: choice(PACKET) },
            { name: 'remark', label: '祝福语|Words' },
        { name: 'createTime', label: '时间|Sent', sort: true }, { name: 'redPacketId', label: '编号|Id', hidden: true, show: code },
    ],
    more: [{ name: 'remainCount', label: '剩余份数|Shares left', show: number }, { name: 'refunded', label: '已退回|Refunded', show: money },
        { name: 'expireTime', label: '到期|Expires' }],
    whole: by('/im/redPacket/detail', 'redPacketId'),
    parts: [{
        title: '领取|Claims', rows: data => data.claims, columns: [
            { name: 'number', label: '#', kind: 'number' }, { name: 'userId', label: '用户|User', show: person('userId', 'nickName') },
                { name: 'amount', label: '金额|Amount', show: money, kind: 'number' },
            { name: 'isBest', label: '手气最佳|Best', show: best => best ? '★' : plain(null) }, { name: 'createTime', label: '时间|Time' },
        ],
    }],
    links: row => things(['user', row.senderId, '发送者|Sender'], ['fundsOf', row.senderId, '发送者的流水|His postings'],
    ['packetsOf', row.senderId, '此人的红包|His packets']),
};

export const ledger = { path: 'ledger', title: '账本校验|Ledger check', needs: 'fund.check', view: Ledger };
