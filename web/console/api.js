// The backstage's API: one function to ask with, the session behind it, and the server's clock.
import { english } from './say.js';

const KEPT = 'im.console';

// What the server says no with.  code 0: it could not be reached.
class Refusal extends Error {
    constructor(code, message) {
        super(message);
        this.code = code;
    }
}

let session = JSON.parse(sessionStorage.getItem(KEPT) || 'null');    // {token, renewAt, self}
let renewing = null;
let skew = 0;    // the server's clock is so many milliseconds ahead of this one
let zone = 0;    // and its time of day so many ahead of UTC

export const me = () => session?.self;
export const may = permission => !permission || !!session?.self?.permissions.includes(permission);

function keep(next) {
    session = next;
    if (next)
        sessionStorage.setItem(KEPT, JSON.stringify(next));
    else
        sessionStorage.removeItem(KEPT);
}

// The session is over: whoever shows things asks for a log-in.
function over() {
    if (!session)
        return;
    keep(null);
    dispatchEvent(new Event('im-over'));
}

function take(answer) {
    keep({ ...session, token: answer.accessToken, renewAt: Date.now() + answer.accessTokenExpiresIn * 500 });
}

async function send(method, path, fields, token) {
    const given = Object.entries(fields || {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
    const query = method === 'GET' && given.length ? `?${new URLSearchParams(given)}` : '';
    const headers = { 'Accept-Language': english ? 'en' : 'zh' };
    if (token)
        headers.Authorization = `Bearer ${token}`;
    if (method !== 'GET')
        headers['Content-Type'] = 'application/json';
    const body = method === 'GET' ? undefined : JSON.stringify(Object.fromEntries(given));
    try {
        return await fetch(path + query, { method, headers, body, cache: 'no-store' });
    } catch {
        throw new Refusal(0, english ? 'the server cannot be reached' : '无法连接服务器');
    }
}

async function read(answer) {
    const date = Date.parse(answer.headers.get('Date'));
    if (date)
        skew = date - Date.now();
    const { code, message, data } = await answer.json().catch(() => ({ code: answer.status, message: answer.statusText }));
    if (code === 200)
        return data;
    if (code === 401)
        over();
    throw new Refusal(code, message);
}

// A token past half of its life is renewed before it is used, once for all that ask meanwhile.
async function token() {
    if (session && Date.now() > session.renewAt) {
        renewing ||= send('POST', '/im/self/renew', {}, session.token).then(read).then(take).finally(() => renewing = null);
        await renewing;
    }
    return session?.token;
}

// Data of the answer; fields that are empty are not sent.
export async function ask(method, path, fields) {
    return read(await send(method, path, fields, await token()));
}

// A file of the answer: a Blob.
export async function fetchFile(path, fields) {
    const answer = await send('GET', path, fields, await token());
    if (/json/.test(answer.headers.get('Content-Type')))
        await read(answer);
    return answer.blob();
}

export async function logIn(fields) {
    take(await read(await send('POST', '/login', fields)));
    await refresh();
}

export const captcha = async () => read(await send('GET', '/captcha'));

// Reads anew who one is and what he may do, and what time it is there.
export async function refresh() {
    const self = await ask('GET', '/im/self');
    keep({ ...session, self });
    const { time } = await ask('GET', '/im/stat/overview');
    if (time)
        zone = Math.round((stamp(time) - Date.now() - skew) / 900000) * 900000;
}

export async function logOut() {
    await ask('POST', '/im/logout').catch(() => {});
    over();
}

// --- time, which the server tells as its own time of day ---

const stamp = text => Date.parse(`${text.replace(' ', 'T')}Z`);

// Milliseconds from now until then.
export const until = text => stamp(text) - zone - Date.now() - skew;

// The server's time of day in so many milliseconds.
export const clock = (later = 0) => new Date(Date.now() + skew + zone + later).toISOString().slice(0, 19).replace('T', ' ');
