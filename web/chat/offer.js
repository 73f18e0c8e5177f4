// Files before they are sent, and pictures and videos at their full size.

import {html, t, open, useEffect, useMemo, Dialog, Icon, Spin, bytes} from '../lib/ui.js';
import {useFile, save, kindOf} from './media.js';

export const ask = files => open(done => html`<${Offer} files=${files} done=${done}/>`);

function Offer({files, done}) {
    const previews = useMemo(() => files.map(file => kindOf(file) === 'image' ? URL.createObjectURL(file) : null), []);
    useEffect(() => () => previews.forEach(one => one && URL.revokeObjectURL(one)), []);
    return html`<${Dialog} title=${files.length > 1 ? t('发送 {0} 个文件', files.length) : t('发送文件')} onClose=${() => done(false)}>
        <ul class="offered">${files.map((file, n) => html`<li class="row" key=${n}>${previews[n] ? html`<img src=${previews[n]} alt=""/>` : html`<span class="page-icon"><${Icon} name=${kindOf(file) === 'video' ? 'video' : 'file'}/></span>`}
            <span class="grow"><span class="file-name">${file.name}</span><span class="quiet small">${bytes(file.size)}</span></span></li>`)}</ul>
        <div class="actions"><button class="button" onClick=${() => done(false)}>${t('取消')}</button><button class="button main" autofocus onClick=${() => done(true)}>${t('发送')}</button></div></${Dialog}>`;
}

export const look = (about, film = false) => open(done => html`<${Large} about=${about} film=${film} done=${done}/>`);

function Large({about, film, done}) {
    const address = useFile(about.url);
    return html`<${Dialog} wide title=${about.fileName ?? (film ? t('视频') : t('图片'))} onClose=${() => done()}>
        <div class="whole">${address === undefined ? html`<${Spin}/>` : address === null ? html`<p class="quiet">${t('文件打不开')}</p>`
        : film ? html`<video src=${address} controls autoplay></video>` : html`<img src=${address} alt=${about.fileName ?? t('图片')}/>`}</div>
        <div class="actions"><button class="button" onClick=${() => save(about.url, about.fileName ?? t('文件'))}><${Icon} name="download"/>${t('下载')}</button></div></${Dialog}>`;
}
