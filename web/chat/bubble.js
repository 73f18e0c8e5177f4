// One message, by its type.

import {html, t, Component, useState, useEffect, useRef, Icon, Menu, Tool, clock, bytes, lasting, tell, fault} from '../lib/ui.js';
import {client, imageOf, nameOf, go} from './model.js';
import {carried, quoted, brief, cameOrLeft} from './brief.js';
import {Picture, useFile, useSight, save, addressOf, isOurs} from './media.js';
import {recall} from './view.js';

// Drawn again only when something of it has changed.
export class Bubble extends Component {
    shouldComponentUpdate(next, state) {
        return state !== this.state || Object.keys(next).some(name => next[name] !== this.props[name] && name !== 'onQuote');
    }

    render({message, thread, joined, last, name, status, going, role, found, onQuote}) {
        const mine = message.senderId === client.userId;
        const type = message.messageType;
        if (message.isRecalled) return html`<p class="day" data-seq=${message.seq}>${mine ? t('你撤回了一条消息') : t('{0} 撤回了一条消息', name)}</p>`;
        if (type === 8) return html`<${CallRecord} message=${message} mine=${mine} thread=${thread}/>`;
        if (type === 9) return html`<p class="day" data-seq=${message.seq}>${cameOrLeft(message.content, nameOf)}</p>`;
        const KIND = {1: Text, 2: Image, 3: Voice, 4: Video, 5: Attached, 6: Place, 7: Packet}[type] ?? Unknown;
        return html`<article class="line ${mine ? 'mine' : ''} ${joined ? 'joined' : ''} ${found ? 'found' : ''}" data-seq=${message.seq} aria-label=${mine ? t('我') : name}>
            ${mine ? null : joined ? html`<span class="no-face"></span>` : html`<button class="face-open" tabindex="-1" aria-label=${t('{0} 的资料', name)} onClick=${() => go(`people/${message.senderId}`)}><${Picture} url=${imageOf(message.senderId)} name=${name} id=${message.senderId} size="small"/></button>`}
            <div class="said">${!mine && thread.isGroup && !joined ? html`<span class="by">${name} <time>${clock(message.sendTime)}</time></span>` : null}
                <div class="with-menu"><div class="bubble t${type}"><${KIND} message=${message} thread=${thread} mine=${mine} name=${name} packet=${this.props.packet}/></div>
                ${going ? html`<${Going} message=${message} thread=${thread}/>` : html`<${Actions} message=${message} thread=${thread} mine=${mine} name=${name} role=${role} onQuote=${onQuote}/>`}</div>
                ${going === 'refused' ? html`<span class="fault small" role="alert">${message.why}</span>`
                : (last || going) && (mine || !thread.isGroup) ? html`<span class="foot">${message.sendTime ? html`<time>${clock(message.sendTime)}</time>` : null}${mine && status ? html`<span class=${status === 3 ? 'read' : ''}>${status === 3 ? t('已读') : status === 2 ? t('已送达') : t('已发送')}</span>` : null}</span>` : null}
            </div></article>`;
    }
}

function Going({message, thread}) {
    if (message.going === 'refused') {
        return html`<${Tool} icon="undo" title=${t('重发')} onClick=${() => thread.again(message)}/><${Tool} icon="trash" title=${t('删除')} onClick=${() => thread.drop(message)}/>`;
    }
    return html`<span class="sending" role="status" aria-label=${t('正在发送')}><${Icon} name="clock"/></span>`;
}

function Actions({message, thread, mine, name, role, onQuote}) {
    const [open, set] = useState(false);
    const text = message.messageType === 1;
    const file = message.messageType >= 2 && message.messageType <= 5;
    const mayRecall = message.messageType < 7 && (mine || (thread.isGroup && (role === 'OWNER' || role === 'MANAGER')));
    const items = [
        text && ['copy', t('复制'), () => navigator.clipboard?.writeText(message.content).then(() => tell(t('已复制')), fault)],
        ['quote', t('引用'), () => onQuote({name: mine ? t('我') : name, text: brief(message).slice(0, 120)})],
        (text || file) && ['out', t('转发'), () => import('./start.js').then(all => all.forward(message))],
        file && ['download', t('下载'), () => save(carried(message.content).url, carried(message.content).fileName ?? t('文件'))],
        mine && thread.isGroup && ['checks', t('谁读过'), () => import('./group.js').then(all => all.readers(message))],
        mayRecall && ['undo', t('撤回'), () => recall(thread, message)],
        !mine && ['flag', t('投诉'), () => import('./me.js').then(all => all.complain(1, message.senderId, message.id))],
    ];
    return html`<span class="menu-at act"><${Tool} icon="more" title=${t('消息操作')} aria-haspopup="menu" aria-expanded=${open ? 'true' : 'false'} onClick=${() => set(!open)}/>
        ${open ? html`<${Menu} items=${items} place=${mine ? 'end' : ''} onClose=${() => set(false)}/>` : null}</span>`;
}

// --- text: addresses become links, the names of who is mentioned stand out ------------------------------------------------------------

const ADDRESS = /(https?:\/\/[^\s<>"'，。；！？、）】》]+)/;
const EMOJI_ONLY = /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}|\uFE0F|\u200D|\s){1,12}$/u;

export function Words({text, marked}) {
    const parts = text.split(ADDRESS);
    return parts.map((part, n) => n % 2 ? html`<a href=${part} target="_blank" rel="noopener noreferrer nofollow">${part}</a>`
        : marked ? part.split(/(@[^\s@]{1,30})/).map((one, m) => m % 2 ? html`<b class="at">${one}</b>` : one) : part);
}

