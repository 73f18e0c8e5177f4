// Oneself: profile, password, devices, notices, complaints, the end of an account.

import {html, t, useState, useEffect, useFollow, useRef, Icon, Tool, Empty, Field, tell, fault, ask, form, shortTime, wrong} from '../lib/ui.js';
import {state, api, client, go, logout, readMe} from './model.js';
import {Picture} from './media.js';
import {mayNotify, askToNotify} from './notify.js';
import {tradePassword} from './wallet.js';

const PAGES = [['profile', 'person', '我的资料'], ['notices', 'bell', '通知'], ['safety', 'lock', '账号与安全'], ['settings', 'settings', '设置']];

export function MeList() {
    const {me, route, notices} = useFollow(state);
    return html`<header class="side-head"><h1>${t('我')}</h1></header>
        <button class="person-row mine" onClick=${() => go('me/profile')}><${Picture} url=${me?.headImage} name=${me?.nickName ?? ''} id=${me?.id}/><span class="grow"><strong class="cut">${me?.nickName ?? ''}</strong><span class="quiet small cut">@${me?.username ?? ''}</span></span>${me?.isVip ? html`<span class="tag">VIP</span>` : null}</button>
        <ul class="options side-options"><li><button aria-current=${route === 'wallet' ? 'page' : undefined} onClick=${() => go('wallet')}><${Icon} name="wallet"/><span class="grow">${t('钱包')}</span></button></li>
        <li><button onClick=${() => go(`c/p${client.userId}`)}><${Icon} name="edit"/><span class="grow">${t('记给自己')}</span></button></li>
        ${PAGES.map(([to, icon, name]) => html`<li key=${to}><button aria-current=${route === `me/${to}` ? 'page' : undefined} onClick=${() => go(`me/${to}`)}><${Icon} name=${icon}/><span class="grow">${t(name)}</span>${to === 'notices' && notices.length ? html`<b class="badge">${notices.length}</b>` : null}</button></li>`)}
        <li><button onClick=${async () => { if (await ask({title: t('退出登录'), text: t('没有发出的内容会留在这台设备上。'), yes: t('退出')})) logout(); }}><${Icon} name="out"/><span class="grow">${t('退出登录')}</span></button></li></ul>`;
}

export function Me({page}) {
    const Page = {profile: Profile, notices: Notices, safety: Safety, settings: Settings}[page] ?? Profile;
    const title = PAGES.find(([to]) => to === page)?.[2] ?? '我的资料';
    return html`<section class="page"><header class="talk-head"><${Tool} icon="back" title=${t('返回')} onClick=${() => go('me')}/><h1 class="grow">${t(title)}</h1></header><div class="page-body"><${Page}/></div></section>`;
}

function Profile() {
    const {me, config} = useFollow(state);
    const [values, set] = useState(null);
    const [error, setError] = useState(null);
    const file = useRef();
    useEffect(() => { if (me && !values) set({nickName: me.nickName, sex: me.sex ?? 0, signature: me.signature ?? ''}); }, [me]);
    if (!me || !values) return null;
    const bind = name => ({value: values[name], onValue: value => set({...values, [name]: value})});
    const save = async event => {
        event.preventDefault();
        setError(null);
        try {
            await api.userUpdate({...values, sex: +values.sex});
            await readMe();
            tell(t('已保存'));
        } catch (refusal) {
            setError(refusal);
        }
    };
    const picture = async event => {
        const [chosen] = event.target.files;
        event.target.value = '';
        if (!chosen) return;
        const body = new FormData();
        body.append('type', 'image');
        body.append('file', chosen, chosen.name);
        try {
            const {url} = await api.imageUpload({}, {form: body, progress: () => {}});
            await api.userUpdate({headImage: url});
            await readMe();
        } catch (refusal) {
            fault(refusal);
        }
    };
    return html`<form class="card" onSubmit=${save}><div class="row first"><${Picture} url=${me.headImage} name=${me.nickName} id=${me.id} size="large"/>
            <span class="grow"><button type="button" class="button low" onClick=${() => file.current.click()}>${t('换头像')}</button><input ref=${file} type="file" accept="image/*" hidden aria-label=${t('选择头像')} onChange=${picture}/>
            <span class="quiet small">@${me.username} · ${t('用户号 {0}', me.id)}</span></span></div>
        <${Field} label=${t('昵称')} required maxlength=${config?.lengths.nickName ?? 20} ...${bind('nickName')}/>
        <${Field} label=${t('性别')} options=${[[0, t('不说')], [1, t('男')], [2, t('女')]]} ...${bind('sex')}/>
        <${Field} label=${t('个性签名')} area maxlength="100" ...${bind('signature')}/>
        ${error ? html`<p class="fault field" role="alert">${wrong(error)}</p>` : null}<button class="button main">${t('保存')}</button></form>`;
}

