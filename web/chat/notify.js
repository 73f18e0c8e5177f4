// What is told while nobody looks: a count in the title, and a notification when the browser allows it.

import {t} from '../lib/ui.js';
import {nameOf, conversationOf, go} from './model.js';
import {brief} from './brief.js';

export function showCount(count) {
    document.title = count ? `(${count > 99 ? '99+' : count}) IM Chat` : 'IM Chat';
    navigator.setAppBadge?.(count).catch(() => {});
}

export function notifyMessage(key, message, mentioned) {
    if (document.visibilityState === 'visible' || globalThis.Notification?.permission !== 'granted') return;
    const {name} = conversationOf(key);
    const who = message.groupId ? `${nameOf(message.senderId)}: ` : '';
    try {
        const shown = new Notification(mentioned ? t('{0}（有人@我）', name) : name, {body: who + brief(message), tag: key});
        shown.onclick = () => { focus(); go(`c/${key}`); shown.close(); };
    } catch {
        // Android's browsers have the name, and throw
    }
}

export const mayNotify = () => globalThis.Notification?.permission ?? 'none';
export const askToNotify = () => Notification.requestPermission();
