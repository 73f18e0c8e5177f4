// Friends, requests, groups; somebody's page.

import {html, t, useState, useEffect, useFollow, useAsked, Icon, Tool, Empty, Spin, Rows, tell, fault, ask, form, wrong, shortTime} from '../lib/ui.js';
import {state, api, client, go, know, readFriends, readConversations, blocked} from './model.js';
import {Picture} from './media.js';
import {MenuTool} from './shell.js';
import {presence} from './view.js';
import {addFriend, startGroup, apply} from './start.js';

const TABS = [['friends', '好友'], ['requests', '申请'], ['groups', '群聊'], ['blocked', '黑名单']];

export function People() {
    const {friends, requests, groups, route} = useFollow(state);
    const [tab, setTab] = useState('friends');
    const waiting = requests.filter(one => one.toId === client.userId && one.status === 1).length;
    const items = [...friends.values()].sort((one, other) => (other.isOnline - one.isOnline) || (one.remark || one.nickName).localeCompare(other.remark || other.nickName, 'zh'));
    return html`<header class="side-head"><h1>${t('通讯录')}</h1><${MenuTool} icon="plus" title=${t('添加')} place="end" items=${[['person', t('添加朋友'), addFriend], ['people', t('发起群聊'), startGroup], ['plus', t('加入群聊'), joinGroup]]}/></header>
        <div class="tabs" role="tablist">${TABS.map(([to, name]) => html`<button key=${to} role="tab" aria-selected=${tab === to ? 'true' : 'false'} onClick=${() => setTab(to)}>${t(name)}${to === 'requests' && waiting ? html` <b class="badge">${waiting}</b>` : null}</button>`)}</div>
        ${tab === 'friends' ? items.length ? html`<${Rows} label=${t('好友')} items=${items} height=${64} keyOf=${one => one.id} row=${one => html`<button class="person-row ${route === `people/${one.id}` ? 'open' : ''}" onClick=${() => go(`people/${one.id}`)}>
            <${Picture} url=${one.headImage} name=${one.remark || one.nickName} id=${one.id} status=${one.onlineStatus}/><span class="grow"><strong class="cut">${one.remark || one.nickName}</strong><span class="quiet small">${presence(one)}</span></span></button>`}/>`
            : html`<${Empty} icon="people" title=${t('还没有好友')}><button class="button main" onClick=${addFriend}>${t('添加朋友')}</button></${Empty}>`
        : tab === 'requests' ? html`<${Requests} requests=${requests}/>`
        : tab === 'groups' ? groups.size ? html`<${Rows} label=${t('群聊')} items=${[...groups.values()]} height=${64} keyOf=${one => one.id} row=${one => html`<button class="person-row" onClick=${() => go(`c/g${one.id}`)}>
            <${Picture} url=${one.groupAvatar} name=${one.groupName} id=${one.id}/><span class="grow"><strong class="cut">${one.groupName}</strong><span class="quiet small">${t('{0} 人', one.memberCount)}</span></span></button>`}/>`
            : html`<${Empty} icon="people" title=${t('还没有群聊')}><button class="button main" onClick=${startGroup}>${t('发起群聊')}</button></${Empty}>`
        : html`<${Blocked}/>`}`;
}

const joinGroup = () => form({title: t('加入群聊'), yes: t('加入'), fields: [{name: 'id', label: t('群号'), inputmode: 'numeric', required: true, pattern: '[0-9]+'}],
    act: async ({id}) => { await api.groupJoin({groupId: +id}); await readConversations(); go(`c/g${+id}`); }});

const SAID = {1: '待处理', 2: '已同意', 3: '已拒绝', 4: '已撤回'};

function Requests({requests}) {
    const act = (work, done) => work.then(() => { if (done) tell(done); return Promise.all([readFriends(), readConversations()]); }).catch(fault);
    const reject = requestId => form({title: t('拒绝申请'), yes: t('拒绝'), fields: [{name: 'reason', label: t('理由（可不填）'), maxlength: 200}],
        act: async ({reason}) => { await api.friendRequestReject({requestId, ...(reason ? {reason} : {})}); await readFriends(); }});
    if (!requests.length) return html`<${Empty} icon="bell" title=${t('没有好友申请')}/>`;
    return html`<ul class="cards">${requests.map(one => {
        const mine = one.fromId === client.userId;
        const open = one.status === 1;
        return html`<li key=${one.requestId} class="card"><div class="row"><${Picture} url=${one.headImage} name=${one.nickName} id=${mine ? one.toId : one.fromId}/>
            <span class="grow"><strong class="cut">${one.nickName}</strong><span class="quiet small">${mine ? t('我发出的') : t('申请加你为好友')} · ${shortTime(one.createTime)}</span></span>
            ${open && mine ? html`<button class="button low" onClick=${() => act(api.friendRequestRecall({requestId: one.requestId}))}>${t('撤回')}</button>` : null}
            ${open ? null : html`<span class="quiet small">${t(SAID[one.status] ?? '已结束')}</span>`}</div>
            ${one.applyInfo ? html`<p class="note">${one.applyInfo}</p>` : null}${one.reason ? html`<p class="note quiet">${t('理由：{0}', one.reason)}</p>` : null}
            ${open && !mine ? html`<div class="row act-row"><button class="button low" onClick=${() => reject(one.requestId)}>${t('拒绝')}</button><button class="button low main" onClick=${() => act(api.friendRequestApprove({requestId: one.requestId}), t('已添加'))}>${t('同意')}</button></div>` : null}</li>`;
    })}</ul>`;
}

