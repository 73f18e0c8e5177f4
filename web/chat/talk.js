// The messages of one conversation that are in the page: a stretch without holes, from history backwards and from the socket
// forwards, with what is on its way behind it.

import {t} from '../lib/ui.js';
import {client, api, targetOf, withOf} from './model.js';

const PAGE = 40;
const MOST = 1200;      // messages kept; beyond that the far end is dropped and read again when somebody comes back to it

export class Thread {
    constructor(key) {
        Object.assign(this, {key, items: [], going: [], total: 0, loaded: false, loading: null, error: null, atEnd: true, cut: false, target: 0, version: 0});
        this.watchers = new Set();
        this.packets = new Map();       // id => what is known of it
        this.isGroup = key[0] === 'g';
        this.conversationId = null;
        for (const item of client.outbox.items) {
            const {groupId, receiverId} = item.data;
            if ((groupId ? `g${groupId}` : `p${receiverId}`) === key) this.goes(item.data, item.done);
        }
    }

    watch(watcher) {
        this.watchers.add(watcher);
        return () => this.watchers.delete(watcher);
    }

    changed() {
        this.version++;
        for (const watcher of [...this.watchers]) watcher();
    }

    get more() { return this.items.length ? this.items[0].seq > 1 && !this.whole : false; }

    // The newest of them, or those next to beforeSeq or afterSeq.
    page(where = {}) {
        const args = {...withOf(this.key), size: PAGE, ...where};
        return this.isGroup ? api.messageGroupHistory(args) : api.messagePrivateHistory(args);
    }

    // The newest page; of a private chat also how far the other one has read.
    load() {
        return this.loading ||= this.newest().finally(() => { this.loading = null; this.changed(); });
    }

    async newest() {
        try {
            const [{records, total}, readId] = await Promise.all([this.page(),
                this.isGroup ? 0 : api.messagePrivateMaxReadedId({friendId: withOf(this.key).friendId})]);
            this.total = total;
            this.error = null;
            this.loaded = true;
            this.merge(records);
            if (!this.isGroup) this.readUpTo(readId);
        } catch (error) {
            this.error = error;
            this.loaded ||= error.code === 2001;
        }
    }

    // Into the stretch; what does not touch it replaces it.  seq has a hole where a backup was put back, so of what was asked for
    // as the page next to the stretch it is known that it touches.
    merge(records, touches = false) {
        if (!records.length) return;
        records.sort((one, other) => one.seq - other.seq);
        this.conversationId = records[0].conversationId;
        const {items} = this;
        const [first, last] = [records[0].seq, records.at(-1).seq];
        if (!touches && items.length && (first > items.at(-1).seq + 1 || last < items[0].seq - 1)) {
            this.items = records;
            this.whole = false;
        } else {
            const bySeq = new Map([...items, ...records].map(one => [one.seq, one]));
            this.items = [...bySeq.values()].sort((one, other) => one.seq - other.seq);
        }
        for (const one of records) this.arrivedOwn(one);
        if (this.items[0].seq === 1 || records.length < PAGE && records.length >= this.total) this.whole = true;
        this.changed();
    }

    // Reads a page into the stretch: one at a time.
    async extend(where, then) {
        if (this.loading) return;
        this.loading = this.page(where).then(({records, total}) => {
            this.total = total;
            this.merge(records, true);
            then(records);
        }, error => { this.error = error; }).finally(() => { this.loading = null; this.changed(); });
        await this.loading;
    }

    // What is before the first of the stretch.
    async older() {
        if (!this.more) return;
        await this.extend({beforeSeq: this.items[0].seq}, records => {
            if (!records.length) this.whole = true;
            if (this.items.length > MOST) {
                if (!this.cut) this.lastSeq = this.items.at(-1).seq;
                this.items = this.items.slice(0, MOST - 400);
                this.cut = true;
            }
        });
    }

    // What is behind its last, where it had been cut.
    async newer() {
        if (!this.cut) return;
        await this.extend({afterSeq: this.items.at(-1).seq}, records => {
            if (!records.length || this.items.at(-1).seq >= this.lastSeq) this.cut = false;
            if (this.items.length > MOST) {
                this.items = this.items.slice(400 - MOST);
                this.whole = false;
            }
        });
    }

