// What begins something: adding a friend, a group, handing a message on.

import {html, t, open, useState, Dialog, Field, Icon, Empty, tell, fault, wrong, form} from '../lib/ui.js';
import {state, api, go, know, threadOf, inOrder, readGroups, readConversations, client, conversationOf} from './model.js';
import {Picture} from './media.js';

export const addFriend = () => open(done => html`<${Add} done=${done}/>`);

function Add({done}) {
    const [name, setName] = useState('');
    const [found, set] = useState(null);
    const [error, setError] = useState(null);
    const search = async event => {
        event.preventDefault();
        setError(null);
        try {
            const users = await api.userSearch({name: name.trim()});
            for (const one of users) know(one.id, one.nickName, one.headImage);
            set(users);
        } catch (refusal) {
            setError(refusal);
        }
    };
    return html`<${Dialog} title=${t('添加朋友')} onClose=${() => done()}><form onSubmit=${search}>
        <${Field} label=${t('用户名、昵称、手机号或邮箱')} value=${name} onValue=${setName} required autofocus fault=${error && wrong(error)}/>
        <button class="button main wide">${t('查找')}</button></form>
        ${found?.length === 0 ? html`<${Empty} icon="search" title=${t('没有这个用户')}/>` : null}
        <ul class="people">${(found ?? []).map(one => html`<li key=${one.id} class="row"><${Picture} url=${one.headImage} name=${one.nickName} id=${one.id}/>
            <span class="grow"><strong class="cut">${one.nickName}</strong><span class="quiet small cut">@${one.username}</span></span>
            ${one.id === client.userId ? html`<span class="quiet small">${t('你自己')}</span>` : state.values.friends.has(one.id) ? html`<button class="button low" onClick=${() => { done(); go(`c/p${one.id}`); }}>${t('发消息')}</button>`
            : html`<button class="button low" onClick=${() => apply(one.id)}>${t('加好友')}</button>`}</li>`)}</ul></${Dialog}>`;
}

export const apply = id => form({title: t('加好友'), yes: t('发送申请'), fields: [{name: 'applyInfo', label: t('说说你是谁'), value: t('我是{0}', state.values.me?.nickName ?? ''), maxlength: 100}],
    act: async ({applyInfo}) => { await api.friendRequestApply({friendId: id, applyInfo}); tell(t('申请已发送')); }});

// A dialog in which friends are chosen: resolves with their ids, or nothing.
export const choose = given => open(done => html`<${Choose} ...${given} done=${done}/>`);

function Choose({title, yes, but = [], named = false, done}) {
    const [chosen, set] = useState(new Set());
    const [wanted, setWanted] = useState('');
    const [name, setName] = useState('');
    const friends = [...state.values.friends.values()].filter(one => !but.includes(one.id) && `${one.remark ?? ''} ${one.nickName} ${one.username}`.toLowerCase().includes(wanted.toLowerCase()));
    const toggle = id => set(old => { const next = new Set(old); next.has(id) ? next.delete(id) : next.add(id); return next; });
    return html`<${Dialog} title=${title} onClose=${() => done(null)}>
        ${named ? html`<${Field} label=${t('群名称')} value=${name} onValue=${setName} maxlength="30" autofocus/>` : null}
        <label class="search"><${Icon} name="search"/><span class="unseen">${t('搜索好友')}</span><input type="search" placeholder=${t('搜索好友')} value=${wanted} onInput=${event => setWanted(event.target.value)}/></label>
        <ul class="people choose">${friends.map(one => html`<li key=${one.id}><label class="row"><input type="checkbox" checked=${chosen.has(one.id)} onChange=${() => toggle(one.id)}/>
            <${Picture} url=${one.headImage} name=${one.remark || one.nickName} id=${one.id} size="small"/><span class="grow cut">${one.remark || one.nickName}</span></label></li>`)}</ul>
        ${friends.length ? null : html`<${Empty} icon="people" title=${t('没有可选的好友')}/>`}
        <div class="actions"><button class="button" onClick=${() => done(null)}>${t('取消')}</button>
        <button class="button main" disabled=${!chosen.size || (named && !name.trim())} onClick=${() => done({ids: [...chosen], name: name.trim()})}>${yes}${chosen.size ? ` (${chosen.size})` : ''}</button></div></${Dialog}>`;
}

export async function startGroup() {
    const chosen = await choose({title: t('发起群聊'), yes: t('创建'), named: true});
    if (!chosen) return;
    try {
        const group = await api.groupCreate({groupName: chosen.name, memberIds: chosen.ids});
        await Promise.all([readGroups(), readConversations()]);
        go(`c/g${group.id}`);
    } catch (error) {
        fault(error);
    }
}

// A message handed on as it is: a file under its name.
export async function forward(message) {
    const key = await open(done => html`<${Where} done=${done}/>`);
    if (!key) return;
    threadOf(key).say(message.content, {messageType: message.messageType}).then(() => tell(t('已转发')), fault);
}

function Where({done}) {
    const [wanted, set] = useState('');
    const places = inOrder().filter(one => one.name.toLowerCase().includes(wanted.toLowerCase())).slice(0, 100);
    for (const {id} of state.values.friends.values()) {
        const one = conversationOf(`p${id}`);
        if (!places.some(place => place.key === one.key) && one.name.toLowerCase().includes(wanted.toLowerCase())) places.push(one);
    }
    return html`<${Dialog} title=${t('转发给')} onClose=${() => done(null)}>
        <label class="search"><${Icon} name="search"/><span class="unseen">${t('搜索')}</span><input type="search" placeholder=${t('搜索')} value=${wanted} onInput=${event => set(event.target.value)}/></label>
        <ul class="people">${places.map(one => html`<li key=${one.key}><button class="row pick" onClick=${() => done(one.key)}><${Picture} url=${one.headImage} name=${one.name} id=${one.targetId} size="small"/><span class="grow cut">${one.name}</span></button></li>`)}</ul></${Dialog}>`;
}
