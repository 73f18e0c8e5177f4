// Messages, sensitive words and files.
import { html } from '../parts/preact/standalone.module.js';
import { ask } from './api.js';
import { bytes, choice, groupOf, person, things } from './cells.js';
import { Context, said, TYPES } from './context.js';
import { reason } from './acting.js';
import { WordFile } from './wordfile.js';
import { t } from './say.js';

const LOOKED = '查看消息会写入审计记录。|That messages are looked at is recorded.';

const recall = {
    name: 'recall', label: '撤回|Recall', needs: 'message.recall', tone: 'danger', call: ['POST', '/im/message/recall'], with: row => ({ id: row.id }),
    when: row => !row.isRecalled && row.messageType <= 6, fields: [reason],
    says: '撤回 {n} 条消息：双方或全体成员都不再看到，原文只留在审计记录里。|Recalls {n} messages: nobody sees them any more; the text is kept in the record alone.',
};

// A message in its context, whichever kind of chat it is of.
const around = async id => {
    const all = await ask('GET', '/im/message/around', { id });
    return { ...all.find(one => String(one.id) === String(id)), around: all };
};

const content = { name: 'content', label: '内容|Text', kind: 'long', show: (value, row) => said(row) };
const looked = {
    key: row => row.id, name: row => t('消息 {id}|message {id}', row), needs: 'message.read', notice: LOOKED, range: true, whole: around, acts: [recall],
    waits: query => !['userId', 'friendId', 'groupId', 'text', 'word', 'startTime', 'endTime', 'page'].some(name => query[name]),
    waiting: '设定条件后查询：每次查看都会被记录。|Set a filter, then search: every look is recorded.',
    parts: [{ title: '上下文|Context', view: ({ data }) => html`<${Context} messages=${data.around} marked=${data.id} />` }],
    links: row => things(['actsOn', `message ${row.id}`, '管理记录|Record'], ['user', row.senderId, '发送者|Sender']),
};
const text = { name: 'text', label: '内容含|Text has', max: 50, note: '至少两个字|two letters or digits' };
const sender = { name: 'userId', label: '发送者编号|Sender id', kind: 'id' };
const common = [
    { name: 'senderId', label: '发送者|Sender', show: person('senderId', 'senderName') }, content,
    { name: 'messageType', label: '类型|Kind', show: choice(TYPES) }, { name: 'sendTime', label: '时间|Sent', sort: true },
    { name: 'id', label: '编号|Id', hidden: true, kind: 'number' },
];

export const messages = {
    ...looked, path: 'messages', title: '私聊消息|Private messages', list: '/im/message/private/list',
    filters: [sender, { name: 'friendId', label: '对方编号|The other’s id', kind: 'id', note: '与发送者一起：两人的全部对话|with the sender: the whole chat of the two' }, text],
    columns: [common[0], { name: 'receiverId', label: '对方|To', show: person('receiverId') }, ...common.slice(1)],
};

export const groupMessages = {
    ...looked, path: 'groupMessages', title: '群消息|Group messages', list: '/im/message/group/list',
    filters: [{ name: 'groupId', label: '群编号|Group id', kind: 'id' }, sender, text],
    columns: [{ name: 'groupId', label: '群|Group', show: groupOf('groupId') }, ...common],
};

export const hits = {
    ...looked, path: 'hits', title: '敏感词命中|What a word would hit', list: '/im/sensitiveWord/hit/list', waits: query => !query.word,
    waiting: '输入一个词，看最近七天里它会命中哪些消息。|Enter a word to see which messages of the last seven days it would have hit.',
    filters: [{ name: 'word', label: '词|Word', required: true, max: 50 }],
    columns: [common[0], { name: 'receiverId', label: '对方|To', show: person('receiverId') },
        { name: 'groupId', label: '群|Group', show: groupOf('groupId') }, ...common.slice(1)],
};

const ON = { true: ['启用|in force', 'good'], false: ['停用|off', ''] };
const word = { name: 'word', label: '词|Word', required: true, max: 50 };
const enabled = { name: 'enabled', label: '启用|In force', kind: 'check', value: true };
const turn = (name, label, on, says) => ({ name, label, needs: 'word.write', call: ['POST', '/im/sensitiveWord/enable'],
    with: row => ({ id: row.id, enabled: on }), when: row => row.enabled !== on, says });

