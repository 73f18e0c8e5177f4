// What was done, told for a moment at the foot of the page; a reader of the screen hears it.
import { html, useEffect, useState } from '../parts/preact/standalone.module.js';

const STAYS = 6000;
let show = () => {};
let count = 0;

export function tell(text, bad = false) { show({ id: ++count, text, bad }); }

export function Told() {
    const [all, setAll] = useState([]);
    useEffect(() => {
        show = one => {
            setAll(before => [...before.slice(-3), one]);
            setTimeout(() => setAll(before => before.filter(other => other.id !== one.id)), STAYS);
        };
    }, []);
    return html`<div class="told" role="status" aria-live="polite">${all.map(one => html`<p key=${one.id} class=${one.bad ? 'bad' : ''}>${one.text}</p>`)}</div>`;
}
