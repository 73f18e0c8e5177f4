// Search in a conversation: the server finds, and a hit leads to its place.

import {html, t, open, useState, useRef, useEffect, Dialog, Icon, Empty, Spin, dayOf, clock, wrong} from '../lib/ui.js';
import {api, conversationOf, nameOf} from './model.js';
import {quoted} from './brief.js';

export const find = thread => open(done => html`<${Find} thread=${thread} done=${done}/>`);

const PAGE = 50;

function Find({thread, done}) {
    const [wanted, setWanted] = useState('');
    const [found, set] = useState(null);
    const [more, setMore] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState(null);
    const run = useRef(0);
    useEffect(() => () => { run.current = -1; }, []);
    const search = async (event, before = []) => {
        event?.preventDefault();
        const text = wanted.trim();
        const {conversationId} = conversationOf(thread.key);
        if (!text || !conversationId) return text && set([]);
        const mine = ++run.current;
        setBusy(true);
        setError(null);
        set(before);
        try {
            const hits = await api.messageSearch({text, conversationId, size: PAGE, ...(before.length ? {beforeId: before.at(-1).id} : {})});
            if (run.current !== mine) return;
            set([...before, ...hits]);
            setMore(hits.length === PAGE);
        } catch (refusal) {
            if (run.current !== mine) return;
            setError(refusal);
        }
        setBusy(false);
    };
    const go = message => { done(); thread.jump(message.seq); };
    return html`<${Dialog} title=${t('查找聊天记录')} onClose=${() => done()}><form onSubmit=${search}><label class="search"><${Icon} name="search"/><span class="unseen">${t('要找的文字')}</span>
            <input type="search" autofocus maxlength="254" placeholder=${t('要找的文字，按回车')} value=${wanted} onInput=${event => setWanted(event.target.value)}/></label></form>
        ${error ? html`<p class="fault" role="alert">${wrong(error)}</p>` : null}
        <ul class="hits" aria-live="polite">${(found ?? []).map(one => html`<li key=${one.id}><button class="hit" onClick=${() => go(one)}><span class="quiet small">${nameOf(one.senderId)} · ${dayOf(one.sendTime)} ${clock(one.sendTime)}</span>
            <span><${Marked} text=${quoted(one.content).text} wanted=${wanted.trim()}/></span></button></li>`)}</ul>
        ${busy ? html`<${Spin}/>` : found && !found.length && !error ? html`<${Empty} icon="search" title=${t('没有找到')}/>` : null}
        ${!busy && more ? html`<button class="button wide" onClick=${() => search(null, found)}>${t('继续往前找')}</button>` : null}</${Dialog}>`;
}

// What was looked for stands out where it stands as it was written.
function Marked({text, wanted}) {
    const from = wanted ? text.toLowerCase().indexOf(wanted.toLowerCase()) : -1;
    return from < 0 ? text : html`${text.slice(0, from)}<mark>${text.slice(from, from + wanted.length)}</mark>${text.slice(from + wanted.length)}`;
}
