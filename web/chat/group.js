// What a group is: its people, their roles and mutes, its notice, leaving it; and who has read a message.

import {html, t, open, useState, useEffect, useAsked, Dialog, Icon, Spin, Empty, tell, fault, ask, form, wrong, shortTime} from '../lib/ui.js';
import {api, client, go, onGroup, readGroups, readConversations} from './model.js';
import {Picture} from './media.js';
import {choose} from './start.js';
import {MenuTool} from './shell.js';

export const aboutGroup = thread => open(done => html`<${About} groupId=${+thread.key.slice(1)} done=${done}/>`);

const ROLE = {OWNER: '群主', MANAGER: '管理员'};

function About({groupId, done}) {
    const [group, set] = useState(null);
    const [members, setMembers] = useState([]);
    const [error, setError] = useState(null);
    const readIt = () => Promise.all([api.groupFind({groupId}), api.groupMembers({groupId})]).then(([about, people]) => { set(about); setMembers(people); }, setError);
    useEffect(() => { readIt(); return onGroup(data => data.groupId === groupId && readIt()); }, []);
    if (!group) return html`<${Dialog} title=${t('群资料')} onClose=${() => done()}>${error ? html`<p class="fault">${wrong(error)}</p>` : html`<${Spin}/>`}</${Dialog}>`;
    const me = members.find(one => one.userId === client.userId);
    const leads = me && me.role !== 'MEMBER';
    const owns = me?.role === 'OWNER';
    const act = (work, said) => work.then(() => { if (said) tell(said); return readIt(); }, fault);
    const over = (work, said) => work.then(() => { done(); go('chats'); tell(said); return Promise.all([readGroups(), readConversations()]); }, fault);
    const edit = (name, label, value, more = {}) => form({title: label, fields: [{name, label, value: value ?? '', ...more}], act: async values => { await api.groupModify({groupId, [name]: values[name]}); await readIt(); }});
    const invite = async () => {
        const chosen = await choose({title: t('邀请好友'), yes: t('邀请'), but: members.map(one => one.userId)});
        if (chosen) act(api.groupInvite({groupId, memberIds: chosen.ids}), t('已邀请'));
    };
    const quiet = one => form({title: t('禁言“{0}”', one.nickName), yes: t('禁言'), fields: [{name: 'duration', label: t('多久'), value: 3600, options: [[600, t('10 分钟')], [3600, t('1 小时')], [86400, t('1 天')], [604800, t('7 天')], ['', t('一直')]]}],
        act: async ({duration}) => { await api.groupMembersMuted({groupId, userId: one.userId, isMuted: true, ...(duration ? {duration: +duration} : {})}); await readIt(); }});
    const remove = async one => { if (await ask({title: t('移出群聊'), text: t('把“{0}”移出群聊？', one.nickName), yes: t('移出'), danger: true})) act(api.groupMembersRemove({groupId, memberIds: [one.userId]})); };
    const transfer = async one => { if (await ask({title: t('转让群主'), text: t('“{0}”将成为群主，你成为普通成员。', one.nickName), yes: t('转让'), danger: true})) act(api.groupTransfer({groupId, userId: one.userId})); };
    const topped = () => form({title: t('置顶内容'), yes: t('置顶'), fields: [{name: 'content', label: t('所有人在聊天上方看到'), area: true, value: group.topMessage ?? '', maxlength: 500, required: true}], act: async ({content}) => { await api.groupSetTopMessage({groupId, content}); await readIt(); }});
    const itemsOf = one => [
        ['person', t('查看资料'), () => { done(); go(`people/${one.userId}`); }],
        owns && one.role === 'MEMBER' && ['check', t('设为管理员'), () => act(api.groupManagerAdd({groupId, userId: one.userId}))],
        owns && ['out', t('转让群主'), () => transfer(one)],
        owns && one.role === 'MANAGER' && ['close', t('取消管理员'), () => act(api.groupManagerRemove({groupId, userId: one.userId}))],
        one.isMuted ? ['bell', t('解除禁言'), () => act(api.groupMembersMuted({groupId, userId: one.userId, isMuted: false}))] : ['mute', t('禁言'), () => quiet(one)],
        ['trash', t('移出群聊'), () => remove(one)],
    ];
    const above = one => owns ? one.role !== 'OWNER' : me?.role === 'MANAGER' && one.role === 'MEMBER';
    return html`<${Dialog} title=${t('群资料')} onClose=${() => done()}>
        <div class="profile"><${Picture} url=${group.groupAvatar} name=${group.groupName} id=${groupId} size="large"/><h3>${group.groupName}</h3><p class="quiet">${t('群号 {0} · {1} 人', groupId, group.memberCount)}</p></div>
        ${group.groupNotice ? html`<p class="note"><b>${t('群公告')}</b><br/>${group.groupNotice}</p>` : null}
        <ul class="options boxed">
            <li><button onClick=${invite}><${Icon} name="plus"/>${t('邀请好友')}</button></li>
            ${leads ? html`<li><button onClick=${() => edit('groupName', t('群名称'), group.groupName, {maxlength: 30, required: true})}><${Icon} name="edit"/>${t('修改群名称')}</button></li>
            <li><button onClick=${() => edit('groupNotice', t('群公告'), group.groupNotice, {area: true, maxlength: 1000})}><${Icon} name="flag"/>${t('修改群公告')}</button></li>
            <li><button onClick=${topped}><${Icon} name="pin"/>${t('置顶一段话')}</button></li>
            ${group.topMessage ? html`<li><button onClick=${() => act(api.groupRemoveTopMessage({groupId}))}><${Icon} name="close"/>${t('取消置顶')}</button></li>` : null}
            <li><label class="switch"><${Icon} name="mute"/><span class="grow">${t('全员禁言')}</span><input type="checkbox" role="switch" checked=${group.isMuted} onChange=${event => act(api.groupMuted({groupId, isMuted: event.target.checked}))}/></label></li>` : null}
            <li><label class="switch"><${Icon} name="bell"/><span class="grow">${t('免打扰')}</span><input type="checkbox" role="switch" checked=${group.isDnd} onChange=${event => act(api.groupDnd({groupId, isDnd: event.target.checked}).then(readConversations))}/></label></li>
        </ul>
        <h3 class="part">${t('成员')}</h3>
        <ul class="people members">${members.map(one => html`<li key=${one.userId} class="row"><${Picture} url=${one.headImage} name=${one.nickName} id=${one.userId} size="small"/>
            <span class="grow cut">${one.nickName}</span>${ROLE[one.role] ? html`<span class="tag">${t(ROLE[one.role])}</span>` : null}${one.isMuted ? html`<span class="tag">${t('禁言中')}</span>` : null}
            ${above(one) ? html`<${MenuTool} title=${t('管理 {0}', one.nickName)} place="end" items=${itemsOf(one)}/>` : null}</li>`)}</ul>
        <div class="actions">${owns ? html`<button class="button danger" onClick=${async () => { if (await ask({title: t('解散群聊'), text: t('解散后，所有人都不能再在这里说话。'), yes: t('解散'), danger: true})) over(api.groupDelete({groupId}), t('已解散')); }}>${t('解散群聊')}</button>`
        : html`<button class="button danger" onClick=${async () => { if (await ask({title: t('退出群聊'), text: t('退出后不再收到这个群的消息。'), yes: t('退出'), danger: true})) over(api.groupQuit({groupId}), t('已退出')); }}>${t('退出群聊')}</button>`}</div></${Dialog}>`;
}

export const readers = message => open(done => html`<${Readers} message=${message} done=${done}/>`);

function Readers({message, done}) {
    const {data, error} = useAsked(() => api.messageGroupFindReadedUsers({messageId: message.id}), []);
    return html`<${Dialog} title=${data ? t('{0} 人已读', data.length) : t('谁读过')} onClose=${() => done()}>${error ? html`<p class="fault">${wrong(error)}</p>` : !data ? html`<${Spin}/>`
        : data.length ? html`<ul class="people">${data.map(one => html`<li key=${one.userId} class="row"><${Picture} url=${one.headImage} name=${one.nickName} id=${one.userId} size="small"/><span class="grow cut">${one.nickName}</span><time class="quiet small">${shortTime(one.readTime)}</time></li>`)}</ul>`
        : html`<${Empty} icon="checks" title=${t('还没有人读过')}/>`}</${Dialog}>`;
}
