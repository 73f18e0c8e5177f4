// What is said and not yet acknowledged: one after the other, again until it is, and kept in a store meanwhile, so that it
// goes out after a restart of the program too.

import {Refusal} from './im-session.js';

export class Outbox {
    // write(type, data) puts a frame on the socket when there is one, and says whether.
    constructor(store, write) {
        Object.assign(this, {store, write, items: [], sending: null});
    }

    // Another account's, from the store; what it had said before its program ended.
    load(userId) {
        this.prefix = `im.out.${userId}.`;
        this.items = this.items.filter(item => item.key.startsWith(this.prefix));
        const have = new Set(this.items.map(item => item.key));
        const kept = this.store.keys().filter(key => key.startsWith(this.prefix) && !have.has(key)).map(key => ({key, ...JSON.parse(this.store.get(key))}));
        for (const {key, data} of kept.sort((one, other) => one.at - other.at)) this.items.push(promised({key, data}));
    }

    add(data) {
        const item = promised({data, key: `${this.prefix}${data.clientMsgId}`});
        this.store.set(item.key, JSON.stringify({at: Date.now(), data}));
        this.items.push(item);
        this.transmit();
        return item;
    }

    // The first is on its way until it is answered.
    transmit(again = false) {
        const item = this.items[0];
        if (!item || (this.sending === item && !again)) return;
        if (this.write(item.data.groupId ? 'GROUP_MESSAGE' : 'PRIVATE_MESSAGE', item.data)) this.sending = item;
    }

    acknowledged(message) { this.settle(message.clientMsgId, item => item.resolve(message)); }

    refused(clientMsgId, code, message) { this.settle(clientMsgId, item => item.reject(new Refusal(code, message, item.data))); }

    settle(clientMsgId, act) {
        const index = this.items.findIndex(item => item.data.clientMsgId === clientMsgId);
        if (index < 0) return;
        const [item] = this.items.splice(index, 1);
        this.store.set(item.key, null);
        act(item);
        this.transmit();
    }
}

function promised(item) {
    item.done = new Promise((resolve, reject) => Object.assign(item, {resolve, reject}));
    item.done.catch(() => {});                      // the event refused says it too
    return item;
}

export function uniqueId() {
    const bytes = globalThis.crypto.getRandomValues(new Uint8Array(12));
    return `${Date.now().toString(36)}-${[...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')}`;
}
