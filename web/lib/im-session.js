// A log-in and what can be asked with it: the part of the client kit that knows HTTP and tokens, and nothing of chat.
//
//     const session = new Session({url: 'http://host:8080', transport: browser(), store: memory()});
//     await session.login({username: 'ann', password: '…'});
//     await session.call('GET', '/friend/find/{userId}', {userId: 10002});
//
// An answer other than 200 is thrown as Refusal, with its code.  A token that has expired is renewed once, however many calls
// wait for it; what is being restarted is asked again as long as it is harmless: GET always, others when they carry a key
// that makes a repetition harmless (args.clientMsgId, or the option key, sent as Idempotency-Key).

export class Refusal extends Error {
    constructor(code, message, data) {
        super(message || String(code));
        this.name = 'Refusal';
        this.code = code;           // as in im-codes(7); 0: nothing was reached
        this.data = data;
    }
}

const BUSY = new Set([429, 500, 502, 504]);

export const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

// Where the session is kept between two starts: get, set (null removes) and keys, of texts.  This one forgets.
export function memory() {
    const kept = new Map();
    return {
        get: key => kept.get(key) ?? null,
        set: (key, value) => { value === null ? kept.delete(key) : kept.set(key, value); },
        keys: () => [...kept.keys()],
    };
}

export class Session {
    // options: url, transport, store; name: under which the store has it; renew: how a token is renewed, as
    // async (session) => the data of a log-in; tries: how often what is busy is asked.
    constructor({url = '', transport, store = memory(), name = 'im.session', renew = byRefreshToken, tries = 6}) {
        Object.assign(this, {url: url.replace(/\/$/, ''), transport, store, name, tries, clock: null});
        this.renewing = null;
        this.renewBy = renew;
        this.listeners = new Set();
        this.load();
    }

    load() {
        try {
            this.tokens = JSON.parse(this.store.get(this.name) || 'null');
        } catch {
            this.tokens = null;
        }
        return this.tokens;
    }

    get userId() { return this.tokens?.userId ?? null; }

    // Called with the code when the session is over: 401 (log in again) or 1003 (banned).
    onOver(listener) {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    keep(data) {
        this.tokens = data && {...this.tokens, ...data};
        this.store.set(this.name, data && JSON.stringify(this.tokens));
        return this.tokens;
    }

    async login(fields) {
        this.tokens = null;
        return this.keep(await this.call('POST', '/login', fields, {open: true}));
    }

    async logout(fields = {}) {
        try {
            if (this.tokens) await this.call('POST', '/logout', fields);
        } finally {
            this.keep(null);
        }
    }

    // Another page of the same browser may have renewed, or logged out, meanwhile: the store knows.
    async renew(used = this.tokens?.accessToken) {
        const before = this.tokens;
        const stored = this.load();
        if (stored?.accessToken && stored.accessToken !== used) return stored;
        this.tokens = stored || before;
        return this.renewing ||= this.renewBy(this)
            .then(data => this.keep(data), error => { throw this.over(error); })
            .finally(() => { this.renewing = null; });
    }

    over(error) {
        if (error.code === 401 || error.code === 1003) {
            this.keep(null);
            for (const listener of this.listeners) listener(error.code, error);
        }
        return error;
    }

    // method and path as the contract has them; args fill {names} of the path, the rest is the query of GET and the body of
    // the others.  options: key (Idempotency-Key), form (a FormData instead of args), open (no token), progress, signal.
    async call(method, path, args = {}, options = {}) {
        const again = method === 'GET' || options.key || options.repeat || args.clientMsgId;
        for (let tried = 0, renewed = false; ; tried++) {
            const used = options.open ? null : this.tokens?.accessToken;
            let answer;
            try {
                answer = await this.transport.request(this.request(method, path, args, options, used));
            } catch (error) {
                if (error?.name === 'AbortError') throw error;
                answer = {code: 0, message: 'no connection'};
            }
            const code = answer.code;
            if (code === 200) return answer.data;
            const refusal = new Refusal(code, answer.message, answer.data);
            if (options.open) throw refusal;
            if (code === 1003) throw this.over(refusal);
            if (code === 401) {
                if (renewed || !this.tokens) throw this.over(refusal);
                renewed = true;
                await this.renew(used);
            } else if (BUSY.has(code) && again && tried < this.tries) {
                await sleep((0.5 + Math.random()) * Math.min(200 * 2 ** tried, 5000));
            } else {
                throw refusal;
            }
        }
    }

    request(method, path, args, {key, form, progress, signal}, token) {
        const rest = {...args};
        let address = path.replace(/\{(\w+)\}/g, (whole, name) => {
            const value = rest[name];
            delete rest[name];
            return encodeURIComponent(value);
        });
        const headers = {};
        if (token) headers.Authorization = `Bearer ${token}`;
        if (key) headers['Idempotency-Key'] = key;
        let body;
        if (form) {
            body = form;
        } else if (method === 'GET') {
            const query = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null)
                .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
            if (query) address += `?${query}`;
        } else if (Object.keys(rest).length) {
            headers['Content-Type'] = 'application/json';
            body = JSON.stringify(rest);
        }
        return {method, url: this.url + address, headers, body, progress, signal};
    }
}

async function byRefreshToken(session) {
    if (!session.tokens?.refreshToken) throw new Refusal(401, 'not logged in');
    for (let tried = 0; ; tried++) {
        try {
            return await session.call('PUT', '/refreshToken', {refreshToken: session.tokens.refreshToken}, {open: true});
        } catch (error) {
            if (error.code === 401 || error.code === 1003 || tried >= session.tries) throw error;
            await sleep((0.5 + Math.random()) * Math.min(200 * 2 ** tried, 2000));
        }
    }
}
