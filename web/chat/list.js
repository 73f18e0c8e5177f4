// The list of conversations, and the search above it.

import {html, t, useState, useMemo, useFollow, useRef, useEffect, Rows, Icon, Empty, Spin, shortTime, fault} from '../lib/ui.js';
import {state, go, inOrder, openKey, setConversation, nameOf, client, conversationOf} from './model.js';
import {brief} from './brief.js';
import {draftOf} from './draft.js';
import {Picture} from './media.js';
import {MenuTool} from './shell.js';

const addFriend = () => import('./start.js').then(all => all.addFriend(), fault);
const startGroup = () => import('./start.js').then(all => all.startGroup(), fault);

export function Conversations() {
    const {conversations, revision, friends, groups, connection} = useFollow(state);
    const [wanted, set] = useState('');
    const field = useRef();
    useEffect(() => {
        const search = event => {
            if ((event.ctrlKey || event.metaKey) && event.key === 'k') { event.preventDefault(); field.current?.focus(); }
        };
        addEventListener('keydown', search);
        return () => removeEventListener('keydown', search);
    }, []);
    const words = wanted.trim().toLowerCase();
    const items = useMemo(() => {
        const sorted = inOrder();
        if (!words) return sorted;
        const found = sorted.filter(one => `${one.name} ${one.lastMessageType === 1 ? one.lastContent : ''}`.toLowerCase().includes(words));
        const have = new Set(found.map(one => one.key));
        for (const one of friends.values()) {
            if (`${one.remark ?? ''} ${one.nickName} ${one.username}`.toLowerCase().includes(words) && !have.has(`p${one.id}`)) found.push(conversationOf(`p${one.id}`));
        }
        for (const one of groups.values()) if (one.groupName.toLowerCase().includes(words) && !have.has(`g${one.id}`)) found.push(conversationOf(`g${one.id}`));
        return found;
    }, [revision, words, friends, groups]);
    const open = openKey();
    return html`<header class="side-head"><h1>${t('聊天')}</h1>
            <${MenuTool} icon="plus" title=${t('添加')} place="end" items=${[['person', t('添加朋友'), addFriend], ['people', t('发起群聊'), startGroup]]}/></header>
        <label class="search"><${Icon} name="search"/><span class="unseen">${t('搜索')}</span>
            <input ref=${field} type="search" placeholder=${t('搜索')} value=${wanted} onInput=${event => set(event.target.value)}
                onKeyDown=${event => { if (event.key === 'Escape') set(''); if (event.key === 'Enter' && items[0]) go(`c/${items[0].key}`); }}/></label>
        ${items.length ? html`<${Rows} class="conversations" label=${t('会话')} items=${items} height=${72} keyOf=${one => one.key} row=${one => html`<${Row} one=${one} open=${one.key === open}/>`}/>`
        : words ? html`<${Empty} icon="search" title=${t('没有找到“{0}”', wanted)}/>`
        : connection !== 'ready' && !conversations.size ? html`<${Spin}/>`
        : html`<${Empty} icon="chat" title=${t('还没有会话')}><p>${t('添加一个朋友，从一句问候开始。')}</p><button class="button main" onClick=${addFriend}>${t('添加朋友')}</button></${Empty}>`}`;
}

function Row({one, open}) {
    const friend = state.values.friends.get(one.targetId);
    const draft = open ? '' : draftOf(one.key);
    const who = one.type === 'GROUP' && one.lastSenderId && one.lastSenderId !== client.userId && one.lastMessageType < 8 ? `${nameOf(one.lastSenderId)}: ` : '';
    const line = one.lastMessageType ? who + brief({content: one.lastContent, messageType: one.lastMessageType, isRecalled: one.lastIsRecalled}) : '';
    const name = one.name || conversationOf(one.key).name;
    return html`<div class="conversation ${open ? 'open' : ''} ${one.isTop ? 'top' : ''}">
        <button class="row-open" aria-current=${open ? 'true' : undefined} onClick=${() => go(`c/${one.key}`)}>
            <${Picture} url=${one.headImage} name=${name} id=${one.targetId} status=${one.type === 'PRIVATE' ? friend?.onlineStatus : undefined}/>
            <span class="grow"><span class="line"><strong class="grow cut">${name}</strong><time class="quiet small">${shortTime(one.lastSendTime)}</time></span>
            <span class="line"><span class="grow cut quiet">${one.mentioned ? html`<b class="alarm">${t('[有人@我]')} </b>` : draft ? html`<b class="alarm">${t('[草稿]')} </b>` : null}${draft || line}</span>
                ${one.isTop ? html`<span class="mini" title=${t('已置顶')}><${Icon} name="pin"/></span>` : null}
                ${one.isDnd ? html`<span class="mini" title=${t('免打扰')}><${Icon} name="mute"/></span>` : null}
                ${one.unreadCount ? html`<b class="badge ${one.isDnd ? 'mute' : ''}">${one.unreadCount > 99 ? '99+' : one.unreadCount}<span class="unseen"> ${t('条未读')}</span></b>` : null}</span></span></button>
    </div>`;
}

export const toggle = (one, field) => setConversation(one.key, {[field]: !one[field]}).catch(fault);
