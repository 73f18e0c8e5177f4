// Files that a complaint keeps: fetched with the token when asked for, since each look is recorded.
import { html, useEffect, useState } from '../parts/preact/standalone.module.js';
import { fetchFile } from './api.js';
import { bytes } from './cells.js';
import { t } from './say.js';
import { tell } from './tell.js';

const PARTS = { image: '随投诉|with it', message: '消息里|of the message', target: '对象的|of the target' };

function Kept({ file }) {
    const [url, setUrl] = useState(null);
    useEffect(() => () => url && URL.revokeObjectURL(url), [url]);
    const open = async () => {
        try {
            setUrl(URL.createObjectURL(await fetchFile(file.url)));
        } catch (refusal) {
            tell(refusal.message, true);
        }
    };
    const view = url && { image: () => html`<img src=${url} alt=${file.fileName} />`, video: () => html`<video src=${url} controls aria-label=${file.fileName} />`, voice: () => html`<audio src=${url} controls aria-label=${file.fileName} />` }[file.kind];
    return html`<li>
        <p><b>${file.fileName}</b> ${bytes(file.fileSize)} <span class="muted">${t(PARTS[file.part] ?? file.part)}</span></p>
        ${!url && html`<button type="button" class="button low" onClick=${open}>${t('查看（会记录）|Show (recorded)')}</button>`}
        ${url && (view ? view() : html`<a href=${url} download=${file.fileName}>${t('保存|Save')}</a>`)}
    </li>`;
}

export const Evidence = ({ files }) => html`<ul class="evidence">${files.map(file => html`<${Kept} key=${file.fileId} file=${file} />`)}</ul>`;
