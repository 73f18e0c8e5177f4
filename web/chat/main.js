// The page begins here.

import {html, render, speak, useFollow, Layer, Spin} from '../lib/ui.js';
import {state, begin} from './model.js';
import {Door} from './door.js';
import {Shell} from './shell.js';

function App() {
    const {stage} = useFollow(state);
    return html`<div class="app">${stage === 'out' ? html`<${Door}/>` : stage === 'in' ? html`<${Shell}/>` : html`<${Spin}/>`}</div><${Layer}/>`;
}

await speak(() => import('./en.js'));
render(html`<${App}/>`, document.getElementById('page'));
begin();