function Notices() {
    const {notices} = useFollow(state);
    const [shown] = useState(notices);
    useEffect(() => { if (notices.length) client.seenNotices(notices[0].seq).then(() => state.set({notices: []}), () => {}); }, [notices]);
    if (!shown.length) return html`<${Empty} icon="bell" title=${t('没有新通知')}/>`;
    return html`<ul class="cards">${shown.map(one => html`<li key=${one.seq} class="card"><p class="row"><strong class="grow">${one.title}</strong><time class="quiet small">${shortTime(one.sendTime)}</time></p><p class="words">${one.content}</p></li>`)}</ul>`;
}

function Safety() {
    const password = () => form({title: t('修改密码'), text: t('修改后，其他设备需要重新登录。'), fields: [{name: 'oldPassword', label: t('原密码'), type: 'password', required: true, autocomplete: 'current-password'}, {name: 'newPassword', label: t('新密码'), type: 'password', required: true, autocomplete: 'new-password'}],
        act: async values => { await api.modifyPwd(values); tell(t('密码已修改，请重新登录')); }});
    const everywhere = async () => { if (await ask({title: t('全部设备退出'), text: t('包括这台设备在内，所有登录都会结束。'), yes: t('全部退出'), danger: true})) logout(true); };
    const close = () => form({title: t('注销账号'), text: t('注销后不能恢复。余额必须为零，且没有进行中的订单和红包。'), yes: t('注销'), fields: [{name: 'password', label: t('登录密码'), type: 'password', required: true}],
        act: async values => { await api.userClose(values); await logout(); }});
    return html`<ul class="card options"><li><button onClick=${password}><${Icon} name="edit"/>${t('修改密码')}</button></li><li><button onClick=${tradePassword}><${Icon} name="wallet"/>${t('设置交易密码')}</button></li>
        <li><button onClick=${everywhere}><${Icon} name="out"/>${t('全部设备退出')}</button></li><li><button class="bad" onClick=${close}><${Icon} name="trash"/>${t('注销账号')}</button></li></ul>`;
}

function Settings() {
    const {config} = useFollow(state);
    const [allowed, set] = useState(mayNotify());
    const [status, setStatus] = useState(client.status ?? 'ONLINE');
    return html`<div class="card">
        <${Field} label=${t('我的状态')} value=${status} options=${[['ONLINE', t('在线')], ['BUSY', t('忙碌')], ['AWAY', t('离开')]]} onValue=${value => { setStatus(value); client.setStatus(value); }}/>
        <div class="row"><span class="grow">${t('桌面通知')}</span>${allowed === 'granted' ? html`<span class="quiet">${t('已开启')}</span>` : allowed === 'default' ? html`<button class="button low" onClick=${async () => set(await askToNotify())}>${t('开启')}</button>` : html`<span class="quiet">${t('浏览器未允许')}</span>`}</div></div>
        <p class="quiet small about">IM Chat ${config?.version ?? ''}</p>`;
}

export const complain = (targetType, targetId, messageId) => form({title: t('投诉'), yes: t('提交'), fields: [
    {name: 'reason', label: t('原因'), value: t('骚扰'), options: [t('骚扰'), t('欺诈'), t('色情'), t('违法内容'), t('其他')].map(one => [one, one])},
    {name: 'description', label: t('说明（可不填）'), area: true, maxlength: 2000}],
    act: async ({reason, description}) => { await api.complaintSubmit({targetType, targetId, reason, ...(description ? {description} : {}), ...(messageId ? {messageId} : {})}); tell(t('已提交，谢谢')); }});
