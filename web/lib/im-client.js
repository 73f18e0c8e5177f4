// A client of IM Chat: the seven rules of im-chat-protocol(7), in browsers, in Node from 18 on, and in uni-app (im-uni.js).
//
//     import {IMClient} from './im-client.js';
//     const client = new IMClient({url: 'http://127.0.0.1:8080'});
//     client.on('message', message => console.log(message.senderId, message.content));
//     await client.login({username: 'ann', password: '…'});
//     client.start();
//     const {done} = client.send({receiverId: 10002}, 'hello');
//     await done;                                  // it is stored
//     await client.api.friendList();               // every operation of the contract, by its operationId
//
// Messages come by the event message: each once, those of a conversation in order, one's own of all devices too, whatever
// breaks in between.  im-client.d.ts has all events and their data.

import {CALLS} from './im-calls.js';
import {Order} from './im-order.js';
import {Outbox, uniqueId} from './im-outbox.js';
import {Refusal, Session, memory} from './im-session.js';
import {browser, localStore, node} from './im-transport.js';

export {Refusal, Session, memory, browser, node, localStore, uniqueId};

const isNode = typeof process === 'object' && Boolean(process.versions?.node);
const LATER = new Set([401, 429, 500, 502, 504]);        // of an ERROR: not the last word on a message

export class IMClient {
    // options: url; socketUrl (url's /ws); transport; store; from: 'now' shows what comes, older is read by history, 'start'
    // shows all, {conversationId: seq} goes on behind these, as seen() told; gap: how many missing messages are worth
    // fetching one by one; beat, again, retry: milliseconds.
    constructor(options = {}) {
        const {url = '', transport = isNode ? node() : browser(), store = isNode ? memory() : localStore()} = options;
        this.session = new Session({url, transport, store});
        this.options = {from: 'now', gap: 500, beat: 20000, again: 5000, retry: [1000, 30000], socketUrl: null, ...options};
        this.store = store;
        this.transport = transport;
        this.handlers = new Map();
        this.order = new Order(message => this.emit('message', message));
        this.outbox = new Outbox(store, (type, data) => this.write(type, data));
        this.state = 'stopped';     // connecting, syncing, ready, waiting, stopped
        this.api = Object.fromEntries(Object.entries(CALLS).map(([name, call]) => {
            const [method, path] = call.split(' ');
            return [name, (args, more) => this.call(method, path, args, more)];
        }));
        this.session.onOver(code => {
            this.stop();
            this.emit('kicked', {code, reason: this.kickReason ?? (code === 1003 ? 'banned' : 'expired')});
            this.kickReason = null;
        });
    }

    get userId() { return this.session.userId; }
    get loggedIn() { return Boolean(this.session.tokens); }

    on(event, handler) {
        if (!this.handlers.has(event)) this.handlers.set(event, new Set());
        this.handlers.get(event).add(handler);
        return () => this.handlers.get(event).delete(handler);
    }

    // A handler's mistake is its own: what is behind it goes on.
    emit(event, data) {
        for (const handler of [...this.handlers.get(event) ?? []]) {
            try {
                handler(data);
            } catch (error) {
                setTimeout(() => { throw error; });
            }
        }
    }

    call(method, path, args, more) { return this.session.call(method, path, args, more); }

    login(fields) { return this.session.login(fields); }

    async logout(fields) {
        this.stop();
        await this.session.logout(fields);
    }

    // Another account is another client: nothing of the one before may stay.
    start() {
        if (this.state !== 'stopped') return this;
        if (this.account !== this.userId) this.forget();
        this.account = this.userId;
        this.tries = 0;
        this.outbox.load(this.userId);
        this.move('connecting');
        this.timers = [setInterval(() => this.heartbeat(true), this.options.beat), setInterval(() => this.outbox.transmit(true), this.options.again)];
        this.connect();
        return this;
    }

    stop() {
        if (this.state === 'stopped') return;
        for (const timer of this.timers) clearInterval(timer);
        clearTimeout(this.retryTimer);
        clearTimeout(this.ackTimer);
        clearTimeout(this.deafTimer);
        this.hangUp();
        this.move('stopped');
    }

    // The network is back, or somebody looks at the page again: no reason to wait on.
    nudge() {
        if (this.state === 'waiting') {
            clearTimeout(this.retryTimer);
            this.connect();
        } else if (this.state === 'ready') {
            this.heartbeat();
        }
    }

    forget() {
        this.order.places.clear();
        Object.assign(this, {noticeSeq: 0, since: null, listed: false, synced: null});
    }

    // What has been shown, for the next client's option from.
    seen() {
        return Object.fromEntries([...this.order.places].map(([conversationId, place]) => [conversationId, place.upto]));
    }

    move(state) {
        if (this.state === state) return;
        this.state = state;
        this.emit('state', state);
    }

    // --- the connection: rules 1, 6 and 7 -------------------------------------------------------------------------------

