// What the pages of IM Chat share: Preact with htm, words in two languages, dialogs, what is told, and small parts.
// Whatever people wrote reaches the page as text of an element or as an attribute, never as markup.

import {html, render, h, Component, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback} from '../parts/preact/standalone.module.js';

export {html, render, h, Component, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback};

// --- words: written in Chinese where they stand, and in English in a table that only English browsers load ---------------

let english = null;

export const isChinese = /^zh\b/i.test(globalThis.navigator?.languages?.[0] ?? navigator?.language ?? 'zh');

// Before the first render: load is () => import('./en.js'), whose default is {'中文': 'English'}.
export async function speak(load) {
    if (!isChinese) english = (await load()).default;
    document.documentElement.lang = isChinese ? 'zh-CN' : 'en';
}

// {0}, {1} … in the text are the other arguments.
export function t(text, ...values) {
    const said = english ? english[text] ?? text : text;
    return values.length ? said.replace(/\{(\d)\}/g, (whole, n) => values[n] ?? whole) : said;
}

// --- times, sizes, money -------------------------------------------------------------------------------------------------

// The server tells times as yyyy-MM-dd HH:mm:ss in its zone; they are shown in the browser's.
let ahead = 0;          // milliseconds by which the server's zone is ahead of ours

const two = number => String(number).padStart(2, '0');
const written = day => `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} ${two(day.getHours())}:${two(day.getMinutes())}:${two(day.getSeconds())}`;
const parsed = time => Date.parse(time.replace(' ', 'T'));

// What time it is there: only the zone is taken of it, for clocks differ.
export function serverTime(time) { ahead = Math.round((parsed(time) - Date.now()) / 9e5) * 9e5; }

export const local = time => time && ahead ? written(new Date(parsed(time) - ahead)) : time;
export const clock = time => time ? local(time).slice(11, 16) : '';
export const today = (ago = 0) => written(new Date(Date.now() - ago * 864e5)).slice(0, 10);

export function dayOf(time) {
    const day = local(time).slice(0, 10);
    if (day === today()) return t('今天');
    if (day === today(1)) return t('昨天');
    return day.startsWith(today().slice(0, 5)) ? `${+day.slice(5, 7)}/${+day.slice(8)}` : day.replaceAll('-', '/');
}

export const shortTime = time => !time ? '' : local(time).startsWith(today()) ? clock(time) : dayOf(time);

export const money = amount => amount === null || amount === undefined ? '' : Number(amount).toFixed(2);

