// Money: the balance, where it came from and went, recharging, withdrawing, VIP, the trade password.

import {html, t, useState, useEffect, useFollow, Icon, Tool, Empty, Spin, money, tell, fault, form, shortTime, wrong} from '../lib/ui.js';
import {state, api, go, readMe} from './model.js';
import {uniqueId} from '../lib/im-client.js';

const TYPES = {1: '充值', 2: '提现', 3: '发红包', 4: '收红包', 5: '红包退回', 6: '购买 VIP', 7: '提现退回', 8: '调整'};

export function Wallet() {
    const {me} = useFollow(state);
    const [page, set] = useState({records: [], total: null, next: 1});
    const [error, setError] = useState(null);
    const readPage = (number, before) => api.userQueryUserFundDetail({page: number, size: 30})
        .then(({records, total}) => set({records: [...before, ...records], total, next: number + 1}), setError);
    const renew = () => { readMe(); readPage(1, []); };
    useEffect(renew, [me?.balance]);
    const key = uniqueId();
    const recharge = () => form({title: t('充值'), yes: t('下单'), text: t('下单后按提示付款，到账后余额会自动更新。'), fields: [{name: 'amount', label: t('金额（元）'), type: 'number', min: '0.01', step: '0.01', required: true, inputmode: 'decimal'},
        {name: 'payType', label: t('支付方式'), value: 'alipay', options: [['alipay', t('支付宝')], ['wechat', t('微信支付')], ['chain', t('链上转账')]]}],
        act: async ({amount, payType}) => { const order = await api.userRecharge({amount: +amount, payType}, {key}); tell(t('订单 {0} 已提交，等待到账', order.id)); }});
    const withdraw = () => form({title: t('提现'), yes: t('提交'), fields: [{name: 'amount', label: t('金额（元）'), type: 'number', min: '0.01', step: '0.01', required: true, inputmode: 'decimal'},
        {name: 'toAddress', label: t('收款地址'), required: true}, {name: 'tradePassword', label: t('交易密码'), type: 'password', required: true, autocomplete: 'off'}],
        act: async ({amount, toAddress, tradePassword}) => { await api.userWithdraw({amount: +amount, toAddress, tradePassword}, {key: uniqueId()}); tell(t('提现已提交，等待审核')); renew(); }}).catch(fault);
    const vip = () => form({title: t('购买 VIP'), yes: t('购买'), fields: [{name: 'duration', label: t('多久'), value: 30, options: [[30, t('30 天')], [90, t('90 天')], [365, t('365 天')]]}, {name: 'tradePassword', label: t('交易密码'), type: 'password', required: true, autocomplete: 'off'}],
        act: async ({duration, tradePassword}) => { const {vipExpireTime} = await api.userBuyVip({duration: +duration, tradePassword}, {key: uniqueId()}); tell(t('VIP 有效期至 {0}', vipExpireTime.slice(0, 10))); renew(); }});
    return html`<section class="page"><header class="talk-head"><${Tool} icon="back" title=${t('返回')} onClick=${() => go('me')}/><h1 class="grow">${t('钱包')}</h1></header><div class="page-body">
        <div class="card balance"><p class="small">${t('余额（元）')}</p><p class="amount number">${money(me?.balance) || '—'}</p>
            ${me?.isVip ? html`<p class="small">VIP · ${t('有效期至 {0}', me.vipExpireTime?.slice(0, 10))}</p>` : null}
            <div class="row"><button class="button" onClick=${recharge}>${t('充值')}</button><button class="button" onClick=${withdraw}>${t('提现')}</button><button class="button" onClick=${vip}>VIP</button></div></div>
        <ul class="card options"><li><button onClick=${tradePassword}><${Icon} name="lock"/>${me?.hasTradePassword ? t('修改交易密码') : t('设置交易密码')}</button></li></ul>
        <h2 class="part">${t('明细')}</h2>
        ${error ? html`<p class="fault">${wrong(error)}</p>` : page.total === null ? html`<${Spin}/>` : page.records.length ? html`<ul class="card details">${page.records.map(one => html`<li key=${one.id} class="row"><span class="grow"><strong>${t(TYPES[one.type] ?? '其他')}</strong><span class="quiet small cut">${one.remark ?? ''}</span></span>
            <span class="end"><b class="number ${one.amount > 0 ? 'in' : ''}">${one.amount > 0 ? '+' : ''}${money(one.amount)}</b><time class="quiet small">${shortTime(one.createTime)}</time></span></li>`)}</ul>
            ${page.records.length < page.total ? html`<button class="button wide" onClick=${() => readPage(page.next, page.records)}>${t('更多')}</button>` : null}`
        : html`<${Empty} icon="wallet" title=${t('还没有收支')}/>`}</div></section>`;
}

// Only who has one is asked for it.
export const tradePassword = () => form({title: t('设置交易密码'), text: t('发红包和提现时要用。'), fields: [
    {name: 'tradePassword', label: t('新的交易密码'), type: 'password', required: true, autocomplete: 'new-password'},
    ...(state.values.me?.hasTradePassword === false ? [] : [
        {name: 'oldTradePassword', label: t('原来的交易密码（修改时）'), type: 'password', autocomplete: 'off'},
        {name: 'password', label: t('登录密码（忘记时）'), type: 'password', autocomplete: 'current-password'}])],
    act: async values => {
        await api.setTradePwd(Object.fromEntries(Object.entries(values).filter(([, value]) => value)));
        tell(t('交易密码已设置'));
        readMe();
    }});