function Text({message}) {
    const {quote, text} = quoted(message.content);
    return html`${quote ? html`<blockquote>${quote}</blockquote>` : null}<p class="words ${EMOJI_ONLY.test(text) ? 'huge' : ''}"><${Words} text=${text} marked=${message.atUserIds?.length}/></p>`;
}

// --- pictures and recordings: their place is kept before they come ----------------------------------------------------------------

function sized({width, height}, most = 260) {
    if (!(width > 0 && height > 0)) return {width: '200px', height: '150px'};
    const scale = Math.min(1, most / width, 320 / height);
    return {width: `${Math.max(60, Math.round(width * scale))}px`, aspectRatio: `${width} / ${height}`};
}

function Image({message, thread}) {
    const about = carried(message.content);
    const [at, seen] = useSight();
    const address = useFile(seen ? about.thumbUrl || about.url : null);
    const large = () => import('./offer.js').then(all => all.look(about));
    return html`<button class="shot" ref=${at} style=${sized(about)} aria-label=${t('查看图片 {0}', about.fileName ?? '')} onClick=${large}>
        ${address ? html`<img src=${address} alt=${about.fileName ?? t('图片')}/>` : seen && address === null ? html`<${Icon} name="picture"/>` : null}</button>`;
}

function Video({message}) {
    const about = carried(message.content);
    const [at, seen] = useSight();
    const still = useFile(seen ? about.thumbUrl : null);
    return html`<button class="shot film" ref=${at} style=${sized(about)} aria-label=${t('播放视频 {0}', about.fileName ?? '')} onClick=${() => import('./offer.js').then(all => all.look(about, true))}>
        ${still ? html`<img src=${still} alt=""/>` : null}<span class="go"><${Icon} name="play"/></span>${about.duration ? html`<span class="long">${lasting(about.duration)}</span>` : null}</button>`;
}

function Voice({message}) {
    const about = carried(message.content);
    const [playing, set] = useState(false);
    const [part, setPart] = useState(0);
    const sound = useRef(null);
    useEffect(() => () => sound.current?.pause(), []);
    const toggle = async () => {
        try {
            if (!sound.current) {
                sound.current = new Audio(await addressOf(about.url).promise);
                sound.current.ontimeupdate = () => setPart(sound.current.currentTime / (about.duration || sound.current.duration || 1));
                sound.current.onended = () => { set(false); setPart(0); };
            }
            playing ? sound.current.pause() : await sound.current.play();
            set(!playing);
        } catch (error) {
            fault(error);
        }
    };
    const wave = Array.isArray(about.wave) && about.wave.length ? about.wave.slice(0, 40) : Array.from({length: 24}, (_, n) => 30 + 25 * Math.abs(Math.sin(n * 1.7)));
    return html`<button class="voice" onClick=${toggle} aria-label=${playing ? t('暂停') : t('播放语音，{0} 秒', Math.round(about.duration ?? 0))}><${Icon} name=${playing ? 'pause' : 'play'}/>
        <span class="wave" aria-hidden="true">${wave.map((height, n) => html`<i class=${n / wave.length < part ? 'past' : ''} style=${{height: `${Math.max(12, Math.min(100, Number(height) || 0))}%`}}></i>`)}</span>
        <span class="number">${lasting(about.duration ?? 0)}</span></button>`;
}

function Attached({message}) {
    const about = carried(message.content);
    const name = about.fileName ?? t('文件');
    return html`<button class="attached" disabled=${!isOurs(about.url)} onClick=${() => save(about.url, name)}><span class="page-icon"><${Icon} name="file"/></span>
        <span class="grow"><span class="unseen">${t('下载')} </span><span class="file-name">${name}</span><span class="quiet small">${about.fileSize ? bytes(about.fileSize) : ''}</span></span><${Icon} name="download"/></button>`;
}

function Place({message}) {
    const {name, address, title} = carried(message.content);
    return html`<p class="words"><${Icon} name="pin"/> ${title ?? name ?? message.content}${address ? html`<br/><span class="quiet small">${address}</span>` : null}</p>`;
}

function Packet({message, thread, mine}) {
    const {remark, redPacketId} = carried(message.content);
    const known = thread.packets.get(redPacketId);
    const over = {FINISHED: t('已抢完'), REFUNDED: t('已过期'), MINE: t('已领取')}[known];
    return html`<button class="packet ${known ? 'opened' : ''}" onClick=${() => import('./packet.js').then(all => all.openPacket(thread, redPacketId, mine)).catch(fault)}>
        <span class="row"><span class="seal" aria-hidden="true">¥</span><span class="grow"><strong class="cut">${remark || t('恭喜发财，大吉大利')}</strong><span class="small">${over ?? t('点开看看')}</span></span></span><span class="kind small">${t('红包')}</span></button>`;
}

function CallRecord({message, mine, thread}) {
    const {mode, outcome, duration} = carried(message.content);
    const said = {answered: t('通话 {0}', lasting(duration ?? 0)), rejected: mine ? t('对方已拒绝') : t('已拒绝'), cancelled: mine ? t('已取消') : t('对方已取消'), missed: mine ? t('无人接听') : t('未接来电')}[outcome] ?? '';
    return html`<p class="day" data-seq=${message.seq}><button class="called" onClick=${() => import('./call.js').then(all => all.start(thread, mode)).catch(fault)}><${Icon} name=${mode === 1 ? 'video' : 'phone'}/>${mode === 1 ? t('视频通话') : t('语音通话')} · ${said}</button></p>`;
}

const Unknown = ({message}) => html`<p class="words quiet">${brief(message)}</p>`;
