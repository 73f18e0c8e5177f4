// The one list screen: filter form, toolbar, table, pages and what is opened beside it, by the description of a screen
// (screens.js says what that has).  What is asked stands in the address.
import { html, useCallback, useEffect, useRef, useState } from '../parts/preact/standalone.module.js';
import { ask, fetchFile, until } from './api.js';
import { Doing, fits, permitted } from './act.js';
import { Detail } from './detail.js';
import { Field, Range } from './fields.js';
import { Table, useColumns } from './table.js';
import { go } from './way.js';
import { t } from './say.js';
import { tell } from './tell.js';

const SIZES = [20, 50, 100];

// What of the address the list is asked with.
function asked(screen, query) {
    const names = [...(screen.filters || []).map(f => f.name), 'sort', 'order', ...(screen.range ? ['startTime', 'endTime'] : [])];
    return Object.fromEntries(names.filter(name => query[name]).map(name => [name, query[name]]));
}

const sizeKept = () => Number(localStorage.getItem('im.size')) || 20;

// Rows of the page that the address names, and what to do about them.
function useRows(screen, query, shown) {
    const [state, setState] = useState({ rows: null, total: 0 });
    const turn = useRef(0);
    const page = Math.max(1, parseInt(query.page, 10) || 1);
    const key = JSON.stringify([screen.path, page, sizeKept(), asked(screen, query)]);
    const waits = screen.waits && screen.waits(query);
    const load = useCallback(async () => {
        const mine = ++turn.current;
        if (waits)
            return setState({ rows: [], total: 0, waits: true });
        setState(before => ({ ...before, loading: true }));
        try {
            const size = sizeKept();
            const answer = await ask('GET', screen.list, { ...asked(screen, query), page, size });
            if (mine !== turn.current)
                return;
            if (!answer.records.length && page > 1)    // dealt with meanwhile: the last page that there is
                return go(screen.path, { ...query, page: Math.max(1, Math.min(Math.ceil(answer.total / size), page - 1)) }, true);
            setState({ rows: answer.records, total: answer.total });
        } catch (refusal) {
            if (mine === turn.current)
                setState({ rows: [], total: 0, refusal });
        }
    }, [key, waits]);
    useEffect(() => { load(); return () => { turn.current++; }; }, [load]);
    useExpiry(screen, state.rows, load);
    return { ...state, page, load };
}

// A row that says until when it is as it is: the list is read again then.
function useExpiry(screen, rows, load) {
    useEffect(() => {
        const ends = (rows || []).map(row => row[screen.expires]).filter(Boolean).map(until);
        if (!ends.length)
            return undefined;
        const timer = setTimeout(load, Math.min(Math.max(Math.min(...ends), 0) + 1000, 2 ** 31 - 1));
        return () => clearTimeout(timer);
    }, [rows]);
}

function Filters({ screen, query, change }) {
    const [draft, setDraft] = useState(query);
    useEffect(() => setDraft(query), [JSON.stringify(query)]);
    const apply = more => change({ ...draft, ...more });
    const set = (field, value) => {
        setDraft(before => ({ ...before, [field.name]: value }));
        if (field.kind === 'choice')
            apply({ [field.name]: value });
    };
    return html`<form class="filters" role="search" onSubmit=${e => { e.preventDefault(); apply({}); }}>
        ${(screen.filters || []).map(field => html`<${Field} key=${field.name} field=${field} value=${draft[field.name]} set=${value => set(field, value)} />`)}
        ${screen.range && html`<${Range} query=${draft} set=${apply} />`}
        <span class="submit">
            <button class="button main low">${t('查询|Search')}</button>
            <button type="button" class="button low" onClick=${() => change({})}>${t('重置|Reset')}</button>
        </span>
    </form>`;
}

// Begins at page 1 whenever it is not the page that changes.
function changed(screen, wanted) {
    const empty = screen.begin || {};
    const kept = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => !['page', 'open'].includes(name) && (value || name in empty)));
    go(screen.path, kept);
}

function Pages({ screen, query, page, total, load }) {
    const size = sizeKept();
    const last = Math.max(1, Math.ceil(total / size));
    const to = n => go(screen.path, { ...query, page: n, open: undefined });
    const [many, setMany] = useState(size);
    const resize = e => {
        localStorage.setItem('im.size', e.target.value);
        setMany(e.target.value);
        go(screen.path, { ...query, page: undefined });
        if (page === 1)
            setTimeout(load);
    };
    return html`<nav class="pages" aria-label=${t('分页|Pages')}>
        <span class="total">${t(total > 10000 ? '约 {n} 条|about {n}' : '共 {n} 条|{n} in all', { n: total.toLocaleString() })}</span>
        <button class="button low" disabled=${page <= 1} onClick=${() => to(1)} aria-label=${t('第一页|first page')}>«</button>
        <button class="button low" disabled=${page <= 1} onClick=${() => to(page - 1)} aria-label=${t('上一页|previous page')}>‹</button>
        <label>${t('第|page')} <input class="plain" inputmode="numeric" name="page" value=${page} onChange=${e => to(Math.min(last, Math.max(1, parseInt(e.target.value, 10) || 1)))} /> / ${last}</label>
        <button class="button low" disabled=${page >= last} onClick=${() => to(page + 1)} aria-label=${t('下一页|next page')}>›</button>
        <button class="button low" disabled=${page >= last} onClick=${() => to(last)} aria-label=${t('最后一页|last page')}>»</button>
        <select name="size" aria-label=${t('每页条数|rows on a page')} value=${many} onChange=${resize}>${SIZES.map(n => html`<option value=${n} selected=${n === Number(many)}>${n}</option>`)}</select>
    </nav>`;
}

