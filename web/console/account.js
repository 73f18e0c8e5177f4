// One's own account: the password, and the second factor with the picture that an authenticator reads.
import { html, useState } from '../parts/preact/standalone.module.js';
import { ask, logOut, me, refresh } from './api.js';
import { Field } from './fields.js';
import { matrix } from './qr.js';
import { roleName } from './screens-system.js';
import { thing } from './cells.js';
import { t } from './say.js';
import { tell } from './tell.js';

const PASSWORDS = [
    { name: 'oldPassword', label: '现在的密码|The present password', kind: 'password', required: true, autocomplete: 'current-password' },
    { name: 'newPassword', label: '新密码|The new password', kind: 'password', required: true, autocomplete: 'new-password', note: '6 到 64 个字符；其他会话立即结束|6 to 64 characters; other sessions end at once' },
    { name: 'again', label: '再输一次|Once more', kind: 'password', required: true, autocomplete: 'new-password' },
];
const CODE = { name: 'totpCode', label: '验证器显示的六位数字|The six digits that the authenticator shows', required: true, max: 6, autocomplete: 'one-time-code' };

// A form of some fields and one button: act(values) does it, or says what is wrong.
function Ask({ name, fields, button, tone = '', act }) {
    const [values, setValues] = useState({});
    const [fault, setFault] = useState(null);
    const submit = async event => {
        event.preventDefault();
        setFault(null);
        try {
            await act(values);
            setValues({});
        } catch (refusal) {
            setFault(refusal.message);
        }
    };
    return html`<form class="ask" name=${name} onSubmit=${submit}>
        ${fields.map(field => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} set=${value => setValues(before => ({ ...before, [field.name]: value }))} />`)}
        ${fault && html`<p class="fault" role="alert">${fault}</p>`}
        <button class=${`button main ${tone}`}>${t(button)}</button>
    </form>`;
}

async function change({ oldPassword, newPassword, again }) {
    if (newPassword !== again)
        throw new Error(t('两次输入的新密码不一样|the new passwords are not the same'));
    await ask('PUT', '/im/self/password', { oldPassword, newPassword });
    tell(t('密码已修改，其他会话已结束|The password is changed, other sessions are over'));
}

// The picture: dark squares as one path on white, whatever the theme is.
function Picture({ text }) {
    const rows = matrix(text);
    const path = rows.flatMap((row, y) => row.map((dark, x) => dark ? `M${x + 4} ${y + 4}h1v1h-1z` : '')).join('');
    const size = rows.length + 8;
    return html`<svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${t('二维码|QR code')} shape-rendering="crispEdges"><rect width=${size} height=${size} fill="#fff" /><path d=${path} fill="#000" /></svg>`;
}

function SecondFactor({ on, changed }) {
    const [drawn, setDrawn] = useState(null);
    const begin = async () => {
        try {
            setDrawn(await ask('POST', '/im/totp/begin'));
        } catch (refusal) {
            tell(refusal.message, true);
        }
    };
    const set = (what, text) => async ({ totpCode }) => {
        await ask('POST', `/im/totp/${what}`, { totpCode });
        setDrawn(null);
        tell(t(text));
        await changed();
    };
    if (on)
        return html`<p>${t('已开启：登录时除密码外还要动态验证码。|On: a log-in takes a code besides the password.')}</p><${Ask} name="off" fields=${[CODE]} button="关闭|Switch off" tone="danger" act=${set('disable', '动态验证码已关闭|The second factor is off')} />`;
    if (!drawn)
        return html`<p>${t('未开启：只用密码登录。|Off: the password is enough.')}</p><button type="button" class="button main" data-act="begin" onClick=${begin}>${t('开启|Set up')}</button>`;
    return html`<p>${t('用验证器扫描，或输入密钥，再填写它显示的数字。|Scan it with an authenticator, or type the secret; then enter the digits it shows.')}</p>
        <${Picture} text=${drawn.uri} /><p>${t('密钥|Secret')} <code class="secret">${drawn.secret}</code></p>
        <${Ask} name="on" fields=${[CODE]} button="确认开启|Switch on" act=${set('enable', '动态验证码已开启|The second factor is on')} />`;
}

export function Account() {
    const [self, setSelf] = useState(me());
    const changed = async () => { await refresh(); setSelf(me()); };
    return html`<section class="account">
        <h1>${t('我的账号|My account')}</h1>
        <div class="cards">
            <section class="card"><h2>${self.name}</h2><dl>
                <div><dt>${t('角色|Role')}</dt><dd>${roleName(self.role)}</dd></div>
                <div><dt>${t('本人账号|Account')}</dt><dd>${thing('user', self.userId)}</dd></div>
                <div><dt>${t('权限|Permissions')}</dt><dd class="chips">${self.permissions.map(one => html`<code>${one}</code> `)}</dd></div>
            </dl><p><a href=${`#sessions?adminId=${self.adminId}&live=true`}>${t('我的会话|My sessions')}</a> <button type="button" class="plain" onClick=${logOut}>${t('退出|Log out')}</button></p></section>
            <section class="card"><h2>${t('密码|Password')}</h2><${Ask} name="password" fields=${PASSWORDS} button="修改密码|Change it" act=${change} /></section>
            <section class="card"><h2>${t('动态验证码|Second factor')}</h2><${SecondFactor} on=${self.totp} changed=${changed} /></section>
        </div>
    </section>`;
}
