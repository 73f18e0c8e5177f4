// An open conversation: its head, its messages, and where one writes.

import {html, t, useState, useEffect, useLayoutEffect, useRef, useFollow, Icon, Tool, Spin, Empty, dayOf, wrong, fault, ask} from '../lib/ui.js';
import {state, go, threadOf, conversationOf, nameOf, read, client, api, onGroup, isSeen} from './model.js';
import {Bubble} from './bubble.js';
import {Compose} from './compose.js';
import {Picture, sendFile} from './media.js';
import {Connection, MenuTool} from './shell.js';
import {toggle} from './list.js';

export function useThread(key) {
    const thread = threadOf(key);
    const [, again] = useState(0);
    useLayoutEffect(() => thread.watch(() => again(n => n + 1)), [thread]);     // before anything can come that would not be shown
    useEffect(() => { if (!thread.loaded || thread.cut) thread.loaded = false, thread.reset(); }, [thread]);
    return thread;
}

// What a group is: asked for when it is opened, and again when the server says that it has changed.
function useGroup(thread) {
    const [group, set] = useState(thread.group ?? null);
    useEffect(() => {
        if (!thread.isGroup) return undefined;
        const groupId = +thread.key.slice(1);
        const readIt = () => Promise.all([api.groupFind({groupId}), api.groupMembers({groupId})]).then(([about, members]) => {
            thread.members = members;
            for (const one of members) if (!state.values.people.has(one.userId)) state.values.people.set(one.userId, {name: one.nickName, headImage: one.headImage});
            set(thread.group = {...about, members, me: members.find(one => one.userId === client.userId)});
        }, () => {});
        readIt();
        return onGroup(data => data.groupId === groupId && readIt());
    }, [thread]);
    return group;
}

export function Talk({talk: key}) {
    const {conversations, friends} = useFollow(state);
    const thread = useThread(key);
    const group = useGroup(thread);
    const one = conversationOf(key);
    const [answering, setAnswering] = useState(null);
    const [dragged, setDragged] = useState(false);
    const friend = friends.get(one.targetId);
    const info = () => thread.isGroup ? import('./group.js').then(all => all.aboutGroup(thread)) : go(`people/${one.targetId}`);
    const call = mode => import('./call.js').then(all => all.start(thread, mode)).catch(fault);
    const drop = async event => {
        event.preventDefault();
        setDragged(false);
        offer(thread, [...event.dataTransfer.files]);
    };
    const over = event => { if (event.dataTransfer?.types.includes('Files')) { event.preventDefault(); setDragged(true); } };
    const name = one.name || group?.groupName || '';
    const shut = thread.isGroup && group && (!group.isJoined ? t('您已不在这个群里') : group.me?.isMuted || (group.isMuted && group.me?.role === 'MEMBER') ? t('已被禁言，暂时不能发言') : null);
    const menu = [['search', t('查找聊天记录'), () => import('./find.js').then(all => all.find(thread))],
        one.conversationId && ['pin', one.isTop ? t('取消置顶') : t('置顶'), () => toggle(one, 'isTop')],
        one.conversationId && ['mute', one.isDnd ? t('恢复提醒') : t('免打扰'), () => toggle(one, 'isDnd')],
        [thread.isGroup ? 'people' : 'person', thread.isGroup ? t('群资料') : t('查看资料'), info],
        one.targetId !== client.userId && ['flag', t('投诉'), () => import('./me.js').then(all => all.complain(thread.isGroup ? 2 : 1, one.targetId))]];
    return html`<section class="talk" aria-label=${name} onDragOver=${over} onDrop=${drop} onDragLeave=${event => event.target.classList?.contains('drop') && setDragged(false)}>
        <header class="talk-head"><${Tool} icon="back" title=${t('返回')} onClick=${() => go('chats')}/>
            <button class="who" onClick=${info}><${Picture} url=${one.headImage} name=${name} id=${one.targetId} size="small" status=${thread.isGroup ? undefined : friend?.onlineStatus}/>
                <span class="grow"><h1 class="cut">${name}</h1><span class="quiet small cut">${thread.isGroup ? t('{0} 人', group?.memberCount ?? '…') : friend ? presence(friend) : one.targetId === client.userId ? t('只有自己能看到') : t('不是好友')}</span></span></button>
            ${state.values.config?.webrtc !== false && (thread.isGroup || friend) ? html`<${Tool} icon="phone" title=${t('语音通话')} onClick=${() => call(2)}/><${Tool} icon="video" title=${t('视频通话')} onClick=${() => call(1)}/>` : null}
            <${MenuTool} title=${t('更多')} place="end" items=${menu}/></header>
        <div class="narrow"><${Connection}/></div>
        ${group?.topMessage ? html`<p class="topped"><${Icon} name="pin"/><span class="grow">${group.topMessage}</span></p>` : null}
        ${group?.call ? html`<button class="topped live" onClick=${() => import('./call.js').then(all => all.join(thread, group.call)).catch(fault)}><${Icon} name="phone"/><span class="grow">${t('群通话进行中，{0} 人', group.call.userIds.length)}</span><b>${t('加入')}</b></button>` : null}
        <${Messages} thread=${thread} group=${group} onQuote=${setAnswering}/>
        <${Compose} thread=${thread} group=${group} shut=${shut} answering=${answering} onAnswered=${() => setAnswering(null)}/>
        ${dragged ? html`<div class="drop"><p><${Icon} name="file"/>${t('放开即可发送到“{0}”', name)}</p></div>` : null}
    </section>`;
}

