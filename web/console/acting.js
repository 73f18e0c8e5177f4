// What acts of several screens have in common.
import { ask, clock, me } from './api.js';
import { t } from './say.js';

export const reason = { name: 'reason', label: '原因|Reason', max: 200 };
export const needed = { ...reason, required: true };
export const days = { name: 'duration', label: '天数|Days', kind: 'number', min: 1, max: 36500, note: '不填则直到解除|until lifted when left empty' };

const HOURS = { 1: '最近 1 小时|of the last hour', 24: '最近 24 小时|of the last 24 hours', 168: '最近 7 天|of the last 7 days', 720: '最近 30 天|of the last 30 days' };

// Taking back what somebody sent, beside a ban.  here: it is no field of the API.
export const removal = { name: 'removal', label: '同时撤回其消息|Recall his messages too', kind: 'choice', none: '不撤回|none', choices: HOURS, needs: 'message.recall', here: true };

const SETTLES = 8000;    // a message is found some seconds after it was sent
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function recallPage(path, filter, why, seen) {
    const { records } = await ask('GET', path, { ...filter, size: 100, order: 'asc' });
    for (const message of records.filter(one => !one.isRecalled && one.messageType <= 6 && !seen.has(one.id))) {
        seen.add(message.id);
        await ask('POST', '/im/message/recall', { id: message.id, reason: why });
    }
    return records.length === 100;
}

// Recalls what the user has sent in these hours, and what was not to be found yet; told(n) says how many.
export async function recallAll(userId, hours, why, told) {
    const seen = new Set();
    const since = clock(-hours * 3600000);
    const end = Date.now() + SETTLES;
    for (let before = -1; before !== seen.size || Date.now() < end;) {
        before = seen.size;
        for (const path of ['/im/message/private/list', '/im/message/group/list'])
            for (let page = 1; await recallPage(path, { userId, startTime: since, page }, why, seen); page++)
                told(recalled(seen));
        told(recalled(seen));
        if (before === seen.size && Date.now() < end)
            await wait(SETTLES / 4);
    }
}

const recalled = seen => t('已撤回 {n} 条消息|{n} messages recalled', { n: seen.size });

// Not what is one's own.
export const foreign = row => !me().userId || row.userId !== me().userId;

// Who did it, when, and what: 'alice 于 2026-01-01 12:00:00 已批准'.
export const dealt = (name, time, what) => t('{name} 于 {time} 处理：{what}|{what} by {name}, {time}', { name: name ?? '–', time: time ?? '–', what: t(what) });

// Numbers in a text, however they are separated.
export const idsOf = text => String(text ?? '').split(/[^0-9]+/).filter(Boolean).map(Number);
