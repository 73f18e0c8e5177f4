// The page begins here.
import { html, render } from '../parts/preact/standalone.module.js';

render(html`<h1>IM Chat</h1>`, document.getElementById('page'));
