// Search in a conversation: history is read backwards until enough is found.

import {html, t, open, useState, useRef, useEffect, Dialog, Icon, Empty, Spin, dayOf, clock, wrong} from '../lib/ui.js';
import {nameOf} from './model.js';
import {brief, carried} from './brief.js';

export const find = thread => open(done => html`<${Find} thread=${thread} done=${done}/>`);

const PAGES = 50;       // of 40 messages: what one search looks through before it asks

function Find({thread, done}) {
    const [wanted, setWanted] = useState('');
    const [found, set] = useState(null);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState(null);
    const [next, setNext] = useState(1);
    const run = useRef(0);
    useEffect(() => () => { run.current = -1; }, []);
    const search = async (event, from = 1) => {
        event?.preventDefault();
        const words = wanted.trim().toLowerCase();
        if (!words) return;
        const mine = ++run.current;
        setBusy(true);
        setError(null);
        let hits = from === 1 ? [] : found;
        set(hits);
        try {
            let page = from;
            for (; page < from + PAGES; page++) {
                const {records, total} = await thread.page(page);
                if (run.current !== mine) return;
                const here = records.filter(one => !one.isRecalled && (one.messageType === 1 ? one.content : one.messageType === 5 ? carried(one.content).fileName ?? '' : '').toLowerCase().includes(words));
                if (here.length) set(hits = [...hits, ...here]);
                if (page * 40 >= total) { page = 0; break; }
                if (hits.length > 200) { page++; break; }
            }
            setNext(page);
        } catch (refusal) {
            setError(refusal);
        }
        setBusy(false);
    };
    return html`<${Dialog} title=${t('查找聊天记录')} onClose=${() => done()}><form onSubmit=${search}><label class="search"><${Icon} name="search"/><span class="unseen">${t('要找的文字')}</span>
            <input type="search" autofocus placeholder=${t('要找的文字，按回车')} value=${wanted} onInput=${event => setWanted(event.target.value)}/></label></form>
        ${error ? html`<p class="fault">${wrong(error)}</p>` : null}
        <ul class="hits" aria-live="polite">${(found ?? []).map(one => html`<li key=${one.id}><p class="quiet small">${nameOf(one.senderId)} · ${dayOf(one.sendTime)} ${clock(one.sendTime)}</p><p>${one.messageType === 1 ? one.content : brief(one)}</p></li>`)}</ul>
        ${busy ? html`<${Spin}/>` : found && !found.length && !next ? html`<${Empty} icon="search" title=${t('没有找到')}/>` : null}
        ${!busy && found && next > 0 ? html`<button class="button wide" onClick=${() => search(null, next)}>${t('继续往前找')}</button>` : null}</${Dialog}>`;
}
