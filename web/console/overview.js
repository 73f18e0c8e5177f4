// How things stand, and how they went for thirty days.
import { html, useEffect, useRef, useState } from '../parts/preact/standalone.module.js';
import { ask, may } from './api.js';
import { money, number } from './cells.js';
import { t } from './say.js';

const LOOK = 15000;
const TILES = [
    ['complaintsOpen', '待处理投诉|Open complaints', number, 'complaints', 'complaint.read', true], ['reviewsOpen', '待审订单|Orders to review', number, 'recharges', 'recharge.read', true],
    ['online', '在线|Online', number, 'users?online=true', 'user.read'], ['onlinePeak', '今日峰值|Peak today', number], ['activeToday', '今日活跃|Active today', number], ['registeredToday', '今日注册|Registered today', number],
    ['users', '用户|Users', number, 'users', 'user.read'], ['messagesToday', '今日消息|Messages today', number], ['messages', '消息总数|Messages', number],
    ['moneyHeld', '应付余额|Money held', money, 'funds', 'fund.read'], ['moneyIn', '累计充值|Paid in', money, 'recharges?status=2', 'recharge.read'], ['moneyOut', '累计提现|Paid out', money, 'withdrawals?status=4', 'withdraw.read'],
    ['redPacketsToday', '今日红包|Packets today', number, 'packets', 'redpacket.read'], ['redPacketAmountToday', '今日红包金额|Packet money today', money],
];
const CHARTS = [
    ['用户|Users', [['active', '活跃|active', '--accent'], ['onlinePeak', '在线峰值|peak online', '--warm'], ['registered', '注册|registered', '--good']]],
    ['消息|Messages', [['messages', '消息|messages', '--accent']]],
    ['资金|Money', [['moneyIn', '充值|paid in', '--good'], ['moneyOut', '提现|paid out', '--danger']]],
    ['红包|Red packets', [['redPackets', '个数|packets', '--warm'], ['redPacketAmount', '金额|money', '--danger']]],
];

let library = null;
const loaded = () => library ||= new Promise((done, failed) => {
    const script = document.createElement('script');
    Object.assign(script, { src: 'parts/uplot/uPlot.iife.min.js', onload: () => done(globalThis.uPlot), onerror: failed });
    document.head.append(script);
});
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const date = seconds => new Date(seconds * 1000).toISOString().slice(5, 10);

function options(series, width) {
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    return {
        width, height: 190, cursor: { y: false },
        series: [{ label: t('日期|day'), value: (u, seconds) => seconds === null || seconds === undefined ? '–' : date(seconds) },
            ...series.map(([, label, name]) => ({ label: t(label), stroke: colour(name), width: 2, points: { size: 5 } }))],
        axes: [{ ...axis, values: (u, all) => all.map(date), incrs: [86400, 2 * 86400, 5 * 86400, 10 * 86400] }, { ...axis, size: 56 }],
    };
}

function Chart({ title, series, days }) {
    const at = useRef();
    useEffect(() => {
        let chart = null;
        let gone = false;
        const data = [days.map(day => Date.parse(`${day.day}T00:00:00Z`) / 1000), ...series.map(([name]) => days.map(day => Number(day[name])))];
        const resize = () => chart?.setSize({ width: at.current.clientWidth, height: 190 });
        loaded().then(Plot => {
            if (!gone)
                chart = new Plot(options(series, at.current.clientWidth), data, at.current);
        });
        addEventListener('resize', resize);
        return () => { gone = true; chart?.destroy(); removeEventListener('resize', resize); };
    }, [days]);
    const last = days[days.length - 1];
    const told = last ? series.map(([name, label]) => `${t(label)} ${last[name]}`).join('，') : '';
    return html`<figure class="chart"><figcaption>${t(title)}</figcaption><div ref=${at} role="img" aria-label=${t('{title}，三十天；最近一天：{told}|{title}, thirty days; the last: {told}', { title: t(title), told })}></div></figure>`;
}

function Tile({ tile: [name, label, show, to, needs, open], now }) {
    const inside = html`<span>${t(label)}</span><b>${now ? show(now[name]) : '…'}</b>`;
    const look = `tile ${open && now?.[name] > 0 ? 'waiting' : ''}`;
    return to && may(needs) ? html`<a class=${look} href=${`#${to}`}>${inside}</a>` : html`<div class=${look}>${inside}</div>`;
}

function Numbers({ days }) {
    const columns = CHARTS.flatMap(([, series]) => series);
    return html`<details class="numbers"><summary>${t('数字|The numbers')}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t('数字|The numbers')}><table class="table">
        <thead><tr><th scope="col">${t('日期|Day')}</th>${columns.map(([, label]) => html`<th scope="col" class="number">${t(label)}</th>`)}</tr></thead>
        <tbody>${[...days].reverse().map(day => html`<tr><td>${day.day}</td>${columns.map(([name]) => html`<td class="number">${number(day[name])}</td>`)}</tr>`)}</tbody>
    </table></div></details>`;
}

export function Overview() {
    const [now, setNow] = useState(null);
    const [days, setDays] = useState(null);
    useEffect(() => {
        const look = () => !document.hidden && ask('GET', '/im/stat/overview').then(setNow).catch(() => {});
        look();
        ask('GET', '/im/stat/day/list', { size: 30 }).then(page => setDays(page.records.reverse())).catch(() => setDays([]));
        const timer = setInterval(look, LOOK);
        return () => clearInterval(timer);
    }, []);
    return html`<section class="overview">
        <h1>${t('总览|Overview')} ${now?.time && html`<small class="muted">${t('截至 {time}|as of {time}', now)}</small>`}</h1>
        <div class="tiles">${TILES.map(tile => html`<${Tile} key=${tile[0]} tile=${tile} now=${now} />`)}</div>
        ${days && (days.length ? html`<div class="charts">${CHARTS.map(([title, series]) => html`<${Chart} key=${title} title=${title} series=${series} days=${days} />`)}</div><${Numbers} days=${days} />`
            : html`<p class="empty">${t('还没有按天的统计|No day is over yet')}</p>`)}
    </section>`;
}