// Everything that fits the filter, as a file.
async function exportFile(screen, query) {
    try {
        const sheet = await fetchFile(screen.list, { ...asked(screen, query), format: 'csv' });
        const link = document.createElement('a');
        link.href = URL.createObjectURL(sheet);
        link.download = `${screen.path}.csv`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (refusal) {
        tell(refusal.message, true);
    }
}

function Toolbar({ screen, query, chosen, act, columns, load, busy }) {
    return html`<div class="toolbar" role="toolbar" aria-label=${t('操作|Acts')}>
        ${permitted(screen).filter(one => !one.inside).map(one => html`<button key=${one.name} type="button" data-act=${one.name} class=${`button low ${one.tone || ''}`}
            disabled=${!fits(one, chosen)} onClick=${() => act(one, one.always ? [] : chosen)}>${t(one.label)}</button>`)}
        ${chosen.length > 0 && html`<span class="chosen">${t('已选 {n} 条|{n} selected', { n: chosen.length })}</span>`}
        <span class="rest"></span>
        ${screen.tool && html`<${screen.tool} query=${query} />`}
        <button type="button" class="button low" data-act="export" onClick=${() => exportFile(screen, query)}>${t('导出 CSV|Export CSV')}</button>
        <details class="columns"><summary class="button low">${t('列|Columns')}</summary><div class="menu">
            ${columns.all.map(column => html`<label><input type="checkbox" checked=${columns.has(column)} onChange=${() => columns.toggle(column)} /> ${t(column.label)}</label>`)}
        </div></details>
        <button type="button" class="button low" aria-label=${t('刷新|Refresh')} title=${t('刷新（r）|Refresh (r)')} aria-busy=${busy} onClick=${load}>⟳</button>
    </div>`;
}

// Which rows are chosen: by key, so that they stay so when the page is read again.
function useChosen(screen, rows) {
    const [keys, setKeys] = useState(new Set());
    useEffect(() => setKeys(before => new Set((rows || []).map(screen.key).filter(key => before.has(key)))), [rows]);
    const toggle = row => setKeys(before => {
        const next = new Set(before);
        if (!next.delete(screen.key(row)))
            next.add(screen.key(row));
        return next;
    });
    return { keys, toggle, rows: (rows || []).filter(row => keys.has(screen.key(row))),
        all: on => setKeys(new Set(on ? rows.map(screen.key) : [])) };
}

export function List({ screen, query }) {
    const given = Object.keys(query).length ? query : { ...screen.begin };
    const { rows, total, page, loading, refusal, waits, load } = useRows(screen, given);
    const columns = useColumns(screen);
    const chosen = useChosen(screen, rows);
    const [doing, setDoing] = useState(null);
    const [stamp, setStamp] = useState(0);
    const open = key => go(screen.path, { ...given, open: key });
    const act = (one, on) => setDoing({ act: one, rows: on });
    const done = (many, one) => {
        if (many)
            tell(t('{act}：完成 {n}|{act}: {n} done', { act: t(one.label), n: Math.max(many, 1) }));
        chosen.all(false);
        setStamp(n => n + 1);
        load();
        dispatchEvent(new Event('im-done'));
    };
    useEffect(() => {
        const key = e => {
            if (e.key === 'r' && !e.ctrlKey && !e.metaKey && !e.altKey && !e.target.closest('input, textarea, select, dialog'))
                load();
        };
        addEventListener('keydown', key);
        return () => removeEventListener('keydown', key);
    }, [load]);
    const opened = given.open !== undefined && html`<${Detail} key=${`${screen.path} ${given.open}`} screen=${screen} id=${given.open} stamp=${stamp}
        row=${(rows || []).find(row => String(screen.key(row)) === given.open)} act=${act} close=${() => open(undefined)} />`;
    return html`<section class=${screen.inbox ? 'list inbox' : 'list'}>
        <h1>${t(screen.title)}</h1>
        ${screen.notice && html`<p class="notice" role="note">${t(screen.notice)}</p>`}
        <${Filters} screen=${screen} query=${given} change=${wanted => changed(screen, wanted)} />
        <${Toolbar} screen=${screen} query=${given} chosen=${chosen.rows} act=${act} columns=${columns} load=${load} busy=${!!loading} />
        <div class="split">
            <div class="main">
                ${refusal ? html`<p class="empty" role="alert">${refusal.message}</p>`
                    : waits ? html`<p class="empty">${t(screen.waiting || '设定条件后查询|Set a filter, then search')}</p>`
                        : html`<${Table} screen=${screen} rows=${rows} columns=${columns.shown} query=${given} chosen=${chosen} open=${open} sort=${changed} />
                            <${Pages} screen=${screen} query=${given} page=${page} total=${total} load=${load} />`}
            </div>
            ${opened}
        </div>
        ${doing && html`<${Doing} key=${doing.act.name} ...${doing} screen=${screen} close=${() => setDoing(null)} done=${done} />`}
    </section>`;
}
