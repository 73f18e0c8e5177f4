// What is opened beside a list: all of one thing, its parts, links to others, and the acts on it.
import { html, useEffect, useRef, useState } from '../parts/preact/standalone.module.js';
import { fits, permitted } from './act.js';
import { cell } from './table.js';
import { ask } from './api.js';
import { t } from './say.js';

function Part({ part, data }) {
    if (part.view)
        return html`<section class="part"><h3>${t(part.title)}</h3><${part.view} data=${data} /></section>`;
    const rows = part.rows(data);
    if (!rows?.length)
        return null;
    return html`<section class="part"><h3>${t(part.title)} (${rows.length})</h3><div class="scroll" tabindex="0" role="region" aria-label=${t(part.title)}><table class="table">
        <thead><tr>${part.columns.map(column => html`<th scope="col" class=${column.kind}>${t(column.label)}</th>`)}</tr></thead>
        <tbody>${rows.map(row => html`<tr>${part.columns.map(column => html`<td class=${column.kind}>${cell(column, row)}</td>`)}</tr>`)}</tbody>
    </table></div></section>`;
}

// The whole of it, read again after each act on it; where the API has no more than the row, that.
function useWhole(screen, id, row, stamp) {
    const [state, setState] = useState({ data: null });
    useEffect(() => {
        let on = true;
        const whole = screen.whole ? screen.whole(id) : Promise.resolve(null);
        whole.then(data => on && setState({ data })).catch(refusal => on && setState({ refusal }));
        return () => { on = false; };
    }, [id, stamp]);
    return screen.whole ? state : { data: row };
}

export function Detail({ screen, id, row, stamp, act, close }) {
    const { data, refusal } = useWhole(screen, id, row, stamp);
    const panel = useRef();
    const before = useRef(document.activeElement);
    useEffect(() => { panel.current?.focus(); }, []);
    const leave = () => {
        close();
        (document.contains(before.current) ? before.current : document.querySelector('tbody tr'))?.focus?.();
    };
    const acts = data ? permitted(screen).filter(one => !one.always && fits(one, [data])) : [];
    const shown = data ? [...screen.columns, ...(screen.more || [])].filter(column => ![undefined, null, ''].includes(data[column.name])) : [];
    return html`<aside class="detail" tabindex="-1" ref=${panel} aria-label=${t('详情|Details')} onKeyDown=${e => e.key === 'Escape' && leave()}>
        <header><h2>${data ? (screen.name ? screen.name(data) : `${t(screen.title)} ${id}`) : id}</h2>
            <button type="button" class="tool" aria-label=${t('关闭|close')} onClick=${leave}>✕</button></header>
        ${refusal && html`<p class="empty" role="alert">${refusal.message}</p>`}
        ${!data && !refusal && html`<p class="empty">${screen.whole ? t('读取中…|Loading…') : t('不在本页|not on this page')}</p>`}
        ${data && html`
            ${acts.length > 0 && html`<div class="toolbar">${acts.map(one => html`<button type="button" key=${one.name} data-act=${one.name} class=${`button low ${one.tone || ''}`} onClick=${() => act(one, [data])}>${t(one.label)}</button>`)}</div>`}
            ${screen.first?.(data) && html`<p class="notice" data-first>${screen.first(data)}</p>`}
            ${(screen.parts || []).filter(part => part.early && (!part.if || part.if(data))).map(part => html`<${Part} part=${part} data=${data} />`)}
            <dl>${shown.map(column => html`<div><dt>${t(column.label)}</dt><dd>${cell(column, data)}</dd></div>`)}</dl>
            ${screen.links && html`<p class="links">${screen.links(data)}</p>`}
            ${(screen.parts || []).filter(part => !part.early && (!part.if || part.if(data))).map(part => html`<${Part} part=${part} data=${data} />`)}`}
    </aside>`;
}

// A whole that is a call of the API's own.
export const by = (path, name) => id => ask('GET', path, { [name]: id });

// A whole that is the one row of a list with that filter.
export const oneOf = (path, name = 'id') => async id => (await ask('GET', path, { [name]: id })).records[0];
