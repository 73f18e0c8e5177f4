// What the client knows, and what happens to it: one state that the screens follow, fed by the client kit.

import {IMClient, Refusal} from '../lib/im-client.js';
import {follow, t, tell, fault, serverTime} from '../lib/ui.js';
import {Thread} from './talk.js';
import {notifyMessage, showCount} from './notify.js';

export const client = new IMClient({url: new URL('.', document.baseURI).href});
export const api = client.api;

export const state = follow({
    stage: 'begin',         // begin, out (nobody is logged in), in
    why: null,              // why somebody is out: {code, reason}
    connection: 'stopped',
    me: null,
    config: null,
    conversations: new Map(),   // key => conversation; key: p10002 or g1001
    friends: new Map(),         // id => friend
    requests: [],
    groups: new Map(),          // id => what /group/list says
    revision: 0,                // of conversations, for who sorts them
    people: new Map(),          // id => {name, headImage}: everybody whose name is known
    notices: [],
    route: location.hash.slice(1) || 'chats',
    call: null,
});
const all = state.values;

export const keyOf = message => message.groupId ? `g${message.groupId}`
    : `p${message.senderId === client.userId ? message.receiverId : message.senderId}`;
export const targetOf = key => key[0] === 'g' ? {groupId: +key.slice(1)} : {receiverId: +key.slice(1)};
export const withOf = key => key[0] === 'g' ? {groupId: +key.slice(1)} : {friendId: +key.slice(1)};

// --- where the page is -----------------------------------------------------------------------------------------------------

export function go(route, replace = false) {
    if (replace) history.replaceState(null, '', `#${route}`);
    else if (location.hash.slice(1) !== route) history.pushState(null, '', `#${route}`);
    state.set({route});
}
addEventListener('popstate', () => state.set({route: location.hash.slice(1) || 'chats'}));

export const openKey = () => all.route.startsWith('c/') ? all.route.slice(2) : null;

// --- in and out --------------------------------------------------------------------------------------------------------------

export async function begin() {
    api.systemConfig().then(config => state.set({config}), () => {});
    if (!client.loggedIn) return state.set({stage: 'out'});
    await enter();
}

export async function login(fields) {
    await client.login(fields);
    await enter();
}

async function enter() {
    state.set({stage: 'in', why: null, config: all.config});
    if (all.me && all.me.id !== client.userId) forget();
    client.start();
    readMe();
}

export const readMe = () => api.userSelf().then(me => { know(me.id, me.nickName, me.headImage); state.set({me}); }, () => {});

export async function logout(everywhere = false) {
    try {
        await client.logout(everywhere ? {all: true} : {});
    } catch {
        // the session is over on this device whatever the server says
    }
    forget();
    state.set({stage: 'out', why: null});
}

// Drafts and what is not sent yet stay: they are in the browser's store, by account.
function forget() {
    threads.clear();
    state.set({me: null, conversations: new Map(), friends: new Map(), groups: new Map(), people: new Map(), requests: [], notices: [], call: null, listed: false});
    showCount(0);
}

addEventListener('storage', ({key, newValue}) => {
    if (key !== client.session.name) return;
    const account = newValue && JSON.parse(newValue).userId;
    if (!account && all.stage === 'in') location.reload();
    else if (account && account !== client.userId) location.reload();
});
for (const event of ['online', 'focus']) addEventListener(event, () => client.nudge());

// --- people -------------------------------------------------------------------------------------------------------------------

export function know(id, name, headImage) {
    const old = all.people.get(id);
    if (old?.name === name && old.headImage === headImage) return;
    all.people.set(id, {name, headImage});
}

const asked = new Set();

// The name that is shown; who is not known yet is asked for once.
export function nameOf(id) {
    const friend = all.friends.get(id);
    if (friend) return friend.remark || friend.nickName;
    const known = all.people.get(id);
    if (!known && !asked.has(id) && id) {
        asked.add(id);
        api.userFind({userId: id}).then(user => { know(id, user.nickName, user.headImage); state.set({}); }, () => {});
    }
    return known?.name ?? '…';
}
export const imageOf = id => all.friends.get(id)?.headImage || all.people.get(id)?.headImage || '';

export async function readFriends() {
    const [friends, requests] = await Promise.all([api.friendList(), api.friendRequestList()]);
    for (const friend of friends) know(friend.id, friend.nickName, friend.headImage);
    state.set({friends: new Map(friends.map(friend => [friend.id, friend])), requests});
}