    get socketUrl() {
        const base = this.options.socketUrl ?? `${this.session.url || globalThis.location?.origin}/ws`;
        return `${base.replace(/^http/, 'ws')}?accessToken=${encodeURIComponent(this.session.tokens.accessToken)}`;
    }

    connect() {
        if (this.state === 'stopped') return;
        this.move('connecting');
        let opened = false;
        const mine = this.line = {};
        const current = () => this.line === mine;
        this.socket = this.transport.socket(this.socketUrl, {
            opened: () => {
                if (!current()) return;
                opened = true;
                this.tries = 0;
                this.sync();
                this.outbox.transmit(true);
            },
            heard: text => current() && this.hear(text),
            closed: () => {
                if (!current()) return;
                this.hangUp();
                opened && !this.kickReason ? this.reconnect() : this.refused();
            },
        });
    }

    hangUp() {
        this.line = null;
        this.socket?.close();
        this.socket = null;
        clearTimeout(this.deafTimer);
    }

    lose() {
        this.hangUp();
        this.reconnect();
    }

    reconnect() {
        if (this.state === 'stopped') return;
        this.move('waiting');
        const [least, most] = this.options.retry;
        const wait = Math.min(least * 2 ** this.tries++, most) * (0.2 + 0.8 * Math.random());
        this.retryTimer = setTimeout(() => this.connect(), wait);
    }

    // A browser does not say why: /user/self does, and renews the token when that is the reason.
    async refused() {
        this.move('waiting');
        try {
            await this.call('GET', '/user/self');
        } catch {
            // over, or nothing is there
        }
        this.reconnect();
    }

    // --- what is missing: rules 1 and 4 ------------------------------------------------------------------------------------

    // One at a time; what asks meanwhile gets another round.
    sync() {
        if (this.syncing) this.syncAgain = true;
        return this.syncing ||= this.synchronise().finally(() => {
            this.syncing = null;
            if (this.syncAgain && this.line) {
                this.syncAgain = false;
                this.sync();
            }
        });
    }

    async synchronise() {
        const line = this.line;
        const fresh = line && this.synced !== line;
        if (fresh) {
            this.move('syncing');
            this.emit('syncing');
        }
        try {
            await this.catchUp();
            if (fresh) await this.notices();
        } catch {
            if (line && this.line === line) this.lose();        // the connection is there, what was asked is not
            return;
        }
        if (!line || this.line !== line) return;
        this.synced = line;
        this.move('ready');
        if (fresh) this.emit('ready');
        this.heartbeat();
    }

    // What has changed since this device last asked, and what it lacks of the messages, until it lacks nothing.
    async catchUp() {
        for (let more = true; more; ) {
            const have = this.order.holes().slice(0, 1000).map(([conversationId, {upto}]) => [conversationId, upto]);
            const answer = await this.call('POST', '/message/sync', {...(this.since ? {since: this.since} : {}), have}, {repeat: true});
            if (this.since && this.since.split('.')[0] !== answer.since.split('.')[0]) {     // a backup's: another time
                this.forget();
                this.emit('restored');
                continue;
            }
            for (const one of answer.conversations) this.overview(one);
            for (const id of answer.gone) this.order.places.delete(id);
            if (!this.listed || answer.conversations.length || answer.gone.length) this.emit('conversations', {conversations: answer.conversations, gone: answer.gone, whole: !this.listed});
            this.listed = true;
            if (answer.lists.length || answer.groups.length) this.emit('changed', {lists: answer.lists, groups: answer.groups});
            for (const message of answer.messages) this.synchronised(message);
            this.since = answer.since;
            const asked = new Set(have.map(([id]) => id));
            if (!answer.more && !answer.messages.some(message => asked.has(message.conversationId))) this.giveUp(asked);
            more = answer.more || this.order.holes().length > 0;
        }
    }

    // Where a conversation begins for this device, and how far it goes.
    overview({conversationId, lastSeq, joinedSeq}) {
        const place = this.order.place(conversationId);
        const {from, gap} = this.options;
        if (!place.upto && !place.begun && !this.synced && from !== 'start') {
            const shown = typeof from === 'object' ? from[conversationId] : undefined;     // 'now' has letters, which are no numbers of conversations
            this.order.begin(conversationId, shown ?? Math.min(lastSeq, ...[...place.waiting.keys()].map(seq => seq - 1)));
        }
        place.begun = true;
        place.last = Math.max(place.last, lastSeq);
        if (place.upto < joinedSeq) this.order.goOn(conversationId, joinedSeq + 1);
        if (place.last - place.upto > gap) {
            const first = place.upto + 1;
            this.order.goOn(conversationId, place.last + 1);
            this.emit('gap', {conversationId, from: first, to: place.upto});
        }
    }

    // One that is there already has been recalled meanwhile.
    synchronised({...message}) {
        if (message.groupId) delete message.receiverId;
        else delete message.groupId;
        const place = this.order.places.get(message.conversationId);
        if (place && message.seq > place.upto) this.order.take(message);
        else if (message.isRecalled) this.emit('recall', {event: 'RECALL', operatorId: null, ...message});
    }

