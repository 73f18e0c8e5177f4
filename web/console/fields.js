// Fields of a form, each described by a row: {name, label, kind, required, choices, note, max}.  Kinds: text (unless said
// otherwise), area, number, id, choice, check, password, moment, range.
import { html } from '../parts/preact/standalone.module.js';
import { t } from './say.js';

const TYPES = { number: 'number', id: 'text', password: 'password', moment: 'datetime-local' };

function Control({ field, value, set }) {
    const common = { name: field.name, required: field.required, 'aria-describedby': field.note ? `note-${field.name}` : undefined };
    if (field.kind === 'area')
        return html`<textarea ...${common} rows=${field.rows || 3} maxlength=${field.max} value=${value ?? ''} onInput=${e => set(e.target.value)} />`;
    if (field.kind === 'choice')
        return html`<select ...${common} value=${value ?? ''} onChange=${e => set(e.target.value)}>
            ${(field.none || !field.required) && html`<option value="">${t(field.none || '全部|all')}</option>`}
            ${Object.entries(field.choices).map(([key, name]) => html`<option value=${key} selected=${String(value ?? '') === key}>${t([].concat(name)[0])}</option>`)}
        </select>`;
    if (field.kind === 'check')
        return html`<input ...${common} type="checkbox" checked=${!!value} onChange=${e => set(e.target.checked)} />`;
    return html`<input ...${common} type=${TYPES[field.kind] || 'text'} value=${value ?? ''} min=${field.min} max=${field.kind === 'number' ? field.max : undefined}
        maxlength=${field.kind === 'number' ? undefined : field.max} inputmode=${field.kind === 'id' ? 'numeric' : undefined}
        pattern=${field.kind === 'id' ? '\\s*[0-9]+\\s*' : undefined} autocomplete=${field.autocomplete || 'off'} onInput=${e => set(e.target.value)} />`;
}

export function Field({ field, value, set }) {
    return html`<label class=${`field ${field.kind || 'text'}`}>
        <span>${t(field.label)}${field.required && html`<i aria-hidden="true"> *</i>`}</span>
        <${Control} field=${field} value=${value} set=${set} />
        ${field.note && html`<small id=${`note-${field.name}`}>${t(field.note)}</small>`}
    </label>`;
}

const DAY = 86400000;
const day = back => new Date(Date.now() - back * DAY - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 10);
const PRESETS = [['今天|today', 0], ['7 天|7 days', 6], ['30 天|30 days', 29]];

// From a day to a day, both counted in.
export function Range({ query, set }) {
    return html`<fieldset class="field range">
        <legend>${t('日期|Dates')}</legend>
        <input type="date" name="startTime" aria-label=${t('从|from')} value=${(query.startTime ?? '').slice(0, 10)} onChange=${e => set({ startTime: e.target.value })} />
        <span aria-hidden="true">–</span>
        <input type="date" name="endTime" aria-label=${t('到|until')} value=${(query.endTime ?? '').slice(0, 10)} onChange=${e => set({ endTime: e.target.value })} />
        ${PRESETS.map(([name, back]) => html`<button type="button" class="chip" onClick=${() => set({ startTime: day(back), endTime: day(0) })}>${t(name)}</button>`)}
    </fieldset>`;
}

// What a form holds as the API takes it: numbers as numbers, a moment as it writes them, nothing for what was left empty.
export function taken(fields, values) {
    const as = {
        number: Number, id: value => Number(String(value).trim()), check: Boolean,
        moment: value => `${value.replace('T', ' ')}:00`.slice(0, 19),
    };
    return Object.fromEntries(fields.filter(field => field.kind === 'check' || (values[field.name] ?? '') !== '')
        .map(field => [field.name, (as[field.kind] || (field.number ? Number : value => value))(values[field.name])]));
}
