// Writing a notice: from a template, with its places filled in, and as whoever gets it will see it.
import { html, useEffect, useState } from '../parts/preact/standalone.module.js';
import { ask } from './api.js';
import { t } from './say.js';

const places = text => [...new Set([...String(text ?? '').matchAll(/\{([A-Za-z0-9_]{1,32})\}/g)].map(([, name]) => name))];
const fill = (text, values) => String(text ?? '').replace(/\{([A-Za-z0-9_]{1,32})\}/g, (place, name) => values[name] || place);

// A template to begin with, and a field for each of its places.
export function Template({ set }) {
    const [templates, setTemplates] = useState([]);
    const [filled, setFilled] = useState({});
    const [chosen, setChosen] = useState(null);
    useEffect(() => { ask('GET', '/im/notice/template/list', { size: 100 }).then(page => setTemplates(page.records)).catch(() => {}); }, []);
    const write = (template, more) => set({ title: fill(template.title, more), content: fill(template.content, more) });
    const choose = event => {
        const template = templates.find(one => String(one.id) === event.target.value);
        setChosen(template ?? null);
        setFilled({});
        if (template)
            write(template, {});
    };
    const put = (name, value) => {
        const next = { ...filled, [name]: value };
        setFilled(next);
        write(chosen, next);
    };
    return html`${templates.length > 0 && html`<label class="field"><span>${t('用模板|From a template')}</span><select name="template" onChange=${choose}><option value="">–</option>${templates.map(one => html`<option value=${one.id}>${one.name}</option>`)}</select></label>`}
        ${chosen && places(`${chosen.title} ${chosen.content}`).map(name => html`<label class="field" key=${name}><span>{${name}}</span><input name=${`place-${name}`} value=${filled[name] ?? ''} onInput=${e => put(name, e.target.value)} /></label>`)}`;
}

export const Preview = ({ values }) => html`<section class="preview" aria-label=${t('预览|Preview')}><small class="muted">${t('预览|Preview')}</small><h3>${values.title || t('标题|Title')}</h3><p class="said">${values.content || '…'}</p></section>`;
