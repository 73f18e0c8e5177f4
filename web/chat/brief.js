// A message in one line: of a list, a quotation, a notification.

import {t} from '../lib/ui.js';

// What a message of type 2 to 8 carries: an object, or a bare url.
export function carried(content) {
    try {
        const data = JSON.parse(content);
        if (data && typeof data === 'object') return data;
    } catch {
        // a url
    }
    return {url: content};
}

// A text may begin with what it answers: > name: words, a line of its own.
export function quoted(content) {
    const match = /^> ([^\n]{1,300})\n([\s\S]+)$/.exec(content);
    return match ? {quote: match[1], text: match[2]} : {text: content};
}

export function brief({content, messageType, isRecalled}) {
    if (isRecalled) return t('消息已撤回');
    switch (messageType) {
    case 1: return quoted(content ?? '').text.replace(/\s+/g, ' ');
    case 2: return t('[图片]');
    case 3: return t('[语音]');
    case 4: return t('[视频]');
    case 5: return `${t('[文件]')} ${carried(content).fileName ?? ''}`;
    case 6: return t('[位置]');
    case 7: return `${t('[红包]')} ${carried(content).remark ?? ''}`;
    case 8: return carried(content).mode === 1 ? t('[视频通话]') : t('[语音通话]');
    default: return content === null || content === undefined ? '' : t('[消息]');
    }
}
