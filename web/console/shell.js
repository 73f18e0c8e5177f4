// What is around every screen: the menu of what the administrator may see, who he is, language and light.
import { html, useEffect, useState } from '../parts/preact/standalone.module.js';
import { Box } from './act.js';
import { ask, logOut, may, me } from './api.js';
import { List } from './list.js';
import { roleName } from './screens-system.js';
import { allowed, menu, screens } from './screens.js';
import { setTheme, switchLanguage, t, theme } from './say.js';
import { here, place } from './way.js';

const LOOK = 30000;
const THEMES = { auto: '跟随系统|as the system', light: '浅色|light', dark: '深色|dark' };
const WAITING = [['complaints', '/im/complaint/list'], ['recharges', '/im/recharge/list'], ['withdrawals', '/im/withdraw/list']];
const KEYS = [
    ['/', '到筛选|to the filter'], ['↑ ↓ j k', '上下一行|row up, row down'], ['Enter', '打开|open'], ['x', '选择|select'],
    ['Esc', '关闭|close'], ['r', '刷新|read again'], ['?', '这张表|this list'],
];

// What waits for somebody, for the menu: read every half minute while the page is seen.
function useOpen() {
    const [open, setOpen] = useState({});
    useEffect(() => {
        const look = () => !document.hidden && WAITING.filter(([, list]) => may(screens.find(one => one.list === list).needs)).forEach(([name, list]) =>
            ask('GET', list, { status: 1, size: 1 }).then(page => setOpen(before => ({ ...before, [name]: page.total }))).catch(() => {}));
        look();
        const timer = setInterval(look, LOOK);
        addEventListener('im-done', look);
        return () => { clearInterval(timer); removeEventListener('im-done', look); };
    }, []);
    return open;
}

function usePlace() {
    const [at, setAt] = useState(here());
    useEffect(() => {
        const move = () => setAt(here());
        addEventListener('hashchange', move);
        return () => removeEventListener('hashchange', move);
    }, []);
    return at;
}

function Menu({ at, open }) {
    const groups = menu.map(([title, some]) => [title, some.filter(allowed)]).filter(([, some]) => some.length);
    return html`<nav class="side" id="menu" aria-label=${t('菜单|Menu')}>${groups.map(([title, some]) => html`
        ${title && html`<h2>${t(title)}</h2>`}
        <ul>${some.map(screen => html`<li><a href=${place(screen.path)} aria-current=${screen.path === at ? 'page' : undefined}>${t(screen.title)}${open[screen.path] > 0 && html` <span class="badge">${open[screen.path]}</span>`}</a></li>`)}</ul>`)}
    </nav>`;
}

function Top({ out, setOut, help }) {
    const [now, setNow] = useState(theme());
    const light = event => { setTheme(event.target.value); setNow(event.target.value); };
    return html`<header class="top">
        <button type="button" class="tool burger" aria-label=${t('菜单|Menu')} aria-expanded=${out ? 'true' : 'false'} aria-controls="menu" onClick=${() => setOut(!out)}>☰</button>
        <strong class="brand">IM Chat</strong>
        <span class="rest"></span>
        <button type="button" class="plain" onClick=${help} aria-label=${t('快捷键|Keys')} title=${t('快捷键（?）|Keys (?)')}>?</button>
        <select name="theme" aria-label=${t('外观|Appearance')} value=${now} onChange=${light}>${Object.entries(THEMES).map(([key, name]) => html`<option value=${key} selected=${key === now}>${t(name)}</option>`)}</select>
        <button type="button" class="plain" onClick=${switchLanguage} lang=${t('en|zh-CN')}>${t('English|中文')}</button>
        <a href="#account" class="me">${me().name} · ${roleName(me().role)}</a>
        <button type="button" class="plain" data-act="logout" onClick=${logOut}>${t('退出|Log out')}</button>
    </header>`;
}

function useKeys(help) {
    useEffect(() => {
        const key = event => {
            if (event.target.closest('input, textarea, select, dialog') || event.ctrlKey || event.metaKey || event.altKey)
                return;
            if (event.key === '?')
                help();
            else if (event.key === '/') {
                event.preventDefault();
                document.querySelector('.filters input, .filters select')?.focus();
            }
        };
        addEventListener('keydown', key);
        return () => removeEventListener('keydown', key);
    }, []);
}

export function Shell() {
    const { name, query } = usePlace();
    const [out, setOut] = useState(false);
    const [help, setHelp] = useState(false);
    const open = useOpen();
    const screen = screens.find(one => one.path === name && allowed(one));
    useKeys(() => setHelp(true));
    useEffect(() => {
        setOut(false);
        document.title = `${screen ? t(screen.title) : ''} · ${t('IM Chat 后台|IM Chat console')}`;
    }, [name]);
    const View = screen?.view;
    return html`<a class="skip" href="#${name}" onClick=${e => { e.preventDefault(); document.querySelector('main').focus(); }}>${t('跳到内容|Skip to the content')}</a>
        <${Top} out=${out} setOut=${setOut} help=${() => setHelp(true)} />
        <div class=${out ? 'frame out' : 'frame'}>
            <${Menu} at=${name} open=${open} />
            <main tabindex="-1">${!screen ? html`<h1>${t('没有这个页面|No such page')}</h1><p class="empty">${t('不存在，或您的角色无权查看。|It is not there, or not for your role.')}</p>`
                : View ? html`<${View} key=${name} query=${query} />` : html`<${List} key=${name} screen=${screen} query=${query} />`}</main>
        </div>
        ${help && html`<${Box} title=${t('快捷键|Keys')} close=${() => setHelp(false)}><dl class="facts">${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${t(what)}</dd></div>`)}</dl><//>`}`;
}
