// Complaints as an inbox, notices and their templates.
import { html } from '../parts/preact/standalone.module.js';
import { choice, groupOf, number, person, plain, thing, things } from './cells.js';
import { by } from './detail.js';
import { Preview, Template } from './composer.js';
import { Context, TYPES } from './context.js';
import { Evidence } from './evidence.js';
import { days, dealt, idsOf, reason, recallAll, removal } from './acting.js';
import { me } from './api.js';
import { t } from './say.js';

const STATUS = { 1: ['待处理|open', 'open'], 2: ['已处理|decided', 'good'] };
const ABOUT = { 1: '用户|user', 2: '群|group' };
const DECISIONS = { 1: '警告|warn', 2: '禁言|mute', 3: '封禁|ban', 4: '不处理|nothing' };
const WHAT = { 1: '已警告|warned', 2: '已禁言|muted', 3: '已封禁|banned', 4: '未发现违规|nothing was wrong' };
const HAPPENS = {
    1: '给用户（或群主和管理员）发警告通知。|A warning goes to the user, or to the owner and managers of the group.',
    2: '用户不能发言；群只有群主和管理员能发言。|The user writes no messages; in a group only owner and managers do.',
    3: '立即封禁。|The target is banned at once.',
    4: '不做处理。|Nothing is done.',
};
const on = kind => (rows, values) => String(values.resolvedType) === String(kind);

export const complaints = {
    path: 'complaints', title: '投诉|Complaints', needs: 'complaint.read', list: '/im/complaint/list', key: row => row.id, begin: { status: '1' }, inbox: true,
    range: true,
    name: row => t('投诉 #{id} {targetName}|complaint #{id}, {targetName}', row),
    filters: [
        { name: 'status', label: '状态|State', kind: 'choice', choices: STATUS }, { name: 'targetType', label: '对象|About', kind: 'choice', choices: ABOUT },
        { name: 'targetId', label: '对象编号|Target id', kind: 'id' }, { name: 'complainerId', label: '投诉人编号|Complainer id', kind: 'id' },
        { name: 'resolvedType', label: '处理结果|Decision', kind: 'choice', choices: DECISIONS }, { name: 'adminId', label: '处理人编号|Admin id', kind: 'id' },
    ],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'reason', label: '原因|Reason' },
        { name: 'targetId', label: '对象|About', show: (value, row) => (row.targetType === 2 ? groupOf : person)('targetId', 'targetName')(value, row) },
        { name: 'complainerId', label: '投诉人|By', show: person('complainerId', 'complainerName') }, { name: 'status', label: '状态|State', show: choice(STATUS) },
        { name: 'resolvedType', label: '结果|Decision', show: choice(DECISIONS), hidden: true }, { name: 'createTime', label: '时间|Made', sort: true },
    ],
    more: [
        { name: 'description', label: '描述|Description' },
            { name: 'messageId', label: '消息|Message', show: value => thing('message', value, t('在上下文中查看|see it in its context')) },
        { name: 'target', label: '当时的资料|As it was', show: target => target ? `${target.name} ${target.words ?? ''}` : plain(null) },
            { name: 'summary', label: '处理说明|Summary' }, { name: 'resolveTime', label: '处理时间|Decided' },
    ],
    whole: by('/im/complaint/detail', 'id'), fresh: row => by('/im/complaint/detail', 'id')(row.id),
    first: row => row.status === 2 ? dealt(row.adminName, row.resolveTime, WHAT[row.resolvedType] ?? '') : null,
    parts: [
        { title: '被投诉的消息（当时）|The message, as it was', early: true, if: data => data.message, view: ({ data }) => html`<div class="quote"><p class="who">${thing('user', data.message.senderId, data.message.senderName ?? data.message.senderId)} <time>${data.message.sendTime}</time> <span class="state">${t(TYPES[data.message.messageType] ?? '')}</span></p><p class="said">${data.message.content}</p></div>` },
        { title: '上下文（现在）|Around it, as it is', early: true, if: data => data.context.length, view: ({ data }) => html`<${Context} messages=${data.context} marked=${data.messageId} />` },
        { title: '证据|Evidence', early: true, if: data => data.files.length, view: ({ data }) => html`<${Evidence} files=${data.files} />` },
    ],
    links: row => things(row.targetType === 2 ? ['group', row.targetId, '对象|Target'] : ['user', row.targetId, '对象|Target'], [row.targetType === 2 ? 'aboutGroup' : 'aboutUser', row.targetId, '对它的所有投诉|All about it'],
    ['complaintsOf', row.complainerId, '此人的所有投诉|All by this person'], ['actsOn', `complaint ${row.id}`, '管理记录|Record']),
    acts: [
        {
            name: 'resolve', label: '处理|Decide', needs: 'complaint.resolve', call: ['POST', '/im/complaint/resolve'], with: row => ({ id: row.id }),
            when: row => row.status === 1 && ![row.complainerId, row.targetType === 1 && row.targetId].includes(me().userId),
            fields: [
                { name: 'resolvedType', label: '决定|Decision', kind: 'choice', required: true, choices: DECISIONS, number: true, value: '1' },
                { ...days, if: (rows, values) => (on(2)(rows, values) || on(3)(rows, values)) && rows.some(row => row.targetType === 1) },
                { ...removal, if: (rows, values) => on(3)(rows, values) && rows.some(row => row.targetType === 1) },
                { ...reason, note: '告知对方；不填用投诉的原因|told to the target; the complaint’s own when empty', if: (rows, values) => !on(4)(rows, values) },
                { name: 'summary', label: '处理说明|Summary', kind: 'area', required: true, max: 1000, note: '仅管理员可见|for administrators' },
            ],
            says: (rows, values) => `${t('处理 {n} 件投诉：|Decides {n} complaints: ', { n: rows.length })}${t(HAPPENS[values.resolvedType])}${t('投诉人会收到处理结果。| Who complained is told.')}`,
            then: (row, values, told) => values.removal && String(values.resolvedType) === '3' && row.targetType === 1 && recallAll(row.targetId, Number(values.removal), values.reason || row.reason, told),
        },
        {
            name: 'recall', label: '撤回消息|Recall the message', needs: 'message.recall', inside: true, call: ['POST', '/im/message/recall'],
            with: row => ({ id: row.messageId }), fields: [reason],
            when: row => row.messageId && row.context?.some(one => one.id === row.messageId && !one.isRecalled && one.messageType <= 6),
                says: '撤回被投诉的消息；投诉保留原文。|Recalls the message; the complaint keeps what it said.',
        },
    ],
};