function Blocked() {
    const {data, error, again} = useAsked(() => api.blacklistList(), []);
    if (!data) return error ? html`<p class="fault">${wrong(error)}</p>` : html`<${Spin}/>`;
    if (!data.length) return html`<${Empty} icon="lock" title=${t('黑名单是空的')}/>`;
    return html`<ul class="cards">${data.map(one => html`<li key=${one.id} class="card row"><${Picture} url=${one.headImage} name=${one.nickName} id=${one.id} size="small"/><span class="grow cut">${one.nickName}</span>
        <button class="button low" onClick=${async () => { if (await blocked(one.id, false)) again(); }}>${t('移出')}</button></li>`)}</ul>`;
}

export function Person({route}) {
    const id = +route.split('/')[1];
    const {friends} = useFollow(state);
    const friend = friends.get(id);
    const {data, error, again} = useAsked(() => api.userFind({userId: id}), [id]);
    useEffect(() => { if (data) know(id, data.nickName, data.headImage); }, [data]);
    const back = html`<${Tool} icon="back" title=${t('返回')} onClick=${() => history.length > 1 ? history.back() : go('people')}/>`;
    if (!data) return html`<section class="page"><header class="talk-head">${back}</header>${error ? html`<${Empty} icon="person" title=${wrong(error)}/>` : html`<${Spin}/>`}</section>`;
    const rename = () => form({title: t('修改备注'), fields: [{name: 'remark', label: t('备注名'), value: friend.remark ?? '', maxlength: 20}],
        act: async ({remark}) => { await api.friendRemark({friendId: id, remark}); await Promise.all([readFriends(), readConversations()]); }});
    const part = async () => {
        if (!await ask({title: t('删除好友'), text: t('删除“{0}”后，双方都不能再给对方发消息。', data.nickName), yes: t('删除'), danger: true})) return;
        await api.friendDelete({friendId: id}).then(() => Promise.all([readFriends(), readConversations()])).then(() => tell(t('已删除')), fault);
        again();
    };
    return html`<section class="page"><header class="talk-head">${back}<h1 class="grow">${t('资料')}</h1></header>
        <div class="page-body"><div class="card profile"><${Picture} url=${data.headImage} name=${friend?.remark || data.nickName} id=${id} size="large" status=${friend?.onlineStatus}/>
            <h2>${friend?.remark || data.nickName}</h2><p class="quiet">@${data.username}${friend?.remark ? ` · ${data.nickName}` : ''}</p>
            ${data.signature ? html`<p>${data.signature}</p>` : null}
            <dl class="facts"><div><dt>${t('用户号')}</dt><dd class="number">${id}</dd></div><div><dt>${t('性别')}</dt><dd>${[t('未知'), t('男'), t('女')][data.sex] ?? t('未知')}</dd></div>${friend ? html`<div><dt>${t('状态')}</dt><dd>${presence(friend)}</dd></div>` : null}</dl>
            ${id === client.userId ? html`<button class="button wide" onClick=${() => go('me/profile')}>${t('编辑我的资料')}</button><button class="button main wide" onClick=${() => go(`c/p${id}`)}><${Icon} name="chat"/>${t('记给自己')}</button>`
            : friend ? html`<button class="button main wide" onClick=${() => go(`c/p${id}`)}><${Icon} name="chat"/>${t('发消息')}</button>`
            : html`<button class="button main wide" onClick=${() => apply(id)}><${Icon} name="plus"/>${t('加好友')}</button>`}</div>
        ${id === client.userId ? null : html`<ul class="card options">
            ${friend ? html`<li><button onClick=${rename}><${Icon} name="edit"/>${t('修改备注')}</button></li>` : null}
            <li><button onClick=${async () => { if (await ask({title: t('拉黑'), text: t('拉黑后，对方不能给你发消息，也不能加你。'), yes: t('拉黑'), danger: true})) blocked(id, true); }}><${Icon} name="lock"/>${t('拉黑')}</button></li>
            <li><button onClick=${() => import('./me.js').then(all => all.complain(1, id))}><${Icon} name="flag"/>${t('投诉')}</button></li>
            ${friend ? html`<li><button class="bad" onClick=${part}><${Icon} name="trash"/>${t('删除好友')}</button></li>` : null}</ul>`}</div></section>`;
}