export const presence = friend => ({ONLINE: t('在线'), BUSY: t('忙碌'), AWAY: t('离开')})[friend.onlineStatus] ?? t('离线');

// Files that were dropped or pasted are shown before they go.
export async function offer(thread, files) {
    if (!files.length) return;
    const {ask: confirm} = await import('./offer.js');
    if (await confirm(files)) for (const file of files) await sendFile(thread, file);
}

// --- the messages -----------------------------------------------------------------------------------------------------------------

const STEP = 40;
const SHOWN = 120;

function at(items, seq) {
    let [low, high] = [0, items.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (items[middle].seq < seq) low = middle + 1; else high = middle;
    }
    return low;
}

function Messages({thread, group, onQuote}) {
    const box = useRef();
    const inner = useRef();
    const [span, setSpan] = useState({first: 0, last: Infinity});       // seqs that are in the page
    const held = useRef(null);          // {seq, top}: what is under the eye, and where
    const follow = useRef(true);        // the newest is in sight, and stays so
    const [away, setAway] = useState(false);
    const [found, setFound] = useState(0);      // what somebody went to
    const {items} = thread;
    const end = Math.min(at(items, span.last + 1), items.length);
    const start = Math.max(span.first ? at(items, span.first) : end - STEP * 2, end - SHOWN, 0);
    const shown = items.slice(start, end);
    const whole = end === items.length && !thread.cut;

    const hold = () => {
        const top = box.current.getBoundingClientRect().top;
        const line = [...inner.current.querySelectorAll('[data-seq]')].find(one => one.getBoundingClientRect().bottom > top + 8);
        held.current = line ? {seq: line.dataset.seq, top: line.getBoundingClientRect().top - top} : null;
    };
    const settle = () => {
        if (!box.current) return;
        if (follow.current && whole) {
            box.current.scrollTop = box.current.scrollHeight;
        } else if (held.current) {
            const line = inner.current.querySelector(`[data-seq="${held.current.seq}"]`);
            if (line) box.current.scrollTop += line.getBoundingClientRect().top - box.current.getBoundingClientRect().top - held.current.top;
        }
    };
    const settled = useRef(settle);
    settled.current = settle;
    useLayoutEffect(settle);
    useLayoutEffect(() => {         // somebody goes to a message: it is under the eye then
        const place = at(items, thread.target);
        if (!thread.target || items[place]?.seq !== thread.target) return;
        follow.current = thread.atEnd = false;
        held.current = {seq: thread.target, top: box.current.clientHeight / 3};
        setSpan({first: items[Math.max(0, place - STEP)].seq, last: items[Math.min(items.length, place + STEP) - 1].seq});
        setAway(true);
        setFound(thread.target);
        thread.target = 0;
    }, [thread.version]);
    useEffect(() => {
        const size = new ResizeObserver(() => settled.current());
        size.observe(inner.current);
        size.observe(box.current);
        return () => size.disconnect();
    }, []);

    const look = () => {
        if (!box.current) return;       // the last scroll of a conversation that is left
        const {scrollTop, scrollHeight, clientHeight} = box.current;
        const below = scrollHeight - scrollTop - clientHeight;
        follow.current = whole && below < 60;
        thread.atEnd = follow.current;
        setAway(!whole || below > 600);
        if (follow.current && isSeen(thread.key)) read(thread.key);
        hold();
        if (scrollTop < 500) {
            if (start > 0) setSpan({first: items[Math.max(0, start - STEP)].seq, last: items[Math.min(end, start - STEP + SHOWN) - 1]?.seq ?? Infinity});
            else if (thread.more) thread.older();
        } else if (below < 500 && !whole) {
            if (end < items.length) {
                const last = Math.min(items.length, end + STEP);
                setSpan({first: items[Math.max(start, last - SHOWN)].seq, last: last === items.length ? Infinity : items[last - 1].seq});
            } else {
                thread.newer();
            }
        } else if (follow.current && shown.length > SHOWN - STEP) {
            setSpan({first: 0, last: Infinity});
        }
    };
    const newest = () => {
        follow.current = true;
        setSpan({first: 0, last: Infinity});
        if (thread.cut) thread.reset(); else requestAnimationFrame(() => settled.current());
    };
    // The first page may be shorter than the window.
    useEffect(() => {
        if (thread.loaded && !thread.loading && thread.more && box.current.scrollHeight < box.current.clientHeight + 200) thread.older();
        if (isSeen(thread.key) && thread.atEnd) read(thread.key);
    }, [thread.version]);
    useEffect(() => {
        thread.atEnd = true;
        const seen = () => isSeen(thread.key) && thread.atEnd && read(thread.key);
        addEventListener('focus', seen);
        return () => removeEventListener('focus', seen);
    }, [thread]);
    const going = whole ? thread.going : [];
    return html`<div class="messages" ref=${box} onScroll=${look} tabindex="0" role="log" aria-label=${t('消息')} aria-live=${thread.loaded ? 'polite' : 'off'}>
        <div class="inner" ref=${inner}>
        ${thread.error && !items.length && thread.error.code !== 2001 ? html`<${Empty} icon="warn" title=${wrong(thread.error)}><button class="button" onClick=${() => thread.load()}>${t('重试')}</button></${Empty}>`
        : !thread.loaded && !items.length ? html`<${Spin}/>`
        : !items.length && !going.length ? html`<${Empty} icon="chat" title=${t('打个招呼吧')}/>`
        : thread.more || start > 0 ? html`<${Spin}/>` : html`<p class="day">${t('没有更早的消息了')}</p>`}
        ${shown.map((message, n) => {
            const before = items[start + n - 1];
            const day = !before || dayOf(before.sendTime) !== dayOf(message.sendTime);
            const joined = !day && isJoined(before, message);
            return html`<${Line} key=${message.seq} message=${message} thread=${thread} day=${day ? dayOf(message.sendTime) : ''} joined=${joined} last=${!isJoined(message, items[start + n + 1])} status=${thread.statusOf(message)}
                packet=${thread.packets.get(message.id)} name=${nameOf(message.senderId)} role=${group?.me?.role} found=${message.seq === found} onQuote=${onQuote}/>`;
        })}
        ${going.map(one => html`<${Bubble} key=${one.clientMsgId} message=${one} thread=${thread} going=${one.going}/>`)}
        ${thread.uploads.map(one => html`<div class="line mine" key=${one.name}><div class="bubble upload">${one.preview ? html`<img src=${one.preview} alt=""/>` : html`<${Icon} name="file"/>`}<span class="cut">${one.name}</span>
            <progress value=${one.part} max="1" aria-label=${t('上传进度')}></progress><button class="link" onClick=${one.cancel}>${t('取消')}</button></div></div>`)}
        </div>
        ${away ? html`<button class="newest button" onClick=${newest}><${Icon} name="down"/>${t('最新消息')}</button>` : null}
    </div>`;
}

// What somebody says within five minutes belongs together.
const isJoined = (one, other) => other && one.senderId === other.senderId && !one.isRecalled && !other.isRecalled && one.messageType < 8 && other.messageType < 8
    && Date.parse(other.sendTime.replace(' ', 'T')) - Date.parse(one.sendTime.replace(' ', 'T')) < 300000;

const Line = ({day, ...rest}) => html`${day ? html`<p class="day"><span>${day}</span></p>` : null}<${Bubble} ...${rest}/>`;

export async function recall(thread, message) {
    if (!await ask({title: t('撤回消息'), text: t('所有人都将看不到这条消息。'), yes: t('撤回')})) return;
    try {
        await (thread.isGroup ? api.messageGroupRecall({id: message.id}) : api.messagePrivateRecall({id: message.id}));
        thread.recalled(message.id);
    } catch (error) {
        fault(error);
    }
}
