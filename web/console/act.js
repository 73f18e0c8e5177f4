// Acts on one thing or on many: a dialog says what will happen and takes what it needs, then each is done in turn, and
// whatever was refused is told, with who was first.
import { html, useEffect, useRef, useState } from '../parts/preact/standalone.module.js';
import { ask, may } from './api.js';
import { Field, taken } from './fields.js';
import { t } from './say.js';

const LATE = new Set([404, 4005, 9001]);    // somebody else was first

// Acts of a screen that its administrator may do, on these rows.
export const permitted = screen => (screen.acts || []).filter(act => may(act.needs));
export const fits = (act, rows) => act.always || (rows.length > 0 && (act.many !== false || rows.length === 1) && rows.every(act.when || (() => true)));

const nameOf = (screen, row) => screen.name ? screen.name(row) : `#${screen.key(row)}`;

// A modal box, which Escape closes; the browser keeps the focus in it and gives it back.
export function Box({ title, close, wide, children }) {
    const box = useRef();
    useEffect(() => {
        const before = document.activeElement;
        box.current.showModal();
        box.current.querySelector('.body :is(input, select, textarea), .body .main')?.focus();
        return () => before?.focus?.();
    }, []);
    return html`<dialog class=${wide ? 'box wide' : 'box'} ref=${box} aria-label=${title} onCancel=${e => { e.preventDefault(); close(); }}>
        <header><h2>${title}</h2><button type="button" class="tool" aria-label=${t('关闭|close')} onClick=${close}>✕</button></header>
        <div class="body">${children}</div>
    </dialog>`;
}

// Who was first, when it is that; else why not.
async function whyNot(screen, row, refusal) {
    if (!LATE.has(refusal.code) || !screen.fresh)
        return refusal.message;
    const fresh = await screen.fresh(row).catch(() => null);
    return fresh && screen.first?.(fresh) ? `${refusal.message}：${screen.first(fresh)}` : refusal.message;
}

// Does it, one after another: [row, what went wrong] of those that were refused.  told(n) after each.
async function perform({ act, screen, rows, values, told }) {
    const refused = [];
    let answer = null;
    const [method, path] = act.call;
    for (const [n, row] of (act.always || act.together ? [rows] : rows).entries()) {
        try {
            answer = await ask(method, path, { ...(act.with?.(row, values) || {}), ...taken((act.fields || []).filter(f => !f.here), values) });
            await act.then?.(row, values, note => told(n, note));
        } catch (refusal) {
            refused.push([row, act.always || act.together ? refusal.message : await whyNot(screen, row, refusal)]);
        }
        told(n + 1);
    }
    return { refused, answer };
}

function Names({ screen, rows }) {
    const shown = rows.slice(0, 8).map(row => nameOf(screen, row)).join('、');
    return html`<p class="names">${shown}${rows.length > 8 && t(' 等 {n} 项| and {n} in all', { n: rows.length })}</p>`;
}

function Outcome({ act, screen, result, close }) {
    return html`${result.refused.length > 0 && html`<ul class="refused" role="alert">
            ${result.refused.map(([row, why]) => html`<li>${act.always || act.together ? '' : html`<b>${nameOf(screen, row)}</b> `}${why}</li>`)}
        </ul>`}
        ${result.answer !== null && act.shows?.(result.answer)}
        <div class="actions"><button type="button" class="button main" onClick=${close} ref=${b => b?.focus()}>${t('知道了|Close')}</button></div>`;
}

export function Doing({ act, screen, rows, close, done }) {
    const [values, setValues] = useState(() => ({ ...Object.fromEntries((act.fields || []).map(f => [f.name, f.value])), ...act.begin?.(rows[0]) }));
    const [running, setRunning] = useState(null);    // [how many are done, what is being done]
    const [result, setResult] = useState(null);
    const fields = (act.fields || []).filter(field => may(field.needs) && (!field.if || field.if(rows, values)));
    const submit = async event => {
        event.preventDefault();
        if (running)
            return;
        setRunning([0]);
        const outcome = await perform({ act: { ...act, fields }, screen, rows, values, told: (...how) => setRunning(how) });
        done(rows.length - outcome.refused.length, act, outcome);
        if (outcome.refused.length || act.shows)
            setResult(outcome);
        else
            close();
    };
    if (result)
        return html`<${Box} title=${t(act.label)} close=${close}><${Outcome} act=${act} screen=${screen} result=${result} close=${close} /><//>`;
    const saying = act.says && t(typeof act.says === 'function' ? act.says(rows, values) : act.says, { n: rows.length });
    return html`<${Box} title=${t(act.label)} close=${close} wide=${act.wide}>
        <form onSubmit=${submit}>
            ${saying && html`<p class="says">${saying}</p>`}
            ${rows.length > 0 && html`<${Names} screen=${screen} rows=${rows} />`}
            ${act.before && html`<${act.before} values=${values} set=${more => setValues(old => ({ ...old, ...more }))} />`}
            ${fields.map(field => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} set=${value => setValues(old => ({ ...old, [field.name]: value }))} />`)}
            ${act.after && html`<${act.after} values=${values} />`}
            ${running && html`<p role="status"><progress max=${rows.length || 1} value=${running[0]} /> ${running[1]}</p>`}
            <div class="actions">
                <button type="button" class="button" onClick=${close}>${t('取消|Cancel')}</button>
                <button class=${`button main ${act.tone || ''}`} disabled=${!!running}>${t(act.label)}${rows.length > 1 && ` (${rows.length})`}</button>
            </div>
        </form>
    <//>`;
}
