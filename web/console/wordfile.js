// A list of words from a file of this machine, into the text of the form.
import { html } from '../parts/preact/standalone.module.js';
import { t } from './say.js';

export function WordFile({ set }) {
    const read = async event => {
        const [file] = event.target.files;
        if (file)
            set({ text: await file.text() });
    };
    return html`<label class="field"><span>${t('从文件读取|From a file')}</span><input type="file" accept=".txt,.csv,text/plain" onChange=${read} /></label>`;
}
