// Verifies the record here, not where it is kept: every row's hash covers what the row says and the hash of the row before,
// from the first on.  A row that was changed, moved or taken away is found.
import { html, useRef, useState } from '../parts/preact/standalone.module.js';
import { ask } from './api.js';
import { thing } from './cells.js';
import { t } from './say.js';

const bytes = text => new TextEncoder().encode(text);
const hex = buffer => [...new Uint8Array(buffer)].map(byte => byte.toString(16).padStart(2, '0')).join('');
const unhex = text => new Uint8Array(text.match(/../g).map(pair => parseInt(pair, 16)));

async function sha256(...parts) {
    return hex(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));
}

// What is shown of a row is what its hash covers.
function says(row) {
    const covered = JSON.parse(row.covers);
    const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
    return same(covered.id, row.id) && same(covered.admin, row.adminId) && same(covered.action, row.action) && same(covered.target, row.target)
        && same(covered.reason, row.reason) && same(covered.address, row.address) && same(covered.after, row.after) && same(covered.before, row.before);
}

// The rows with the hash before them: {count, head}, or {count, wrong: the first row that does not hold}.
export async function verify(pages, told) {
    let head = await sha256(bytes('im-chat audit'));
    let count = 0;
    for await (const rows of pages) {
        for (const row of rows) {
            if (row.id !== count + 1 || !says(row) || row.hash !== await sha256(unhex(head), bytes(row.covers)))
                return { count, wrong: row };
            head = row.hash;
            count++;
        }
        told?.(count);
    }
    return { count, head };
}

async function* pages(stopped) {
    for (let page = 1; !stopped(); page++) {
        const { records } = await ask('GET', '/im/audit/list', { order: 'asc', size: 100, page });
        yield records;
        if (records.length < 100)
            return;
    }
}

export function Chain() {
    const [state, setState] = useState(null);
    const stop = useRef(false);
    const run = async () => {
        stop.current = false;
        setState({ count: 0, running: true });
        try {
            setState(await verify(pages(() => stop.current), count => setState({ count, running: true })));
        } catch (refusal) {
            setState({ fault: refusal.message });
        }
    };
    if (!globalThis.crypto?.subtle)
        return html`<span class="muted">${t('经 HTTPS 或本机访问时可在浏览器里校验|Over HTTPS, or on this machine, the chain can be verified here')}</span>`;
    const said = !state ? null : state.fault ? html`<span class="state bad">${state.fault}</span>`
        : state.wrong ? html`<span class="state bad">${t('第 {n} 行起不成立：|Does not hold from row {n} on: ', { n: state.count + 1 })}${thing('record', state.wrong.id)}</span>`
            : state.running ? t('已校验 {count} 行…|{count} rows…', state) : html`<span class="state good" title=${state.head}>${t('{count} 行全部成立|all {count} rows hold', state)}</span>`;
    return html`<span class="chain" role="status">${said}</span>
        ${state?.running ? html`<button type="button" class="button low" onClick=${() => { stop.current = true; }}>${t('停止|Stop')}</button>`
            : html`<button type="button" class="button low" data-act="verify" onClick=${run}>${t('校验哈希链|Verify the chain')}</button>`}`;
}
