// How values are shown: a column or field of a screen names one of these as show.
import { html } from '../parts/preact/standalone.module.js';
import { may } from './api.js';
import { place } from './way.js';
import { t, tag } from './say.js';

const none = html`<span class="muted">–</span>`;

export const plain = value => value === null || value === undefined || value === '' ? none : String(value);
export const yes = value => value ? t('是|yes') : t('否|no');
export const number = value => value === null || value === undefined ? none : Number(value).toLocaleString(tag);
export const money = value => value === null || value === undefined ? none
    : html`<span class=${Number(value) < 0 ? 'figure less' : 'figure'}>${Number(value).toLocaleString(tag, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}</span>`;

export function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
    return html`<span class="figure">${(value / 1024 ** power).toLocaleString(tag, { maximumFractionDigits: power ? 1 : 0 })} ${units[power]}</span>`;
}

// Of a few values each has a name and a tone: good, bad, open or none.
export const choice = choices => value => {
    const [name, tone = ''] = [].concat(choices[value] ?? String(value ?? ''));
    return name ? html`<span class=${`state ${tone}`}>${t(name)}</span>` : none;
};

export const link = (to, text) => html`<a href=${to}>${text}</a>`;

const THINGS = {
    user: ['users', 'user.read', id => ({ userId: id, open: id })],
    group: ['groups', 'group.read', id => ({ groupId: id, open: id })],
    message: ['messages', 'message.read', id => ({ open: id })],
    complaint: ['complaints', 'complaint.read', id => ({ status: '', open: id })],
    recharge: ['recharges', 'recharge.read', id => ({ id, open: id })],
    withdraw: ['withdrawals', 'withdraw.read', id => ({ id, open: id })],
    redpacket: ['packets', 'redpacket.read', id => ({ open: id })],
    admin: ['admins', 'admin.read', id => ({ open: id })],
    file: ['files', 'file.read', id => ({ open: id })],
    gotBy: ['recipients', 'notice.read', id => ({ id })],
    fundsOf: ['funds', 'fund.read', id => ({ userId: id })],
    packetsOf: ['packets', 'redpacket.read', id => ({ userId: id })],
    rechargesOf: ['recharges', 'recharge.read', id => ({ userId: id, status: '' })],
    withdrawalsOf: ['withdrawals', 'withdraw.read', id => ({ userId: id, status: '' })],
    messagesOf: ['messages', 'message.read', id => ({ userId: id })],
    groupMessagesOf: ['groupMessages', 'message.read', id => ({ userId: id })],
    membersOf: ['members', 'group.read', id => ({ groupId: id })],
    inGroup: ['groupMessages', 'message.read', id => ({ groupId: id })],
    filesOf: ['files', 'file.read', id => ({ userId: id })],
    complaintsOf: ['complaints', 'complaint.read', id => ({ status: '', complainerId: id })],
    aboutUser: ['complaints', 'complaint.read', id => ({ status: '', targetType: 1, targetId: id })],
    aboutGroup: ['complaints', 'complaint.read', id => ({ status: '', targetType: 2, targetId: id })],
    actsOn: ['audit', 'audit.read', id => ({ target: id })],
    actsOf: ['audit', 'audit.read', id => ({ adminId: id })],
    hitsOf: ['hits', 'message.read', id => ({ word: id })],
};

// A link to a thing, or its name alone for who may not look at it.
export function thing(kind, id, text = id) {
    const [screen, permission, query] = THINGS[kind] || [];
    if (id === null || id === undefined)
        return none;
    return screen && may(permission) ? link(place(screen, query(id)), text) : html`<span>${text}</span>`;
}

// Links that someone may follow, side by side.
export const things = (...links) => links.filter(([kind]) => may(THINGS[kind][1])).map(([kind, id, text]) => thing(kind, id, t(text)));

// A person by number and name.
export const person = (id, name) => (value, row) => row[id] === null ? none : thing('user', row[id], name && row[name] ? `${row[name]} · ${row[id]}` : row[id]);
export const groupOf = (id, name) => (value, row) => thing('group', row[id], name && row[name] ? `${row[name]} · ${row[id]}` : row[id]);

// 'user 10001', as the record and the ledger name things.
export function named(value) {
    const [kind, id] = String(value ?? '').split(' ');
    return id && THINGS[kind] ? thing(kind, id, value) : plain(value);
}

// An object, a field a line.
export function fields(value) {
    if (!value)
        return none;
    const text = one => typeof one === 'object' && one !== null ? JSON.stringify(one) : String(one);
    return html`<ul class="fields">${Object.entries(value).map(([name, one]) => html`<li><b>${name}</b> ${text(one)}</li>`)}</ul>`;
}

export const code = value => value ? html`<code>${value}</code>` : none;
