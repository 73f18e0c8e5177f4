// Where one writes: text that is kept, Enter that knows input methods, mentions, emoji, files, voice, red packets.

import {html, t, useState, useEffect, useRef, useLayoutEffect, Icon, Tool, Face, fault} from '../lib/ui.js';
import {client, state} from './model.js';
import {draftOf, keepDraft} from './draft.js';
import {offer} from './view.js';

const EMOJI = '😀 😁 😂 🤣 😊 😇 🙂 😉 😍 😘 😋 😜 🤔 🤗 🤭 😎 🥳 😏 😒 😞 😢 😭 😤 😡 😱 😴 🤒 🤯 🥺 😅 👍 👎 👌 ✌️ 🤝 👏 🙏 💪 👀 🎉 🎂 🎁 🌹 🌸 ☕ 🍻 🍜 🍉 ⚽ 🏀 🚗 ✈️ 🏠 🌙 ☀️ 🌧️ ⭐ 🔥 💯 ❤️ 💔 💬 ✅ ❌ ❓ ❗'.split(' ');

// On glass Enter is a new line, as there is nothing else for it.
const touch = () => matchMedia('(pointer: coarse)').matches;

export function Compose({thread, group, shut, answering, onAnswered}) {
    const [text, setText] = useState(() => draftOf(thread.key));
    const [tools, setTools] = useState(null);           // emoji, voice
    const [at, setAt] = useState(null);                 // {from, word, chosen}: a mention that is being typed
    const field = useRef();
    const files = useRef();
    const composed = useRef(false);
    const change = value => {
        setText(value);
        keepDraft(thread.key, value);
    };
    useLayoutEffect(() => {
        const {style} = field.current ?? {};
        if (!style) return;
        style.height = 'auto';
        style.height = `${Math.min(field.current.scrollHeight, 160)}px`;
    }, [text]);
    useEffect(() => { if (!touch()) field.current?.focus(); }, []);
    useEffect(() => { if (answering) field.current?.focus(); }, [answering]);
    if (shut) return html`<footer class="compose shut" role="status">${shut}</footer>`;

    const members = (group?.members ?? []).filter(one => one.userId !== client.userId);
    const nameOf = one => state.values.friends.get(one.userId)?.nickName || one.nickName;
    const everybody = group?.me && group.me.role !== 'MEMBER' ? [{userId: -1, nickName: t('所有人')}] : [];
    const matches = at ? [...everybody, ...members].filter(one => nameOf(one).toLowerCase().includes(at.word.toLowerCase())).slice(0, 8) : [];

    const typed = event => {
        const {value, selectionStart} = event.target;
        change(value);
        const found = thread.isGroup && /(?:^|\s|[^\w])@([^\s@]{0,20})$/.exec(value.slice(0, selectionStart));
        setAt(found ? {from: selectionStart - found[1].length, word: found[1], chosen: 0} : null);
    };
    const mention = one => {
        const value = `${text.slice(0, at.from)}${nameOf(one)} ${text.slice(at.from + at.word.length)}`;
        change(value);
        setAt(null);
        const caret = at.from + nameOf(one).length + 1;
        requestAnimationFrame(() => { field.current.focus(); field.current.setSelectionRange(caret, caret); });
    };
    const put = one => {
        const {selectionStart, selectionEnd} = field.current;
        change(text.slice(0, selectionStart) + one + text.slice(selectionEnd));
        const caret = selectionStart + one.length;
        requestAnimationFrame(() => { field.current.focus(); field.current.setSelectionRange(caret, caret); });
    };
    const send = () => {
        if (!text.trim()) return;
        const said = answering ? `> ${answering.name}: ${answering.text.replace(/\s+/g, ' ')}\n${text}` : text;
        if ([...said].length > 4096) return fault(new Error(t('太长了：最多 {0} 字', 4096)));
        const atUserIds = [...everybody, ...members].filter(one => text.includes(`@${nameOf(one)}`)).map(one => one.userId);
        thread.say(said.replace(/\s+$/, ''), {atUserIds: atUserIds.includes(-1) ? [-1] : atUserIds.slice(0, 20)}).catch(() => {});
        change('');
        setAt(null);
        onAnswered();
        thread.atEnd = true;
    };
    const keys = event => {
        // While an input method composes, Enter is its own.  Safari ends the composition first, and then says keyCode 229.
        if (event.isComposing || composed.current || event.keyCode === 229) return;
        if (matches.length && at) {
            const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
            if (step) { event.preventDefault(); return setAt({...at, chosen: (at.chosen + step + matches.length) % matches.length}); }
            if (event.key === 'Enter' || event.key === 'Tab') { event.preventDefault(); return mention(matches[at.chosen]); }
            if (event.key === 'Escape') { event.stopPropagation(); return setAt(null); }
        }
        if (event.key === 'Escape' && answering) return onAnswered();
        if (event.key === 'Enter' && !event.shiftKey && !event.altKey && !touch()) {
            event.preventDefault();
            send();
        }
    };
    const paste = event => {
        const pasted = [...event.clipboardData?.files ?? []];
        if (pasted.length) { event.preventDefault(); offer(thread, pasted); }
    };
    const chosen = async event => {
        const list = [...event.target.files];
        event.target.value = '';
        await offer(thread, list);
    };
    const record = () => import('./voice.js').then(all => setTools({voice: all.Voice}), fault);
    const Recorder = tools?.voice;
    return html`<footer class="compose">
        ${answering ? html`<div class="answering"><${Icon} name="quote"/><span class="grow cut">${answering.name}: ${answering.text}</span><${Tool} icon="close" title=${t('不引用')} onClick=${onAnswered}/></div>` : null}
        ${matches.length ? html`<ul class="mentions" role="listbox" aria-label=${t('提到谁')} id="mentions">${matches.map((one, n) => html`<li key=${one.userId} role="option" id=${`mention-${n}`} aria-selected=${n === at.chosen ? 'true' : 'false'} onMouseDown=${event => { event.preventDefault(); mention(one); }}>
            <${Face} name=${nameOf(one)} id=${one.userId} size="small"/>${nameOf(one)}</li>`)}</ul>` : null}
        ${tools === 'emoji' ? html`<div class="emoji" role="group" aria-label=${t('表情')}>${EMOJI.map(one => html`<button type="button" key=${one} onClick=${() => put(one)}>${one}</button>`)}</div>` : null}
        ${Recorder ? html`<${Recorder} thread=${thread} onDone=${() => setTools(null)}/>` : html`<div class="write">
            <div class="tools"><${Tool} icon="smile" title=${t('表情')} aria-expanded=${tools === 'emoji' ? 'true' : 'false'} onClick=${() => setTools(tools === 'emoji' ? null : 'emoji')}/>
                <${Tool} icon="picture" title=${t('图片、视频或文件')} onClick=${() => files.current.click()}/>
                <${Tool} icon="mic" title=${t('录音')} onClick=${record}/>
                <${Tool} icon="packet" title=${t('发红包')} onClick=${() => import('./packet.js').then(all => all.sendPacket(thread, group)).catch(fault)}/>
                <input ref=${files} type="file" multiple hidden aria-label=${t('选择文件')} onChange=${chosen}/></div>
            <textarea ref=${field} rows="1" value=${text} placeholder=${t('说点什么…')} aria-label=${t('消息内容')} role=${matches.length ? 'combobox' : undefined} aria-expanded=${matches.length ? 'true' : undefined}
                aria-controls=${matches.length ? 'mentions' : undefined} aria-activedescendant=${matches.length ? `mention-${at.chosen}` : undefined} maxlength="8000"
                onInput=${typed} onKeyDown=${keys} onPaste=${paste} onBlur=${() => setAt(null)} onCompositionStart=${() => { composed.current = true; }} onCompositionEnd=${() => { composed.current = false; }}></textarea>
            <button class="button main send" aria-label=${t('发送')} title=${t('发送')} disabled=${!text.trim()} onClick=${send}><${Icon} name="send"/></button></div>`}
    </footer>`;
}