export const words = {
    path: 'words', title: '敏感词|Sensitive words', needs: 'word.read', list: '/im/sensitiveWord/list', key: row => row.id, name: row => row.word,
    filters: [{ name: 'word', label: '含|Has', max: 50 },
        { name: 'enabled', label: '状态|State', kind: 'choice', choices: { true: '启用|in force', false: '停用|off' } }],
    columns: [
        { name: 'id', label: '编号|Id', sort: true, kind: 'number' }, { name: 'word', label: '词|Word' }, { name: 'enabled', label: '状态|State', show: choice(ON) },
        { name: 'updateTime', label: '修改时间|Changed', sort: true }, { name: 'createTime', label: '添加时间|Added', hidden: true },
    ],
    links: row => things(['hitsOf', row.word, '它会命中哪些消息|What it would have hit'], ['actsOn', `word ${row.id}`, '管理记录|Record']),
    acts: [
        { name: 'add', label: '添加|Add', needs: 'word.write', always: true, call: ['POST', '/im/sensitiveWord/add'], fields: [word, enabled],
            says: '两秒内在所有程序中生效。|In every program within two seconds.' },
        {
            name: 'import', label: '导入|Import', needs: 'word.write', always: true, wide: true, call: ['POST', '/im/sensitiveWord/import'], before: WordFile,
            fields: [{ name: 'text', label: '词表，每行一个|The list, a word a line', kind: 'area', rows: 10, required: true },
                { name: 'force', label: '也接受单个字的词|Words of one letter too', kind: 'check' }],
            says: '添加表中的词；会命中大半内容或永远找不到的词被跳过并列出。|Adds what is on the list; what would hit half of all that is said, or nothing ever, is left and told.',
            shows: answer => html`<ul class="fields">${answer.map(one => html`<li><b>${one.lines}</b> ${one.what} <span class="muted">${one.example}</span></li>`)}</ul>`,
        },
        { name: 'edit', label: '修改|Edit', needs: 'word.write', many: false, call: ['POST', '/im/sensitiveWord/update'], with: row => ({ id: row.id }),
            begin: row => ({ word: row.word, enabled: row.enabled }), fields: [word, enabled] },
        turn('enable', '启用|Enable', true, '启用 {n} 个词，两秒内生效。|Puts {n} words in force, within two seconds.'),
        turn('disable', '停用|Disable', false, '停用 {n} 个词，两秒内生效。|Takes {n} words out of force, within two seconds.'),
        { name: 'delete', label: '删除|Delete', needs: 'word.write', tone: 'danger', together: true, call: ['POST', '/im/sensitiveWord/delete'],
            with: rows => ({ ids: rows.map(row => row.id) }), says: '删除 {n} 个词。|Deletes {n} words.' },
    ],
};

const KINDS = { image: '图片|picture', voice: '语音|voice', video: '视频|video', file: '文件|file' };

export const files = {
    path: 'files', title: '文件|Files', needs: 'file.read', list: '/im/file/list', key: row => row.id, name: row => row.fileName, range: true,
    filters: [{ name: 'userId', label: '上传者编号|Owner id', kind: 'id' }, { name: 'kind', label: '类型|Kind', kind: 'choice', choices: KINDS },
        { name: 'minSize', label: '至少（字节）|At least (bytes)', kind: 'number', min: 0 }],
    columns: [
        { name: 'fileName', label: '文件名|Name', kind: 'long' }, { name: 'kind', label: '类型|Kind', show: choice(KINDS) },
            { name: 'mimeType', label: 'MIME', hidden: true },
        { name: 'fileSize', label: '大小|Size', sort: true, show: bytes, kind: 'number' },
            { name: 'userId', label: '上传者|Owner', show: person('userId', 'username') },
        { name: 'messageCount', label: '所在消息|In messages', kind: 'number' }, { name: 'createTime', label: '上传时间|Uploaded', sort: true },
            { name: 'id', label: '编号|Id', hidden: true },
    ],
    links: row => things(['filesOf', row.userId, '此人的文件|His files'], ['actsOn', `file ${row.id}`, '管理记录|Record']),
    acts: [{ name: 'remove', label: '移除|Remove', needs: 'file.remove', tone: 'danger', call: ['POST', '/im/file/remove'], with: row => ({ id: row.id }),
        fields: [reason],
        says: '移除 {n} 个文件：任何人都打不开，配额归还；投诉保留的证据除外。|Removes {n} files: nobody can open them any more, the quota is given back; what a complaint keeps is kept.' }],
};