    // What was asked for and is not there never comes: go on behind it.
    giveUp(asked) {
        for (const [conversationId, place] of this.order.holes()) {
            if (!asked.has(conversationId)) continue;
            const {last} = place;
            while (last > place.upto) this.order.goOn(conversationId, Math.min(last + 1, ...place.waiting.keys()));
        }
    }

    async notices() {
        const notices = await this.call('GET', '/message/system/pullOfflineMessage');
        for (const notice of notices) this.notice(notice);
    }

    // They stay to be pulled until seenNotices() says that somebody has read them.
    notice({seq, ...rest}) {
        if (seq <= (this.noticeSeq ?? 0)) return;
        this.noticeSeq = seq;
        this.emit('notice', {seq, ...rest});
    }

    seenNotices(maxSeq = this.noticeSeq) { return this.call('PUT', '/message/system/readed', {maxSeq}); }

    // --- what has arrived: rule 3 ----------------------------------------------------------------------------------------------

    write(type, data) {
        this.socket?.send(JSON.stringify({type, data}));
        return Boolean(this.socket);
    }

    // regular: the one of every 20 seconds, which asks whether there is news.
    heartbeat(regular = false) {
        if (!this.socket || this.state !== 'ready') return;
        this.telling = this.order.untold();
        this.write('HEARTBEAT', {received: this.telling, ...(regular && this.since ? {since: this.since} : {}), ...(this.status ? {status: this.status} : {})});
        clearTimeout(this.deafTimer);
        this.deafTimer = setTimeout(() => this.lose(), this.options.beat);     // neither an answer nor an end: the network is gone
    }

    // Soon after something came, so that its sender sees it delivered.
    acknowledge() {
        this.ackTimer ||= setTimeout(() => {
            this.ackTimer = null;
            if (this.order.untold().length) this.heartbeat();
        }, 1000);
    }

    setStatus(status) {
        this.status = status;
        this.heartbeat();
    }

    // --- what is said: rule 5 --------------------------------------------------------------------------------------------------

    // to: {receiverId} or {groupId}.  done resolves with the stored message, or rejects with what refused it; it goes out
    // after a restart of the program too, from the store.
    send(to, content, {messageType = 1, atUserIds = [], clientMsgId = uniqueId()} = {}) {
        const data = {...to, content, messageType, ...(atUserIds.length ? {atUserIds} : {}), clientMsgId};
        return {clientMsgId, done: this.outbox.add(data).done};
    }

    // --- what is heard --------------------------------------------------------------------------------------------------------------

    hear(text) {
        const {type, data} = JSON.parse(text);
        if (data) HEARD[type]?.(this, data);
    }

    heardMessage(message) {
        if (message.senderId === this.userId) this.outbox.acknowledged(message);
        this.order.take(message);
        if (this.order.place(message.conversationId).waiting.size) this.sync();
        else this.acknowledge();
    }

    async heardError({code, message, clientMsgId}) {
        if (clientMsgId && !LATER.has(code)) {
            this.outbox.refused(clientMsgId, code, message);
            this.emit('refused', {clientMsgId, code, message});
        }
        if (code === 1003) this.session.over(new Refusal(code, message));
        if (code === 401) {
            this.hangUp();
            this.move('waiting');
            try {
                await this.session.renew();
            } catch { /* over: stopped already; or nothing is there */ }
            this.reconnect();
        }
    }
}

const talk = (client, data) => {
    const {event, ...message} = data;
    if (event === 'MESSAGE') client.heardMessage(message);
    else if (event === 'RECALL') client.emit('recall', data);
    else if (event === 'READ') client.emit('read', data);
    else if (event === 'SET') client.emit('set', message);
    else client.emit('group', data);
};

const SYSTEM = {
    ERROR: (client, data) => client.heardError(data),
    KICK: (client, {reason}) => { client.kickReason = reason; },        // the end of the socket follows, and says of whom
    BANNED: (client, {reason}) => client.session.over(new Refusal(1003, reason)),
    NOTICE: (client, {event, ...notice}) => client.notice(notice),
    READ: (client, {maxSeq}) => client.emit('noticesRead', {maxSeq}),
    SELF: (client, {event, ...data}) => client.emit('self', data),
    WALLET: (client, data) => client.emit('wallet', data),
    RED_PACKET: (client, data) => client.emit('redPacket', data),
};

const HEARD = {
    HEARTBEAT(client, {news, serverTime}) {
        clearTimeout(client.deafTimer);
        client.emit('clock', serverTime);
        client.order.told(client.telling ?? []);
        client.telling = [];
        if (client.order.untold().length) client.acknowledge();
        if (news) client.sync();
    },
    PRIVATE_MESSAGE: talk,
    GROUP_MESSAGE: talk,
    FRIEND_REQUEST: (client, data) => client.emit('friend', data),
    SYSTEM_MESSAGE: (client, data) => SYSTEM[data.event]?.(client, data),
    RTC_CALL: (client, data) => client.emit('call', data),
};
