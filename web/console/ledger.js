// Proves the ledger on, batch by batch, until it is proven or wrong.
import { html, useState } from '../parts/preact/standalone.module.js';
import { ask } from './api.js';
import { money, number, plain } from './cells.js';
import { t } from './say.js';

// What the house's own purses hold: the other side of what people have.
const away = value => money(Math.abs(Number(value)));

const FACTS = [
    ['entryCount', '分录|Entries', number], ['postingCount', '过账|Postings', number], ['available', '用户可用|Available', money], ['frozen', '冻结|Frozen', money],
    ['escrow', '红包托管|In red packets', money], ['cashIn', '累计充入|Paid in', away], ['cashOut', '累计付出|Paid out', away], ['vip', 'VIP', away],
];

export function Ledger() {
    const [state, setState] = useState(null);
    const run = async () => {
        setState({ running: true });
        try {
            for (let found = { ok: true, complete: false }; found.ok && !found.complete;) {
                found = await ask('GET', '/im/fund/check');
                setState({ running: found.ok && !found.complete, ...found });
            }
        } catch (refusal) {
            setState({ refusal });
        }
    };
    const said = state && (state.refusal ? state.refusal.message : state.running ? t('校验中…|Proving…')
        : state.ok ? t('账本平衡：每笔分录之和为零，余额与流水一致。|The ledger holds: every entry sums to zero, and every purse holds what its postings say.')
            : t('账本有误：{problem}（{row}）|Wrong: {problem} ({row})', state));
    return html`<section class="list">
        <h1>${t('账本校验|Ledger check')}</h1>
        <p class="muted">${t('从已证明处继续，逐笔校验复式账本；服务器也每隔几秒自动校验。|Proves the double-entry ledger on from where it was proven; the server does so every few seconds too.')}</p>
        <div class="toolbar"><button type="button" class="button main low" data-act="check" disabled=${state?.running} onClick=${run}>${t('校验|Check')}</button></div>
        ${state && html`<p role="status" class=${`verdict ${state.running ? '' : state.ok ? 'good' : 'bad'}`}>${said}</p>`}
        ${state?.entryCount !== undefined && html`<dl class="facts">${FACTS.map(([name, label, show]) => html`<div><dt>${t(label)}</dt><dd>${(show || plain)(state[name])}</dd></div>`)}</dl>`}
    </section>`;
}
