// What carries the kit: request(one) answers {code, message, data}, socket(url, handlers) opens a WebSocket.  One for
// browsers, one for Node from 18 on, which may lack WebSocket; im-uni.js has that of uni-app.

const answered = (status, text) => {
    try {
        const answer = JSON.parse(text);
        if (Number.isInteger(answer?.code)) return answer;
    } catch {
        // of a proxy, or cut
    }
    return {code: status === 200 ? 502 : status, message: `HTTP ${status}`, data: null};
};

const DEADLINE = 20000;

async function fetched({method, url, headers, body, signal}) {
    const response = await fetch(url, {method, headers, body, signal: signal || AbortSignal.timeout(DEADLINE), cache: 'no-store', credentials: 'omit'});
    return answered(response.status, await response.text());
}

// Only XMLHttpRequest tells how far an upload is.
function uploaded({method, url, headers, body, progress, signal}) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(method, url);
        for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
        request.upload.onprogress = event => event.lengthComputable && progress?.(event.loaded / event.total);
        request.onload = () => resolve(answered(request.status, request.responseText));
        request.onerror = () => reject(new TypeError('no connection'));
        request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
        signal?.addEventListener('abort', () => request.abort());
        request.send(body);
    });
}

function webSocket(Socket, url, {opened, heard, closed}) {
    const socket = new Socket(url);
    socket.onopen = () => opened();
    socket.onmessage = event => heard(event.data);
    socket.onclose = event => closed(event.code);
    return {send: text => socket.readyState === 1 && socket.send(text), close: () => socket.close()};
}

export function browser() {
    return {
        request: one => one.progress || one.body instanceof FormData ? uploaded(one) : fetched(one),
        socket: (url, handlers) => webSocket(WebSocket, url, handlers),
    };
}

// Give it the class of a library, such as ws, or nothing: then it speaks WebSocket itself, as far as this server does.
export function node({Socket = globalThis.WebSocket} = {}) {
    return {
        request: fetched,
        socket: (url, handlers) => Socket ? webSocket(Socket, url, handlers) : plainSocket(url, handlers),
    };
}

// RFC 6455 without extensions and fragments, which the server never sends.
function plainSocket(url, {opened, heard, closed}) {
    let stream = null;
    let over = false;
    let rest = null;
    const end = code => {
        if (over) return;
        over = true;
        stream?.destroy();
        closed(code);
    };
    const write = (opcode, bytes) => {
        if (!stream || over) return;
        const mask = globalThis.crypto.getRandomValues(new Uint8Array(4));
        const size = bytes.length;
        const head = size < 126 ? [size | 128] : size < 65536 ? [254, size >> 8, size & 255]
            : [255, 0, 0, 0, 0, size >>> 24, size >> 16 & 255, size >> 8 & 255, size & 255];
        stream.write(Uint8Array.from([128 | opcode, ...head, ...mask]));
        stream.write(bytes.map((byte, n) => byte ^ mask[n & 3]));
    };
    const take = chunk => {
        rest = rest?.length ? Buffer.concat([rest, chunk]) : chunk;
        while (rest.length >= 2) {
            let size = rest[1] & 127;
            let from = 2;
            if (size === 126) { from = 4; if (rest.length < from) return; size = rest.readUInt16BE(2); }
            else if (size === 127) { from = 10; if (rest.length < from) return; size = Number(rest.readBigUInt64BE(2)); }
            if (rest.length < from + size) return;
            const opcode = rest[0] & 15;
            const bytes = rest.subarray(from, from + size);
            rest = rest.subarray(from + size);
            if (opcode === 1) heard(bytes.toString('utf8'));
            else if (opcode === 9) write(10, Uint8Array.from(bytes));
            else if (opcode === 8) { write(8, Uint8Array.from(bytes)); return end(size >= 2 ? bytes.readUInt16BE(0) : 1005); }
        }
    };
    (async () => {
        const {request} = await import(url.startsWith('wss:') ? 'node:https' : 'node:http');
        const asked = request(url.replace(/^ws/, 'http'), {headers: {Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13,
            'Sec-WebSocket-Key': Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(16))).toString('base64')}});
        asked.on('upgrade', (answer, socket, first) => {
            stream = socket;
            socket.on('data', take).on('error', () => end(1006)).on('close', () => end(1006));
            if (over) return socket.destroy();
            opened();
            if (first.length) take(first);
        });
        asked.on('response', answer => { answer.resume(); end(1006); });
        asked.on('error', () => end(1006));
        asked.end();
    })();
    const encoder = new TextEncoder();
    return {send: text => write(1, encoder.encode(text)), close: () => { write(8, Uint8Array.from([3, 232])); end(1000); }};
}

// localStorage, or what is like it; a browser that has none, or no room, forgets.
export function localStore(storage = globalThis.localStorage) {
    const safe = (act, without) => {
        try {
            return act();
        } catch {
            return without;
        }
    };
    return {
        get: key => safe(() => storage.getItem(key), null),
        set: (key, value) => safe(() => value === null ? storage.removeItem(key) : storage.setItem(key, value)),
        keys: () => safe(() => Object.keys(storage), []),
    };
}
