// Log in and register, with a captcha when the server asks for one.

import {html, t, useState, useEffect, Field, Icon, useFollow, wrong} from '../lib/ui.js';
import {api, state, login} from './model.js';

const WHY = {
    logout: () => t('您已在别处退出了登录'), password: () => t('密码已修改，请重新登录'), close: () => t('账号已注销'),
    banned: () => t('账号已被封禁'), expired: () => t('登录已失效，请重新登录。没有发出的内容会保留。'),
};

export function Door() {
    const {config, why} = useFollow(state);
    const [isNew, setNew] = useState(false);
    const [values, set] = useState({username: lastName(), password: '', again: '', nickName: '', captchaCode: ''});
    const [captcha, setCaptcha] = useState(null);
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const bind = (name, more) => ({value: values[name], onValue: value => set(old => ({...old, [name]: value})), name, ...more});
    const renew = async () => {
        set(old => ({...old, captchaCode: ''}));
        setCaptcha(await api.captcha({}, {open: true}).catch(() => null));
    };
    useEffect(() => { setError(null); }, [isNew]);
    const submit = async event => {
        event.preventDefault();
        if (busy) return;
        if (isNew && values.password !== values.again) return setError(new Error(t('两次输入的密码不同')));
        setBusy(true);
        setError(null);
        const {username, password, nickName, captchaCode} = values;
        const fields = {username: username.trim(), password, ...(captcha ? {captchaId: captcha.captchaId, captchaCode} : {})};
        try {
            if (isNew) {
                await api.register({...fields, ...(nickName.trim() ? {nickName: nickName.trim()} : {})}, {open: true});
                delete fields.captchaId;
                delete fields.captchaCode;
            }
            await login(fields);
            localStorage.setItem('im.name', fields.username);
        } catch (refusal) {
            setError(refusal);
            setBusy(false);
            if (captcha || refusal.code === 1006 || refusal.code === 1007) renew();
        }
    };
    return html`<main class="door"><form class="card" onSubmit=${submit}>
        <div class="mark"><img src="app/icon.svg" alt="" width="56" height="56"/><h1>IM Chat</h1></div>
        ${why && html`<p class="why" role="status"><${Icon} name="warn"/>${(WHY[why.reason] ?? WHY.expired)()}</p>`}
        <${Field} label=${isNew ? t('用户名') : t('用户名、手机号或邮箱')} required autofocus autocomplete="username" ...${bind('username')}/>
        ${isNew && html`<${Field} label=${t('昵称')} autocomplete="nickname" hint=${t('别人看到的名字，可以以后再改')} ...${bind('nickName')}/>`}
        <${Field} label=${t('密码')} type="password" required autocomplete=${isNew ? 'new-password' : 'current-password'} minlength=${isNew ? config?.lengths.passwordMin : undefined}
            hint=${isNew ? t('至少 {0} 个字符', config?.lengths.passwordMin ?? 8) : ''} ...${bind('password')}/>
        ${isNew && html`<${Field} label=${t('再输一次密码')} type="password" required autocomplete="new-password" ...${bind('again')}/>`}
        ${captcha && html`<div class="captcha"><${Field} label=${t('验证码')} required autocomplete="off" ...${bind('captchaCode')}/>
            <button type="button" class="picture" title=${t('换一张')} aria-label=${t('换一张验证码')} onClick=${renew}><img src=${captcha.captchaImage.startsWith('data:') ? captcha.captchaImage : `data:image/png;base64,${captcha.captchaImage}`} alt=${t('验证码图片')}/></button></div>`}
        ${error && html`<p class="fault field" role="alert">${error.code === undefined ? error.message : wrong(error)}</p>`}
        <button class="button main wide" disabled=${busy}>${isNew ? t('注册并登录') : t('登录')}</button>
        ${config?.registration !== false && html`<p class="turn"><button type="button" class="link" onClick=${() => setNew(!isNew)}>${isNew ? t('已有账号？登录') : t('没有账号？注册')}</button></p>`}
    </form></main>`;
}

function lastName() {
    try {
        return localStorage.getItem('im.name') ?? '';
    } catch {
        return '';
    }
}
