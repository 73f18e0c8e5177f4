// A message in one line: of a list, a quotation, a notification.

import {t} from '../lib/ui.js';

// What a message of type 2 to 9 carries: an object, or a bare url.
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

// Who came or left, and by whom.
export function cameOrLeft(content, nameOf) {
    const {event, operatorId, memberIds = []} = carried(content);
    const names = memberIds.slice(0, 10).map(nameOf).join(t('、')) + (memberIds.length > 10 ? '…' : '');
    if (event === 'QUIT') return t('{0} 退出了群聊', names);
    if (event === 'REMOVE') return t('{0} 将 {1} 移出了群聊', nameOf(operatorId), names);
    return memberIds.includes(operatorId) ? t('{0} 加入了群聊', names) : t('{0} 邀请 {1} 加入了群聊', nameOf(operatorId), names);
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
    case 9: return ({QUIT: t('[有成员退出]'), REMOVE: t('[有成员被移出]')})[carried(content).event] ?? t('[有新成员加入]');
    default: return content === null || content === undefined ? '' : t('[消息]');
    }
}
