// The page begins here.

import {html, render, speak, later, useFollow, Layer, Spin} from '../lib/ui.js';
import {state, begin} from './model.js';

const Door = later(() => import('./door.js').then(all => all.Door));
const Shell = later(() => import('./shell.js').then(all => all.Shell));

function App() {
    const {stage} = useFollow(state);
    return html`<div class="app">${stage === 'out' ? html`<${Door}/>` : stage === 'in' ? html`<${Shell}/>` : html`<${Spin}/>`}</div><${Layer}/>`;
}

await speak(() => import('./en.js'));
render(html`<${App}/>`, document.getElementById('page'));
begin();