export async function readGroups() {
    const groups = await api.groupList();
    state.set({groups: new Map(groups.map(group => [group.id, group]))});
}

// --- conversations --------------------------------------------------------------------------------------------------------------

export const threads = new Map();

export function threadOf(key) {
    if (!threads.has(key)) {
        threads.set(key, new Thread(key));
        for (const old of threads.keys()) if (threads.size > 6 && old !== key) threads.delete(old);
    }
    return threads.get(key);
}

export function conversationOf(key) {
    const known = all.conversations.get(key);
    if (known) return known;
    const id = +key.slice(1);
    const group = key[0] === 'g' && all.groups.get(id);
    return {key, type: key[0] === 'g' ? 'GROUP' : 'PRIVATE', targetId: id, name: group ? group.groupName : key[0] === 'g' ? '' : nameOf(id),
        headImage: group ? group.groupAvatar : imageOf(id), lastSeq: 0, readSeq: 0, unreadCount: 0};
}

export function inOrder() {
    return [...all.conversations.values()].filter(one => !one.isHidden).sort((one, other) => other.isTop - one.isTop
        || (other.lastSendTime ?? '').localeCompare(one.lastSendTime ?? '') || (other.lastMessageId ?? 0) - (one.lastMessageId ?? 0));
}

export function unreadOfAll() {
    let sum = 0;
    for (const one of all.conversations.values()) if (!one.isDnd) sum += one.unreadCount;
    return sum;
}

function change(key, fields) {
    all.conversations.set(key, {...conversationOf(key), ...fields});
    state.set({revision: all.revision + 1});
    showCount(unreadOfAll());
}

export const readConversations = async () => listed({conversations: await api.conversationList(), gone: [], whole: true});

// What a message has told of a conversation, when the list was asked for before it came.
const told = old => Object.fromEntries(Object.entries(old).filter(([name]) => name.startsWith('last') || name === 'unreadCount' || name === 'mentioned'));

// Those that have changed, or all there are.
function listed({conversations: list, gone, whole}) {
    const now = whole ? new Map() : all.conversations;
    for (const one of list) {
        const key = (one.type === 'GROUP' ? 'g' : 'p') + one.targetId;
        if (one.type === 'PRIVATE') know(one.targetId, one.name, one.headImage);
        const old = all.conversations.get(key);
        now.set(key, {...one, key, mentioned: one.isMentioned, ...(old?.lastSeq > one.lastSeq ? told(old) : {})});
        if (one.friendReadSeq) threads.get(key)?.readUpToSeq(one.friendReadSeq);
    }
    for (const [key, {conversationId}] of now) if (gone.includes(conversationId)) now.delete(key);
    state.set({conversations: now, revision: all.revision + 1});
    showCount(unreadOfAll());
    const open = openKey();
    if (open && isSeen(open) && threads.get(open)?.atEnd) read(open);       // it may tell of what is in sight already
}

export async function setConversation(key, fields) {
    await api.conversationSet({conversationId: conversationOf(key).conversationId, ...fields});
    change(key, fields);
}

// Somebody looks at it: everything in it is read.
export function read(key) {
    const one = all.conversations.get(key);
    if (!one || (one.unreadCount === 0 && !one.mentioned)) return;
    change(key, {unreadCount: 0, readSeq: one.lastSeq, mentioned: false});
    const args = {...withOf(key), ...(one.lastMessageId ? {maxMessageId: one.lastMessageId} : {})};
    (key[0] === 'g' ? api.messageGroupReaded(args) : api.messagePrivateReaded(args)).catch(() => {});
}

export const isSeen = key => key === openKey() && document.visibilityState === 'visible' && document.hasFocus();

