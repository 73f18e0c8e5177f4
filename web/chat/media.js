// Files want the token, which an address in the page must not carry: they are fetched, and shown from memory.

import {html, t, useState, useEffect, useRef, Face, fault} from '../lib/ui.js';
import {client} from './model.js';

const MOST = 120;
const kept = new Map();         // url => {promise, address}

export const isOurs = url => /^(?:\/|https?:)/.test(url ?? '') && /\/file\/download\?url=/.test(url);

// The path behind this API's address, whatever host the url names.
const pathOf = url => url.slice(url.indexOf('/file/download?'));

async function fetchFile(url, again = true) {
    const used = client.session.tokens?.accessToken;
    const answer = await fetch(client.session.url + pathOf(url), {headers: {Authorization: `Bearer ${used}`}, credentials: 'omit'});
    const code = answer.headers.get('X-IM-Code');
    if ((answer.status === 401 || code === '401') && again) {
        await client.session.renew(used);
        return fetchFile(url, false);
    }
    if (!answer.ok || (code && code !== '200')) throw new Error(t('文件打不开'));
    return answer.blob();
}

// An address for src; the longest unused are given back.
export function addressOf(url) {
    let one = kept.get(url);
    if (one) {
        kept.delete(url);
    } else {
        one = {promise: fetchFile(url).then(blob => one.address = URL.createObjectURL(blob))};
        one.promise.catch(() => kept.delete(url));
    }
    kept.set(url, one);
    if (kept.size > MOST) {
        const [oldest, {address}] = kept.entries().next().value;
        kept.delete(oldest);
        if (address) setTimeout(() => URL.revokeObjectURL(address), 60000);
    }
    return one;
}

// undefined: on its way; null: cannot be had.
export function useFile(url) {
    const [address, set] = useState(() => isOurs(url) ? kept.get(url)?.address : null);
    useEffect(() => {
        let here = true;
        if (!isOurs(url)) { set(null); return undefined; }
        const one = addressOf(url);
        if (one.address) set(one.address);
        else one.promise.then(made => here && set(made), () => here && set(null));
        return () => { here = false; };
    }, [url]);
    return address;
}

export const Picture = ({url, ...rest}) => html`<${Face} src=${useFile(url)} ...${rest}/>`;

// An element that asks for its file only when it comes into sight.
export function useSight(margin = '400px') {
    const at = useRef();
    const [seen, set] = useState(false);
    useEffect(() => {
        if (seen) return undefined;
        const watch = new IntersectionObserver(entries => entries.some(entry => entry.isIntersecting) && set(true), {rootMargin: margin});
        watch.observe(at.current);
        return () => watch.disconnect();
    }, [seen]);
    return [at, seen];
}

// Saved under exactly its name.
export async function save(url, name) {
    try {
        const address = await addressOf(url).promise;
        const link = document.createElement('a');
        link.href = address;
        link.download = name;
        link.click();
    } catch (error) {
        fault(error);
    }
}

export function kindOf(file) {
    if (/^image\//.test(file.type) && !/svg/.test(file.type) || /\.(heic|heif)$/i.test(file.name)) return 'image';
    if (/^video\//.test(file.type)) return 'video';
    return 'file';
}

// Sends a file into a conversation: its message goes when the upload has.
export async function sendFile(thread, file, kind = kindOf(file), extra = {}) {
    const id = Symbol('upload');
    const stop = new AbortController();
    const preview = kind === 'image' ? URL.createObjectURL(file) : null;
    thread.setUpload(id, {name: file.name, size: file.size, kind, part: 0, preview, cancel: () => stop.abort()});
    try {
        const form = new FormData();
        form.append('type', kind);
        form.append('file', file, file.name);
        const data = await client.api.fileUpload({}, {form, signal: stop.signal, progress: part => thread.setUpload(id, {part})});
        const {url, fileName, fileSize, thumbUrl, width, height, duration, mimeType} = data;
        const content = {url, fileName, fileSize, thumbUrl, width, height, duration, mimeType, ...extra};
        for (const name of Object.keys(content)) if (content[name] === null) delete content[name];
        thread.say(JSON.stringify(content), {messageType: {image: 2, voice: 3, video: 4, file: 5}[kind]});
        return true;
    } catch (error) {
        if (error.name !== 'AbortError') {
            if (error.code === 7001 && kind !== 'file' && kind !== 'voice') return sendFile(thread, file, 'file');
            fault(error);
        }
        return false;
    } finally {
        thread.setUpload(id, null);
        if (preview) URL.revokeObjectURL(preview);
    }
}
