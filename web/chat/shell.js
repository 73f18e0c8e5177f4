// The frame: what can be chosen at the side (below on a phone), a list, and what is open.

import {html, t, useFollow, useState, useEffect, Icon, Empty, Menu, Tool, later} from '../lib/ui.js';
import {state, go, unreadOfAll, openKey, client} from './model.js';
import {Conversations} from './list.js';
import {Ringing} from './ring.js';
import {Picture} from './media.js';

const Talk = later(() => import('./view.js').then(all => all.Talk));
const People = later(() => import('./people.js').then(all => all.People));
const Person = later(() => import('./people.js').then(all => all.Person));
const Wallet = later(() => import('./wallet.js').then(all => all.Wallet));
const Me = later(() => import('./me.js').then(all => all.Me));
const MeList = later(() => import('./me.js').then(all => all.MeList));

const PLACES = [['chats', 'chat', '聊天'], ['people', 'people', '通讯录'], ['wallet', 'wallet', '钱包'], ['me', 'person', '我']];

export function Shell() {
    const {route, requests, me, notices} = useFollow(state);
    const place = route.startsWith('c/') ? 'chats' : route.split('/')[0];
    const waiting = requests.filter(one => one.toId === client.userId && one.status === 1).length;
    const counts = {chats: unreadOfAll(), people: waiting, me: notices.length};
    const key = openKey();
    const open = key || route.includes('/') || place === 'wallet';
    return html`<div class="shell ${open ? 'is-open' : ''}">
        <nav class="rail" aria-label=${t('主导航')}>
            <button class="self" onClick=${() => go('me/profile')}><${Picture} url=${me?.headImage} name=${me?.nickName ?? ''} id=${me?.id} size="small"/><span class="unseen">${t('我的资料')}</span></button>
            ${PLACES.map(([to, icon, name]) => html`<button key=${to} aria-current=${place === to ? 'page' : undefined} onClick=${() => go(to)}>
                <span class="with-count"><${Icon} name=${icon}/>${counts[to] ? html`<b class="badge">${counts[to] > 99 ? '99+' : counts[to]}<span class="unseen"> ${t('条未读')}</span></b>` : null}</span><span>${t(name)}</span></button>`)}
        </nav>
        <main><section class="side" aria-label=${t(PLACES.find(([to]) => to === place)?.[2] ?? '聊天')}><${Connection}/>
            ${place === 'people' ? html`<${People}/>` : place === 'me' || place === 'wallet' ? html`<${MeList}/>` : html`<${Conversations}/>`}</section>
        <section class="stage" aria-label=${t('详情')}>
            ${key ? html`<${Talk} key=${key} talk=${key}/>`
            : place === 'people' && route.includes('/') ? html`<${Person} key=${route} route=${route}/>`
            : place === 'wallet' ? html`<${Wallet}/>`
            : place === 'me' && route.includes('/') ? html`<${Me} key=${route} page=${route.slice(3)}/>`
            : html`<${Empty} icon="chat" title=${t('选一个会话开始聊天')}><p class="small">${t('按 Ctrl K 搜索')}</p></${Empty}>`}
        </section></main>
        <${Ringing}/>
    </div>`;
}

// Said only when it lasts: a connection that is made anew at once is nobody's concern.
export function Connection() {
    const {connection} = useFollow(state);
    const [late, set] = useState(false);
    const away = connection !== 'ready';
    useEffect(() => {
        const timer = away && setTimeout(() => set(true), 1200);
        if (!away) set(false);
        return () => clearTimeout(timer);
    }, [away]);
    return html`<div class="connection" role="status">${late && away ? html`<p><${Icon} name="warn"/>${navigator.onLine === false ? t('网络已断开，消息会在恢复后发出') : connection === 'syncing' ? t('正在同步…') : t('正在重新连接…')}</p>` : null}</div>`;
}

export function MenuTool({icon = 'more', title, items, place}) {
    const [open, set] = useState(false);
    return html`<span class="menu-at"><${Tool} icon=${icon} title=${title} aria-haspopup="menu" aria-expanded=${open ? 'true' : 'false'} onClick=${() => set(!open)}/>
        ${open && html`<${Menu} items=${items} place=${place} onClose=${() => set(false)}/>`}</span>`;
}
