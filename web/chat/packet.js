// Red packets: sending one, opening one, who got what, and whether the split was fair.

import {html, t, open, useState, useEffect, Dialog, Icon, Spin, money, tell, fault, form, clock, wrong} from '../lib/ui.js';
import {api, client, readMe} from './model.js';
import {uniqueId} from '../lib/im-client.js';
import {Picture} from './media.js';
import {tradePassword} from './wallet.js';

export function sendPacket(thread, group) {
    const key = uniqueId();
    const toGroup = thread.isGroup;
    return form({title: t('发红包'), yes: t('塞钱进红包'), fields: [
        ...(toGroup ? [{name: 'redPacketType', label: t('种类'), value: 1, options: [[1, t('拼手气')], [2, t('平分')]]},
            {name: 'totalCount', label: t('个数'), type: 'number', min: 1, max: 100, value: Math.min(group?.memberCount ?? 5, 10), required: true}] : []),
        {name: 'totalAmount', label: t('总金额（元）'), type: 'number', min: '0.01', step: '0.01', inputmode: 'decimal', required: true},
        {name: 'remark', label: t('祝福'), value: '', placeholder: t('恭喜发财，大吉大利'), maxlength: 40},
        {name: 'tradePassword', label: t('交易密码'), type: 'password', required: true, autocomplete: 'off'}],
    act: async values => {
        try {
            await api.redPackageSend({receiverType: toGroup ? 1 : 2, receiverId: +thread.key.slice(1), totalAmount: +values.totalAmount, totalCount: toGroup ? +values.totalCount : 1,
                redPacketType: toGroup ? +values.redPacketType : 2, tradePassword: values.tradePassword, ...(values.remark ? {remark: values.remark} : {})}, {key});
        } catch (error) {
            if (error.code === 4003) { tradePassword(); }
            throw error;
        }
        readMe();
    }});
}

export const openPacket = (thread, redPacketId, mine) => open(done => html`<${Packet} thread=${thread} id=${redPacketId} mine=${mine} done=${done}/>`);

function Packet({thread, id, mine, done}) {
    const [packet, set] = useState(null);
    const [error, setError] = useState(null);
    const [turning, setTurning] = useState(false);
    const readIt = () => api.redPackageDetail({redPacketId: id}).then(data => {
        if (data.myAmount !== null) thread.packets.set(id, 'MINE');
        else if (data.status !== 1) thread.packets.set(id, data.status === 2 ? 'FINISHED' : 'REFUNDED');
        thread.changed();
        set(data);
    }, setError);
    useEffect(() => { readIt(); }, []);
    const rob = async () => {
        setTurning(true);
        try {
            await api.redPackageRob({redPacketId: id}, {key: `rob-${id}`});
            readMe();
        } catch (refusal) {
            tell(wrong(refusal), true);
        }
        await readIt();
        setTurning(false);
    };
    if (!packet) return html`<${Dialog} title=${t('红包')} onClose=${() => done()}>${error ? html`<p class="fault" role="alert">${wrong(error)}</p>` : html`<${Spin}/>`}</${Dialog}>`;
    const mayRob = packet.status === 1 && packet.myAmount === null && !(mine && packet.receiverType === 2);
    return html`<${Dialog} title=${t('红包')} onClose=${() => done()}><div class="opening">
        <${Picture} url=${packet.headImage} name=${packet.nickName} id=${packet.senderId}/><p>${t('{0} 的红包', packet.nickName)}</p><p class="wish">${packet.remark}</p>
        ${mayRob ? html`<button class="open-it ${turning ? 'turning' : ''}" disabled=${turning} autofocus onClick=${rob}>${t('開')}</button>`
        : packet.myAmount !== null ? html`<p class="amount number" role="status">${money(packet.myAmount)}<span class="small"> ${t('元')}</span></p>`
        : html`<p class="quiet">${packet.status === 3 ? t('已过期，剩余 {0} 元已退回', money(packet.refundAmount)) : packet.status === 2 ? t('已抢完') : t('等待对方领取')}</p>`}</div>
        <h3 class="part">${t('已领 {0}/{1} 个，共 {2} 元', packet.totalCount - packet.remainCount, packet.totalCount, money(packet.totalAmount))}</h3>
        <ul class="people">${packet.claims.map(one => html`<li key=${one.number} class="row"><${Picture} url=${one.headImage} name=${one.nickName} id=${one.userId} size="small"/><span class="grow"><span class="cut">${one.nickName}</span><time class="quiet small">${clock(one.createTime)}</time></span>
            ${one.isBest ? html`<span class="tag">${t('手气最佳')}</span>` : null}<b class="number">${money(one.amount)}</b></li>`)}</ul>
        <${Fair} packet=${packet}/></${Dialog}>`;
}

function Fair({packet}) {
    const [said, set] = useState(null);
    if (packet.redPacketType !== 1) return null;
    if (!packet.seed) return html`<p class="quiet small">${t('抢完或过期后，可以在这里验证分配是否公平。')}</p>`;
    const check = async () => {
        try {
            set(await fair(packet) ? t('验证通过：每一份都是发出时就定好的，没有人动过。') : t('验证没有通过'));
        } catch {
            set(t('这个浏览器在不安全的连接上不能计算，请用 HTTPS 打开'));
        }
    };
    return html`<div class="fair"><button class="button low" onClick=${check}><${Icon} name="check"/>${t('验证公平')}</button>${said ? html`<p role="status" class="small">${said}</p>` : null}
        <details class="small quiet"><summary>${t('凭据')}</summary><p>commitment ${packet.commitment}</p><p>seed ${packet.seed}</p></details></div>`;
}

const digest = async text => [...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))].map(byte => byte.toString(16).padStart(2, '0')).join('');

// redpacket(8), How to verify a split: the shares in cents.
export async function split(seed, total, count, most) {
    const shares = [];
    let rest = BigInt(total);
    const max = BigInt(most);
    const big = (...all) => all.reduce((one, other) => other > one ? other : one);
    const small = (...all) => all.reduce((one, other) => other < one ? other : one);
    for (let k = 1; k < count; k++) {
        const left = BigInt(count - k + 1);
        const mean = rest / left;
        const low = big(1n, 2n * mean - max, rest - (left - 1n) * max);
        const span = small(2n * mean, max, rest - (left - 1n)) - low + 1n;
        let number;
        for (let n = 0; ; n++) {
            number = BigInt(`0x${(await digest(`${seed}:${k}:${n}`)).slice(0, 13)}`);
            if (number < 2n ** 52n - 2n ** 52n % span) break;
        }
        shares.push(low + number % span);
        rest -= shares.at(-1);
    }
    return [...shares, rest].map(Number);
}

async function fair({seed, commitment, totalAmount, totalCount, maxAmount, claims}) {
    if (await digest(seed) !== commitment) return false;
    const cents = amount => Math.round(amount * 100);
    const shares = await split(seed, cents(totalAmount), totalCount, cents(maxAmount));
    return claims.every(one => cents(one.amount) === shares[one.number - 1]);
}