const KINDS = { NOTICE: ['通知|notice', ''], COMPLAINT: ['投诉结果|of a complaint', ''], WARN: ['警告|warning', 'bad'], MUTE: ['禁言|mute', 'bad'], SECURITY: ['账号安全|security', 'bad'] };
const SENT = { 1: ['待发送|waiting', 'open'], 2: ['已发送|sent', 'good'], 3: ['已取消|cancelled', ''] };
const list = (kind, ids) => ids?.length ? [...ids.slice(0, 20).flatMap(id => [thing(kind, id), ' ']), ids.length > 20 ? '…' : ''] : plain(null);
const toSome = (rows, values) => values.to === 'some';

export const notices = {
    path: 'notices', title: '通知|Notices', needs: 'notice.read', list: '/im/notice/list', key: row => row.id, range: true, name: row => row.title,
    filters: [{ name: 'kind', label: '类型|Kind', kind: 'choice', choices: KINDS }, { name: 'status', label: '状态|State', kind: 'choice', choices: SENT }],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'kind', label: '类型|Kind', show: choice(KINDS) },
            { name: 'title', label: '标题|Title', kind: 'long' },
        { name: 'audience', label: '发给|For', show: choice({ all: '所有用户|everybody', some: '部分|some' }) },
            { name: 'recipientCount', label: '人数|People', show: number, kind: 'number' },
        { name: 'status', label: '状态|State', show: choice(SENT) }, { name: 'sendTime', label: '计划时间|Due' }, { name: 'sentTime', label: '发送时间|Sent' },
            { name: 'createTime', label: '创建时间|Made', sort: true },
    ],
    more: [
        { name: 'content', label: '内容|Words', }, { name: 'userIds', label: '用户|Users', show: ids => list('user', ids) },
            { name: 'groupIds', label: '群|Groups', show: ids => list('group', ids) },
        { name: 'adminId', label: '管理员|By', show: value => thing('admin', value) },
    ],
    links: row => [...row.status === 2 ? [thing('gotBy', row.id, t('谁已收到|Who got it'))] : [], ...things(['actsOn', `notice ${row.id}`, '管理记录|Record'])],
    acts: [
        {
            name: 'send', label: '写通知|Write', needs: 'notice.send', always: true, wide: true,
            call: ['POST', '/im/notice/send'], before: Template, after: Preview,
            fields: [
                { name: 'title', label: '标题|Title', required: true, max: 100 },
                    { name: 'content', label: '内容|Words', kind: 'area', rows: 5, required: true, max: 2000 },
                { name: 'to', label: '发给|For', kind: 'choice', required: true, choices: { some: '指定的用户和群|these users and groups', all: '所有用户|everybody' }, value: 'some', here: true },
                { name: 'users', label: '用户编号|User ids', here: true, if: toSome, note: '空格或逗号分隔，最多 10000|at most 10000, with spaces or commas between' },
                    { name: 'groups', label: '群编号|Group ids', here: true, if: toSome, note: '其全体成员，最多 20 个群|all their members, at most 20 groups' },
                { name: 'sendTime', label: '发送时间|When', kind: 'moment', note: '服务器时区；不填立即发送|in the server’s time zone; at once when empty' },
            ],
            with: (rows, values) => values.to === 'all' ? {} : { userIds: idsOf(values.users), ...(idsOf(values.groups).length && { groupIds: idsOf(values.groups), ...(!idsOf(values.users).length && { userIds: null }) }) },
            says: (rows, values) => values.to === 'all' ? '发给每一个用户；在线的立即收到，其余的上线时收到。发出后不能收回。|Goes to every user: at once to those online, to the others as they come. It cannot be taken back.' : '发给下面的用户和群成员；发出后不能收回。|Goes to these users and to the members of these groups. It cannot be taken back.',
        },
        { name: 'cancel', label: '取消发送|Cancel', needs: 'notice.send', tone: 'danger', call: ['POST', '/im/notice/cancel'], with: row => ({ id: row.id }),
            when: row => row.status === 1, says: '{n} 条待发送的通知不再发送。|{n} notices that wait are not sent.' },
    ],
};

