// What is told while nobody looks: a count in the title, and a notification when the browser allows it.

import {t} from '../lib/ui.js';
import {nameOf, conversationOf, go} from './model.js';
import {brief} from './brief.js';

export function showCount(count) {
    document.title = count ? `(${count > 99 ? '99+' : count}) IM Chat` : 'IM Chat';
    navigator.setAppBadge?.(count).catch(() => {});
}

export function notifyMessage(key, message, mentioned) {
    const {name} = conversationOf(key);
    const who = message.groupId ? `${nameOf(message.senderId)}: ` : '';
    notify(mentioned ? t('{0}（有人@我）', name) : name, who + brief(message), key, () => go(`c/${key}`));
}

export const notifyCall = ({callId, fromId, mode}) => notify(nameOf(fromId), mode === 1 ? t('邀请你视频通话') : t('邀请你语音通话'), callId);

function notify(title, body, tag, clicked) {
    if (document.visibilityState === 'visible' || globalThis.Notification?.permission !== 'granted') return;
    try {
        const shown = new Notification(title, {body, tag});
        shown.onclick = () => { focus(); clicked?.(); shown.close(); };
    } catch {
        // Android's browsers have the name, and throw
    }
}

export const mayNotify = () => globalThis.Notification?.permission ?? 'none';
export const askToNotify = () => Notification.requestPermission();
