// Logging in: name and password, then whatever else the server wants, a captcha or the code of the second factor.
import { html, useEffect, useRef, useState } from '../parts/preact/standalone.module.js';
import { captcha, logIn } from './api.js';
import { switchLanguage, t } from './say.js';

const CAPTCHA = new Set([1006, 1007]);

export function Login({ over, done }) {
    const [values, setValues] = useState({});
    const [refusal, setRefusal] = useState(null);
    const [picture, setPicture] = useState(null);
    const [second, setSecond] = useState(false);
    const [busy, setBusy] = useState(false);
    const wanted = useRef();
    const set = name => event => setValues(before => ({ ...before, [name]: event.target.value }));
    useEffect(() => wanted.current?.focus(), [picture, second]);

    const submit = async event => {
        event.preventDefault();
        setBusy(true);
        try {
            await logIn({ ...values, captchaId: picture?.captchaId });
            done();
        } catch (no) {
            setRefusal(no);
            setSecond(before => before || no.code === 1008);
            setPicture(picture || CAPTCHA.has(no.code) ? await captcha().catch(() => null) : null);
            setValues(({ username, password }) => ({ username, password }));
        } finally {
            setBusy(false);
        }
    };
    return html`<main class="login"><form onSubmit=${submit}>
        <h1>${t('IM Chat 后台|IM Chat console')}</h1>
        ${over && !refusal && html`<p class="notice" role="status">${t('登录已结束，请重新登录。|The session is over; please log in again.')}</p>`}
        <label class="field"><span>${t('管理员|Administrator')}</span><input name="username" required autocomplete="username" value=${values.username ?? ''} onInput=${set('username')} ref=${picture || second ? null : wanted} /></label>
        <label class="field"><span>${t('密码|Password')}</span><input name="password" type="password" required autocomplete="current-password" value=${values.password ?? ''} onInput=${set('password')} /></label>
        ${picture && html`<label class="field"><span>${t('验证码|Captcha')}</span>
            <img class="captcha" src=${`data:image/png;base64,${picture.captchaImage}`} alt=${t('验证码图片|captcha')} />
            <input name="captchaCode" required autocomplete="off" value=${values.captchaCode ?? ''} onInput=${set('captchaCode')} ref=${wanted} /></label>`}
        ${second && html`<label class="field"><span>${t('动态验证码|Code of the second factor')}</span>
            <input name="totpCode" required inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code" value=${values.totpCode ?? ''} onInput=${set('totpCode')} ref=${picture ? null : wanted} /></label>`}
        ${refusal && html`<p class="fault" role="alert">${refusal.message}</p>`}
        <button class="button main wide" disabled=${busy}>${t('登录|Log in')}</button>
        <p class="foot"><button type="button" class="plain" onClick=${switchLanguage} lang=${t('en|zh-CN')}>${t('English|中文')}</button></p>
    </form></main>`;
}
