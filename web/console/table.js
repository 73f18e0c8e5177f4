// The table of a list: columns that can be hidden (which is remembered) and sorted, rows that the keyboard walks through.
import { html, useState } from '../parts/preact/standalone.module.js';
import { permitted } from './act.js';
import { plain } from './cells.js';
import { t } from './say.js';

// Which columns are shown: those of the description unless it says hidden, or as they were chosen the last time.
export function useColumns(screen) {
    const kept = `im.columns.${screen.path}`;
    const [off, setOff] = useState(() => JSON.parse(localStorage.getItem(kept) || 'null')
        || screen.columns.filter(column => column.hidden).map(column => column.name));
    const toggle = column => {
        const next = off.includes(column.name) ? off.filter(name => name !== column.name) : [...off, column.name];
        localStorage.setItem(kept, JSON.stringify(next));
        setOff(next);
    };
    const has = column => !off.includes(column.name);
    return { all: screen.columns, shown: screen.columns.filter(has), has, toggle };
}

function Head({ column, screen, query, sort }) {
    const name = t(column.label);
    if (!column.sort)
        return html`<th scope="col" class=${column.kind}>${name}</th>`;
    const on = query.sort ? query.sort === column.name : screen.columns.find(c => c.sort) === column;
    const up = (query.order || screen.order || 'desc') === 'asc';
    const again = () => sort(screen, { ...query, sort: column.name, order: on && !up ? 'asc' : 'desc' });
    return html`<th scope="col" class=${column.kind} aria-sort=${on ? (up ? 'ascending' : 'descending') : 'none'}>
        <button type="button" onClick=${again}>${name} <span aria-hidden="true">${on ? (up ? '↑' : '↓') : '↕'}</span></button></th>`;
}

export const cell = (column, row) => (column.show || plain)(row[column.name], row);

// Keys on a row: up and down (j, k) walk, Enter opens, space or x chooses.
function walk(event, row, { open, key, toggle }) {
    if (event.target.closest('a, button, input'))
        return;
    const line = event.currentTarget;
    const moves = { ArrowDown: line.nextElementSibling, j: line.nextElementSibling, ArrowUp: line.previousElementSibling, k: line.previousElementSibling };
    if (event.key in moves)
        moves[event.key]?.focus();
    else if (event.key === 'Enter')
        open(key(row));
    else if (event.key === ' ' || event.key === 'x')
        toggle(row);
    else
        return;
    event.preventDefault();
}

export function Table({ screen, rows, columns, query, chosen, open, sort }) {
    const chooses = permitted(screen).some(act => !act.always && !act.inside);
    if (!rows)
        return html`<p class="empty" role="status">${t('读取中…|Loading…')}</p>`;
    const mark = row => html`<td class="mark"><input type="checkbox" checked=${chosen.keys.has(screen.key(row))} aria-label=${t('选择 {n}|select {n}', { n: screen.key(row) })} onChange=${() => chosen.toggle(row)} /></td>`;
    const line = (row, n) => html`<tr key=${screen.key(row)} data-key=${screen.key(row)} tabindex=${n ? -1 : 0} aria-current=${String(screen.key(row)) === query.open ? 'true' : undefined}
            onKeyDown=${e => walk(e, row, { open, key: screen.key, toggle: chosen.toggle })} onClick=${e => !e.target.closest('a, button, input') && !String(getSelection()) && open(screen.key(row))}>
        ${chooses && mark(row)}
        ${columns.map(column => html`<td class=${column.kind} data-column=${column.name}>${cell(column, row)}</td>`)}
    </tr>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t(screen.title)}><table class="table">
        <thead><tr>
            ${chooses && html`<td class="mark"><input type="checkbox" checked=${rows.length > 0 && chosen.rows.length === rows.length} aria-label=${t('全选|select all')} onChange=${e => chosen.all(e.target.checked)} /></td>`}
            ${columns.map(column => html`<${Head} key=${column.name} column=${column} screen=${screen} query=${query} sort=${sort} />`)}
        </tr></thead>
        <tbody>${rows.map(line)}</tbody>
    </table>${!rows.length && html`<p class="empty">${t('没有符合条件的记录|Nothing fits')}</p>`}</div>`;
}