const GOT = { true: ['已收到|has it', 'good'], false: ['未收到|not yet', 'open'] };

export const recipients = {
    path: 'recipients', title: '通知的接收人|Who got a notice', needs: 'notice.read', list: '/im/notice/recipient/list', key: row => row.userId, order: 'asc',
    waits: query => !query.id, waiting: '输入通知编号，看谁已收到。|Enter the id of a notice to see who got it.',
    filters: [{ name: 'id', label: '通知编号|Notice id', kind: 'id', required: true }, { name: 'got', label: '收到|Got it', kind: 'choice', choices: GOT }],
    columns: [
        { name: 'userId', label: '用户|User', sort: true, show: person('userId', 'username') }, { name: 'nickName', label: '昵称|Nick name' },
        { name: 'got', label: '收到|Got it', show: choice(GOT) }, { name: 'gotTime', label: '收到时间|Since' },
            { name: 'noticeId', label: '通知|Notice', kind: 'number', hidden: true },
    ],
};

const template = [{ name: 'name', label: '名称|Name', required: true, max: 50 }, { name: 'title', label: '标题|Title', required: true, max: 100 },
    { name: 'content', label: '内容|Words', kind: 'area', rows: 5, required: true, max: 2000, note: '{名称} 是发送时填写的空位，用字母数字|{name} is a place to fill in' }];

export const templates = {
    path: 'templates', title: '通知模板|Templates', needs: 'notice.read', list: '/im/notice/template/list', key: row => row.id, name: row => row.name,
    filters: [{ name: 'name', label: '名称|Name', max: 50 }],
    columns: [{ name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'name', label: '名称|Name', sort: true }, { name: 'title', label: '标题|Title' },
        { name: 'content', label: '内容|Words', kind: 'long' }, { name: 'updateTime', label: '修改时间|Changed' },
        { name: 'adminId', label: '管理员|By', hidden: true, show: value => thing('admin', value) }],
    acts: [
        { name: 'add', label: '添加|Add', needs: 'notice.send', always: true, call: ['POST', '/im/notice/template/add'], fields: template },
        { name: 'edit', label: '修改|Edit', needs: 'notice.send', many: false, call: ['POST', '/im/notice/template/update'], with: row => ({ id: row.id }),
            begin: row => ({ name: row.name, title: row.title, content: row.content }), fields: template },
        { name: 'delete', label: '删除|Delete', needs: 'notice.send', tone: 'danger', call: ['POST', '/im/notice/template/delete'], with: row => ({ id: row.id }),
            says: '删除 {n} 个模板；已发送的通知不变。|Deletes {n} templates; what was sent stays.' },
    ],
};
