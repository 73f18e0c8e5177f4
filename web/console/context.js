// Messages as a chat shows them, the one that is the point marked; content stays text, whatever it says.
import { html, useEffect, useRef } from '../parts/preact/standalone.module.js';
import { plain, thing } from './cells.js';
import { t } from './say.js';

export const TYPES = { 1: '文本|text', 2: '图片|picture', 3: '语音|voice', 4: '视频|video', 5: '文件|file', 6: '位置|place', 7: '红包|red packet', 8: '通话|call' };

// What a message says: nothing when it was recalled, of a red packet its words and the way to it, otherwise its text.
export function said(message) {
    if (message.isRecalled)
        return html`<span class="muted">${t('（已撤回）|(recalled)')}</span>`;
    if (message.messageType !== 7)
        return plain(message.content);
    try {
        const { redPacketId, remark } = JSON.parse(message.content);
        return thing('redpacket', redPacketId, remark || redPacketId);
    } catch {
        return plain(message.content);
    }
}

export function Context({ messages, marked }) {
    const point = useRef();
    const list = useRef();
    useEffect(() => {
        if (point.current)
            list.current.scrollTop = point.current.offsetTop - list.current.clientHeight / 3;
    }, [marked, messages]);
    if (!messages?.length)
        return html`<p class="muted">${t('没有|none')}</p>`;
    return html`<ol class="context" tabindex="0" ref=${list} aria-label=${t('上下文|Context')}>${messages.map(one => html`<li key=${one.id} class=${one.id === marked ? 'point' : ''} ref=${one.id === marked ? point : null}>
        <p class="who">${thing('user', one.senderId, one.senderName ?? one.senderId)} <time>${one.sendTime}</time>${one.messageType > 1 && html` <span class="state">${t(TYPES[one.messageType] ?? one.messageType)}</span>`}</p>
        <p class="said">${said(one)}</p>
    </li>`)}</ol>`;
}
