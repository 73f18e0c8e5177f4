// The page begins here: who is not logged in logs in, then sees the screen that the address names.
import { html, render, useEffect, useState } from '../parts/preact/standalone.module.js';
import { me, refresh } from './api.js';
import { Login } from './login.js';
import { Shell } from './shell.js';
import { setTheme, tag, theme } from './say.js';
import { Told } from './tell.js';

function Page() {
    const [who, setWho] = useState(me());
    const [over, setOver] = useState(false);
    useEffect(() => {
        addEventListener('im-over', () => { setWho(null); setOver(true); });
        if (me())
            refresh().then(() => setWho(me())).catch(() => {});
    }, []);
    return html`${who ? html`<${Shell} />` : html`<${Login} over=${over} done=${() => { setOver(false); setWho(me()); }} />`}<${Told} />`;
}

document.documentElement.lang = tag;
setTheme(theme());
render(html`<${Page} />`, document.getElementById('page'));