client.on('message', message => {
    const key = keyOf(message);
    const mine = message.senderId === client.userId;
    const one = conversationOf(key);
    const seen = isSeen(key) && threadOf(key).atEnd;
    const counts = !mine && message.messageType < 8;
    const unread = one.unreadCount + (message.messageType === 9 ? 0 : 1);
    const mentioned = counts && (message.atUserIds.includes(client.userId) || message.atUserIds.includes(-1));
    change(key, {conversationId: message.conversationId, lastSeq: message.seq, lastMessageId: message.id, lastSenderId: message.senderId,
        lastContent: message.content, lastMessageType: message.messageType, lastSendTime: message.sendTime, lastIsRecalled: message.isRecalled, isHidden: false,
        unreadCount: mine ? 0 : unread, mentioned: one.mentioned || (mentioned && !seen)});
    threads.get(key)?.add(message);
    if (seen) read(key);
    else if (!mine && message.messageType !== 9 && !(one.isDnd && !mentioned)) notifyMessage(key, message, mentioned);
});
client.on('recall', ({conversationId, id, senderId, receiverId, groupId}) => {
    const key = keyOf({senderId, receiverId, groupId});
    threads.get(key)?.recalled(id);
    if (all.conversations.get(key)?.lastMessageId === id) change(key, {lastIsRecalled: true, lastContent: ''});
});
client.on('read', ({readerId, friendId, groupId, maxMessageId}) => {
    if (readerId !== client.userId) return threads.get(`p${readerId}`)?.readUpTo(maxMessageId);
    const key = groupId ? `g${groupId}` : `p${friendId}`;
    const one = all.conversations.get(key);
    if (one && one.lastMessageId <= maxMessageId) change(key, {unreadCount: 0, mentioned: false});
});
client.on('conversations', listed);
client.on('restored', () => location.reload());
client.on('set', ({conversationId, ...fields}) => {
    for (const [key, one] of all.conversations) if (one.conversationId === conversationId) change(key, fields);
});
client.on('changed', ({lists, groups}) => {
    if (lists.includes('SELF')) readMe();
    if (lists.includes('FRIENDS') || lists.includes('REQUESTS')) readFriends().catch(() => {});
    if (groups.length) readGroups().catch(() => {});
    for (const groupId of groups) for (const watcher of groupWatchers) watcher({groupId});
});
client.on('gap', ({conversationId}) => { for (const thread of threads.values()) if (thread.conversationId === conversationId) thread.reset(); });
client.on('refused', ({clientMsgId, code, message}) => {
    for (const thread of threads.values()) thread.refused(clientMsgId, code, message);
});
client.on('clock', time => {
    serverTime(time);
    if (!all.clock) state.set({clock: true});
});
client.on('state', connection => state.set({connection}));
client.on('ready', () => {
    if (!all.listed) {
        state.set({listed: true});
        readFriends().catch(() => {});
        readGroups().catch(() => {});
    }
    for (const thread of threads.values()) thread.refresh();
    const key = openKey();
    if (key && isSeen(key)) read(key);
});
client.on('friend', ({event, userId, onlineStatus, toId}) => {
    const friend = all.friends.get(userId);
    if (event === 'ONLINE' || event === 'OFFLINE') {
        if (friend) all.friends.set(userId, {...friend, isOnline: event === 'ONLINE', onlineStatus});
        return state.set({});
    }
    if (event === 'APPLY' && toId === client.userId) tell(t('有新的好友申请'));
    readFriends().catch(() => {});
    if (event === 'APPROVE') readConversations().catch(() => {});
});

const groupWatchers = new Set();
export function onGroup(watcher) {
    groupWatchers.add(watcher);
    return () => groupWatchers.delete(watcher);
}
client.on('group', data => {
    for (const watcher of groupWatchers) watcher(data);
    if (['JOIN', 'QUIT', 'REMOVE', 'MODIFY', 'DISSOLVE'].includes(data.event)) {
        readGroups().catch(() => {});
        readConversations().catch(() => {});
    }
});
client.on('notice', notice => state.set({notices: [notice, ...all.notices].slice(0, 200)}));
client.on('noticesRead', ({maxSeq}) => state.set({notices: all.notices.filter(n => n.seq > maxSeq)}));
client.on('self', data => { if (all.me) state.set({me: {...all.me, ...data}}); });
client.on('wallet', ({balance}) => {
    if (all.me) state.set({me: {...all.me, balance}});
    tell(t('余额有变动：{0} 元', balance.toFixed(2)));
});
client.on('redPacket', data => { for (const thread of threads.values()) thread.packet(data); });
client.on('kicked', why => {
    state.set({stage: 'out', why, call: null});
});

export async function blocked(id, block) {
    try {
        await (block ? api.blacklistAdd({targetId: id}) : api.blacklistRemove({targetId: id}));
        tell(block ? t('已拉黑') : t('已移出黑名单'));
        return true;
    } catch (error) {
        fault(error);
        return false;
    }
}

export {Refusal};
