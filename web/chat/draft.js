// What was typed and not sent, by account and conversation: it outlives the page and the session.

import {client} from './model.js';

const cache = new Map();
const nameOf = key => `im.draft.${client.account}.${key}`;

export function draftOf(key) {
    const name = nameOf(key);
    if (!cache.has(name)) cache.set(name, client.store.get(name) ?? '');
    return cache.get(name);
}

export function keepDraft(key, text) {
    const name = nameOf(key);
    cache.set(name, text);
    client.store.set(name, text === '' ? null : text);
}
