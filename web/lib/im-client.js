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
        if (this.account !== this.userId) {
            this.order.places.clear();
            this.noticeSeq = 0;
        }
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
            if (fresh) await this.overview();
            if (this.options.from === 'start' || this.order.holes().length || !fresh) await this.pull();
            await this.notices();
            for (const [conversationId, place] of this.order.holes()) await this.fill(conversationId, place);
        } catch {
            if (line && this.line === line) this.lose();        // the connection is there, what was asked is not
            return;
        }
        if (!this.line || this.line !== line) return;
        this.synced = line;
        this.move('ready');
        if (fresh) this.emit('ready');
        this.heartbeat();
    }

    async overview() {
        const list = await this.call('GET', '/conversation/list');
        const {from} = this.options;
        for (const {conversationId, lastSeq, type, targetId} of list) {
            const place = this.order.place(conversationId);
            if (!place.upto && !place.begun && from !== 'start') {
                this.order.begin(conversationId, from[conversationId] ?? Math.min(lastSeq, ...[...place.waiting.keys()].map(seq => seq - 1)));
            }
            place.begun = true;
            place.last = Math.max(place.last, lastSeq);
            place.with = type === 'GROUP' ? {groupId: targetId} : {friendId: targetId};
        }
        this.emit('conversations', list);
    }

    async pull() {
        for (const kind of ['private', 'group']) {
            for (let minId = 0; ; ) {
                const messages = await this.call('GET', `/message/${kind}/pullOfflineMessage`, {minId});
                for (const message of messages) this.arrived(message);
                if (!(messages.at(-1)?.id > minId)) break;          // what is not acknowledged is told again in the end
                minId = messages.at(-1).id;
            }
        }
    }

    arrived(message) {
        const place = this.order.place(message.conversationId);
        place.with ||= message.groupId ? {groupId: message.groupId}
            : {friendId: message.senderId === this.userId ? message.receiverId : message.senderId};
        this.order.take(message);
    }

    // From history, back from the newest; what is not there either never comes.
    async fill(conversationId, place) {
        if (place.last - place.upto > this.options.gap) {
            const from = place.upto + 1;
            this.order.goOn(conversationId, place.last + 1);
            return this.emit('gap', {conversationId, from, to: place.upto});
        }
        const kind = place.with?.groupId ? 'group' : 'private';
        const upto = place.last;
        const missing = () => upto > place.upto;
        for (let page = 1; missing(); page++) {
            let answer;
            try {
                answer = await this.call('GET', `/message/${kind}/history`, {...place.with, page, size: 40});
            } catch (error) {
                if (![400, 404, 2001, 3001, 3002].includes(error.code)) throw error;
                break;                                  // no longer for us to see
            }
            for (const message of answer.records.reverse()) this.arrived(message);
            if (page * 40 >= answer.total) break;
        }
        while (missing()) this.order.goOn(conversationId, Math.min(upto + 1, ...place.waiting.keys()));
    }

    async notices() {
        if (this.noticed === this.line) return;
        const notices = await this.call('GET', '/message/system/pullOfflineMessage');
        for (const notice of notices) this.notice(notice);
        this.noticed = this.line;
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

    // regular: the one of every 20 seconds, whose answer is asked what is pending; while messages are coming some always are.
    heartbeat(regular = false) {
        if (!this.socket || this.state !== 'ready') return;
        this.regular = regular;
        this.telling = this.order.untold();
        this.write('HEARTBEAT', this.status ? {received: this.telling, status: this.status} : {received: this.telling});
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
        this.arrived(message);
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
            } catch {
                // over: stopped already; or nothing is there
            }
            this.reconnect();
        }
    }
}

const talk = (client, data) => {
    const {event, ...message} = data;
    if (event === 'MESSAGE') client.heardMessage(message);
    else if (event === 'RECALL') client.emit('recall', data);
    else if (event === 'READ') client.emit('read', data);
    else client.emit('group', data);
};

const SYSTEM = {
    ERROR: (client, data) => client.heardError(data),
    KICK: (client, {reason}) => { client.kickReason = reason; },        // the end of the socket follows, and says of whom
    BANNED: (client, {reason}) => client.session.over(new Refusal(1003, reason)),
    NOTICE: (client, {event, ...notice}) => client.notice(notice),
    WALLET: (client, data) => client.emit('wallet', data),
    RED_PACKET: (client, data) => client.emit('redPacket', data),
};

const HEARD = {
    HEARTBEAT(client, {pending, serverTime}) {
        clearTimeout(client.deafTimer);
        client.emit('clock', serverTime);
        client.order.told(client.telling ?? []);
        client.telling = [];
        if (client.order.untold().length) client.acknowledge();
        else if (pending > 0 && client.regular) client.sync();
    },
    PRIVATE_MESSAGE: talk,
    GROUP_MESSAGE: talk,
    FRIEND_REQUEST: (client, data) => client.emit('friend', data),
    SYSTEM_MESSAGE: (client, data) => SYSTEM[data.event]?.(client, data),
    RTC_CALL: (client, data) => client.emit('call', data),
};