    // Back at the newest, when the stretch had been cut there.
    async reset() {
        this.items = [];
        this.cut = this.whole = false;
        await this.load();
    }

    // To a message somewhere: what is around it is read, and whoever shows the thread goes there (target).
    async jump(seq) {
        if (!this.items.some(one => one.seq === seq)) {
            await this.loading;
            this.lastSeq = Math.max(this.cut ? this.lastSeq : this.items.at(-1)?.seq ?? 0, seq);
            this.items = [];
            this.whole = false;
            this.cut = true;
            await this.extend({beforeSeq: seq + PAGE / 2}, () => { this.cut = (this.items.at(-1)?.seq ?? 0) < this.lastSeq; });
        }
        this.target = seq;
        this.changed();
    }

    refresh() { if (this.loaded && !this.cut) this.load(); else if (this.error) this.load(); }

    add(message) {
        this.conversationId = message.conversationId;
        this.arrivedOwn(message);
        if (this.cut) {
            this.lastSeq = message.seq;
        } else if (this.items.length && message.seq > this.items.at(-1).seq + 1) {
            this.refresh();
        } else if (!this.items.length || message.seq > this.items.at(-1).seq) {
            this.items = [...this.items, message];
            if (message.seq === 1) this.whole = this.loaded = true;
            if (this.atEnd && this.items.length > MOST) {
                this.items = this.items.slice(-400);
                this.whole = false;
            }
        }
        if (!this.isGroup && message.senderId !== client.userId) this.readUpTo(0);
        this.changed();
    }

    recalled(id) {
        this.items = this.items.map(one => one.id === id ? {...one, isRecalled: true, content: ''} : one);
        this.changed();
    }

    readUpTo(id) {
        this.readId = Math.max(this.readId ?? 0, id);
        this.changed();
    }

    readUpToSeq(seq) {
        this.readSeq = Math.max(this.readSeq ?? 0, seq);
        this.changed();
    }

    // 1 sent, 2 delivered, 3 read
    statusOf(message) { return this.isGroup ? 0 : message.id <= (this.readId ?? 0) || message.seq <= (this.readSeq ?? 0) ? 3 : message.status; }

    // --- what is said here ----------------------------------------------------------------------------------------------------

    say(content, more = {}) {
        const {clientMsgId, done} = client.send(targetOf(this.key), content, more);
        this.goes({content, messageType: more.messageType ?? 1, atUserIds: more.atUserIds ?? [], clientMsgId}, done);
        return done;
    }

    goes(data, done) {
        this.going = [...this.going.filter(one => one.clientMsgId !== data.clientMsgId),
            {...data, atUserIds: data.atUserIds ?? [], senderId: client.userId, going: 'sending'}];
        done.catch(error => this.refused(data.clientMsgId, error.code, error.message));
        this.changed();
    }

    arrivedOwn(message) {
        if (!message.clientMsgId || message.senderId !== client.userId) return;
        const still = this.going.filter(one => one.clientMsgId !== message.clientMsgId);
        if (still.length !== this.going.length) this.going = still;
    }

    refused(clientMsgId, code, message) {
        if (!this.going.some(one => one.clientMsgId === clientMsgId)) return;
        this.going = this.going.map(one => one.clientMsgId === clientMsgId ? {...one, going: 'refused', why: message || t('没有发出'), code} : one);
        this.changed();
    }

    again(one) {
        this.drop(one);
        this.say(one.content, {messageType: one.messageType, atUserIds: one.atUserIds}).catch(() => {});
    }

    drop(one) {
        this.going = this.going.filter(other => other !== one);
        this.changed();
    }

    // --- uploads under way: {id, name, part, preview} -----------------------------------------------------------------------

    uploads = [];

    setUpload(id, change) {
        this.uploads = change === null ? this.uploads.filter(one => one.id !== id)
            : this.uploads.some(one => one.id === id) ? this.uploads.map(one => one.id === id ? {...one, ...change} : one) : [...this.uploads, {id, ...change}];
        this.changed();
    }

    packet({redPacketId, action}) {
        if (action === 'ROBBED') return;
        this.packets.set(redPacketId, action);
        this.changed();
    }
}