export function bytes(count) {
    const units = ['B', 'KB', 'MB', 'GB'];
    let unit = 0;
    while (count >= 1024 && unit < 3) { count /= 1024; unit++; }
    return `${unit && count < 10 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

export const lasting = seconds => `${Math.floor(seconds / 60)}:${two(Math.floor(seconds % 60))}`;

// --- a state that components follow --------------------------------------------------------------------------------------

// const state = follow({count: 0}); state.set({count: 1}); in a component: const {count} = useFollow(state)
export function follow(values) {
    const watchers = new Set();
    let waiting = false;
    const tell = () => {
        waiting = false;
        for (const watcher of [...watchers]) watcher();
    };
    return {
        values,
        set(change) {
            Object.assign(values, change);
            if (!waiting) { waiting = true; queueMicrotask(tell); }
        },
        watch(watcher) {
            watchers.add(watcher);
            return () => watchers.delete(watcher);
        },
    };
}

export function useFollow(state) {
    const [, again] = useState(0);
    useLayoutEffect(() => state.watch(() => again(n => n + 1)), [state]);      // nothing can change between what is drawn and this
    return state.values;
}

// What an asynchronous function answers: {data, error, again}.
export function useAsked(ask, wanted) {
    const [state, set] = useState({});
    const run = useCallback(() => {
        let here = true;
        ask().then(data => here && set({data}), error => here && set({error}));
        return () => { here = false; };
    }, wanted);
    useEffect(run, wanted);
    return {...state, again: run};
}

// A component that is loaded when it is first shown: load is () => import('./x.js').then(all => all.X)
export function later(load) {
    let part = null;
    return props => {
        const [, again] = useState(0);
        useEffect(() => { if (!part) load().then(loaded => { part = loaded; again(1); }, fault); }, []);
        return part ? html`<${part} ...${props}/>` : html`<${Spin}/>`;
    };
}

// --- icons: lines on a square of 24 --------------------------------------------------------------------------------------

const ICONS = {
    chat: 'M4 5h16v11H9l-5 4z', people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.6-3.6 3-5.5 6.500-5.500s5.900 1.900 6.500 5.500M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.700c2 .7 3.200 2.500 3.500 5.300',
    person: 'M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.7-4 3.500-6 7.500-6s6.800 2 7.500 6', wallet: 'M4 7h14.500A1.500 1.500 0 0 1 20 8.500v10a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 18.500V6.500A2 2 0 0 1 6 4.500h11M16 13.500h.01',
    back: 'M15 5l-7 7 7 7', close: 'M6 6l12 12M18 6L6 18', search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.500 4.500', plus: 'M12 5v14M5 12h14',
    more: 'M5.500 12h.01M12 12h.01M18.500 12h.01', send: 'M4 12l16-8-5 16-3.500-6.500z', smile: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.500 14c.8 1.400 2 2 3.500 2s2.700-.6 3.500-2M9 9.500h.01M15 9.500h.01',
    picture: 'M4 5h16v14H4zM4 16l4.500-4.500 4 4 2.500-2.500 5 5M15.500 9h.01', file: 'M6 3h8l4 4v14H6zM14 3v4h4', mic: 'M12 14.500a3 3 0 0 0 3-3v-5a3 3 0 0 0-6 0v5a3 3 0 0 0 3 3zM6 11.500a6 6 0 0 0 12 0M12 17.500V21',
    packet: 'M5 3.500h14v17H5zM5 8c4.500 3.500 9.500 3.500 14 0M12 10.500v4M10 12.500h4', phone: 'M6 3.500l3 .5 1.500 4-2 1.500c1 2.500 3 4.500 5.500 5.500l1.500-2 4 1.500.5 3c-1 2-2.500 2.500-4.500 2C9.500 18 6 14.500 4 8.500 3.500 6.500 4 4.500 6 3.500z',
    video: 'M3.500 7h11v10h-11zM14.500 10.500l6-3v9l-6-3', screen: 'M3 5h18v11H3zM9 20h6M12 16v4', pin: 'M9 4h6l-1 6 3 3.500H7L10 10zM12 13.500V20', mute: 'M6 16V11a6 6 0 0 1 9-5M18 11v5l1.500 1.500H8M10.500 20.500h3M4 4l16 16',
    bell: 'M6 16v-5a6 6 0 0 1 12 0v5l1.500 1.500h-15zM10.500 20.500h3', check: 'M5 12.500l4.500 4.500L19 7.500', checks: 'M2.500 12.500L7 17l8-9M12 17l8.500-9.500', warn: 'M12 3.500l9.500 17h-19zM12 10v4.500M12 17.500h.01', clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.500V12l3 2',
    quote: 'M10 8L5 13l5 5M5 13h9a5 5 0 0 1 5 5', undo: 'M8 5L4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-4', copy: 'M8 8h12v12H8zM16 8V4H4v12h4', flag: 'M6 21V4h12l-3 4.500 3 4.500H6', out: 'M14 4H5v16h9M10 12h11M17.500 8.500L21 12l-3.500 3.500',
    lock: 'M6 10.500h12V20H6zM8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500', trash: 'M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13', edit: 'M4 20l1-4.500L16.500 4 20 7.500 8.500 19z', download: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14', play: 'M8 5l11 7-11 7z', pause: 'M8.500 5v14M15.500 5v14',
    at: 'M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM16 12c0 4 4.500 3.500 4.500-.5a8.500 8.500 0 1 0-4 7.500', down: 'M6 9l6 6 6-6', settings: 'M5 7h14M5 12h14M5 17h14M9 5v4M15 10v4M8 15v4', camoff: 'M3.500 7h11v10h-11zM14.500 10.500l6-3v9l-6-3M3 3l18 18', micoff: 'M12 14.500a3 3 0 0 0 3-3v-5a3 3 0 0 0-6 0v5a3 3 0 0 0 3 3zM6 11.500a6 6 0 0 0 12 0M12 17.500V21M4 4l16 16',
};

export const Icon = ({name}) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name] || ''}/></svg>`;

// A button that is only a picture; title is its name for everybody.
export const Tool = ({icon, title, ...rest}) => html`<button type="button" class="tool" title=${title} aria-label=${title} ...${rest}><${Icon} name=${icon}/></button>`;

// The picture of somebody, or the last two letters of a Chinese name (the first of a group's), the first of others.
export function Face({name = '', src, id = 0, size = '', status}) {
    const [broken, setBroken] = useState(null);
    const letters = /^\p{Script=Han}+$/u.test(name) ? (name.length > 3 ? [...name].slice(0, 2) : [...name].slice(-2)).join('') : ([...name.trim()][0] ?? '?').toUpperCase();
    return html`<span class="face ${size} c${Number(id) % 8}" aria-hidden="true">
        ${src && broken !== src ? html`<img src=${src} alt="" onError=${() => setBroken(src)}/>` : letters}
        ${status && status !== 'OFFLINE' ? html`<span class="dot ${status}"></span>` : null}</span>`;
}

export const Empty = ({icon, title, children}) => html`<div class="empty"><${Icon} name=${icon}/><strong>${title}</strong>${children}</div>`;
export const Spin = () => html`<div class="spin" role="status" aria-label=${t('正在载入')}></div>`;

// A labelled field.  It tells what is typed: onValue(text).
export function Field({label, fault, area, options, onValue, hint, ...rest}) {
    const tell = event => onValue?.(event.target.type === 'checkbox' ? event.target.checked : event.target.value);
    const id = useMemo(() => `f${Math.random().toString(36).slice(2)}`, []);
    const same = {...rest, 'aria-invalid': fault ? 'true' : undefined, 'aria-describedby': fault || hint ? id : undefined};
    return html`<label class="field ${rest.type === 'checkbox' ? 'check' : ''}"><span>${label}</span>
        ${area ? html`<textarea ...${same} onInput=${tell}></textarea>`
        : options ? html`<select ...${same} onChange=${tell}>${options.map(([value, text]) => html`<option value=${value} selected=${String(value) === String(rest.value)}>${text}</option>`)}</select>`
        : html`<input ...${same} onInput=${tell}/>`}
        ${fault ? html`<div class="fault" id=${id} role="alert">${fault}</div>` : hint ? html`<div class="quiet small" id=${id}>${hint}</div>` : null}</label>`;
}

// --- dialogs: the browser's own, which keeps the keyboard inside and gives it back ----------------------------------------

export function Dialog({title, onClose, wide, children}) {
    const at = useRef();
    const id = useMemo(() => `d${Math.random().toString(36).slice(2)}`, []);
    useEffect(() => {
        const before = document.activeElement;
        at.current.showModal();
        (at.current.querySelector('[autofocus]') ?? at.current.querySelector('h2')).focus();
        return () => before?.isConnected && before.focus();
    }, []);
    return html`<dialog class="box ${wide ? 'wide' : ''}" ref=${at} aria-labelledby=${id}
        onCancel=${event => { event.preventDefault(); onClose(); }} onClick=${event => event.target === at.current && onClose()}>
        <header><h2 id=${id} class="cut" tabindex="-1">${title}</h2><${Tool} icon="close" title=${t('关闭')} onClick=${onClose}/></header>
        <div class="body">${children}</div></dialog>`;
}

// Dialogs and what is told are in one place of the page: <Layer/>, once.
const layer = follow({open: [], told: []});
let count = 0;

// open(done => html`<${Dialog} …/>`): shows it, and resolves with what done is called with.
export function open(show) {
    return new Promise(resolve => {
        const one = {key: ++count};
        one.content = show(value => {
            layer.set({open: layer.values.open.filter(other => other !== one)});
            resolve(value);
        });
        layer.set({open: [...layer.values.open, one]});
    });
}

export function tell(text, bad = false) {
    const one = {key: ++count, text, bad};
    layer.set({told: [...layer.values.told.slice(-2), one]});
    setTimeout(() => layer.set({told: layer.values.told.filter(other => other !== one)}), bad ? 6000 : 3500);
}

// For .catch: what a person can do something with.
export const fault = error => tell(wrong(error), true);
export const wrong = error => !error ? '' : error.code === 0 ? t('连不上服务器，请检查网络') : error.code ? error.message : t('出错了：{0}', error.message);

export const ask = ({title, text, yes = t('确定'), danger = false}) => open(done => html`<${Dialog} title=${title} onClose=${() => done(false)}>
    <p>${text}</p>
    <div class="actions"><button class="button" onClick=${() => done(false)}>${t('取消')}</button>
    <button class="button main ${danger ? 'danger' : ''}" autofocus onClick=${() => done(true)}>${yes}</button></div></${Dialog}>`);

// A form in a dialog.  fields: [{name, label, …of Field}]; act(values) may throw, which is shown.  Resolves with true when it went.
export const form = given => open(done => html`<${Form} ...${given} done=${done}/>`);

function Form({title, text, fields, yes = t('确定'), act, done}) {
    const [values, set] = useState(Object.fromEntries(fields.map(field => [field.name, field.value ?? ''])));
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const submit = async event => {
        event.preventDefault();
        setBusy(true);
        try {
            const result = await act(values);
            done(result ?? true);
        } catch (refusal) {
            setError(refusal);
            setBusy(false);
        }
    };
    return html`<${Dialog} title=${title} onClose=${() => done(false)}><form onSubmit=${submit}>
        ${text && html`<p class="quiet field">${text}</p>`}
        ${fields.map(({name, value, ...rest}, n) => html`<${Field} key=${name} name=${name} autofocus=${n === 0} ...${rest} value=${values[name]} checked=${values[name] === true} onValue=${now => set(old => ({...old, [name]: now}))}/>`)}
        ${error && html`<p class="fault" role="alert">${wrong(error)}</p>`}
        <div class="actions"><button type="button" class="button" onClick=${() => done(false)}>${t('取消')}</button>
        <button class="button main" disabled=${busy}>${yes}</button></div></form></${Dialog}>`;
}

export function Layer() {
    const {open: dialogs, told} = useFollow(layer);
    return html`<div>${dialogs.map(one => html`<div key=${one.key}>${one.content}</div>`)}
        <div class="told" role="status" aria-live="polite">${told.map(one => html`<p key=${one.key} class=${one.bad ? 'bad' : ''}>${one.text}</p>`)}</div></div>`;
}

// A menu at a button: items [[icon, text, act] or null …].  Arrows move, Escape closes.
export function Menu({items, onClose, place = ''}) {
    const at = useRef();
    useEffect(() => {
        at.current.querySelector('button')?.focus();
        const away = event => !at.current?.contains(event.target) && onClose();
        const timer = setTimeout(() => document.addEventListener('click', away));
        return () => { clearTimeout(timer); document.removeEventListener('click', away); };
    }, []);
    const keys = event => {
        const all = [...at.current.querySelectorAll('button')];
        const to = {ArrowDown: 1, ArrowUp: -1}[event.key];
        if (to) { event.preventDefault(); all[(all.indexOf(document.activeElement) + to + all.length) % all.length].focus(); }
        if (event.key === 'Escape' || event.key === 'Tab') { event.stopPropagation(); onClose(); }
    };
    return html`<div class="menu ${place}" role="menu" ref=${at} onKeyDown=${keys}>${items.filter(Boolean).map(([icon, text, act]) => html`
        <button type="button" role="menuitem" onClick=${() => { onClose(); act(); }}><${Icon} name=${icon}/>${text}</button>`)}</div>`;
}

// --- long lists: only what is seen is in the page ---------------------------------------------------------------------------

// Rows of one height.  row(item, index) answers a <li>; key(item) names it.
export function Rows({items, height, row, keyOf, label, onEnd, class: name = ''}) {
    const at = useRef();
    const [range, set] = useState([0, 30]);
    const look = () => {
        const {scrollTop, clientHeight, scrollHeight} = at.current;
        const first = Math.max(0, Math.floor(scrollTop / height) - 8);
        const last = Math.ceil((scrollTop + clientHeight) / height) + 8;
        set(old => old[0] === first && old[1] === last ? old : [first, last]);
        if (onEnd && scrollHeight - scrollTop - clientHeight < 400) onEnd();
    };
    useEffect(() => {
        const size = new ResizeObserver(look);
        size.observe(at.current);
        return () => size.disconnect();
    }, [items.length]);
    const shown = items.slice(range[0], range[1]);
    return html`<div class="rows ${name}" ref=${at} onScroll=${look}><ul aria-label=${label} style=${{height: `${items.length * height}px`, position: 'relative'}}>
        ${shown.map((item, n) => html`<li key=${keyOf(item)} style=${{position: 'absolute', insetInline: 0, top: `${(range[0] + n) * height}px`, height: `${height}px`}}>${row(item, range[0] + n)}</li>`)}
        </ul></div>`;
}
