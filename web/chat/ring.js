// A call that rings, on every tab of the account; the one that takes it loads call.js.

import {html, t, useFollow, useState, useEffect, useRef, Icon, tell, fault} from '../lib/ui.js';
import {state, client, api, nameOf, imageOf, conversationOf} from './model.js';
import {Picture} from './media.js';
import {notifyCall} from './notify.js';

// Events for who is in a call: call.js.
let hear = null;
export const onCall = listener => { hear = listener; };

const END = {REJECT: () => t('对方已拒绝'), CANCEL: () => t('对方已取消'), HANDUP: () => t('通话已结束'), TIMEOUT: () => t('无人接听')};

client.on('call', data => {
    const {call} = state.values;
    const mine = data.fromId === client.userId;
    if (data.event === 'SETUP') {
        if (mine || call) return;
        state.set({call: {callId: data.callId, groupId: data.groupId, fromId: data.fromId, mode: data.mode, phase: 'rings'}});
        notifyCall(data);
        return;
    }
    if (call?.callId !== data.callId) return;
    if (call.phase === 'rings') {
        const elsewhere = mine && ['ACCEPT', 'REJECT', 'JOIN'].includes(data.event);
        const over = data.groupId ? ['HANDUP', 'TIMEOUT', 'CANCEL'].includes(data.event) : data.event in END;
        if (elsewhere || over) state.set({call: null});
        if (elsewhere && data.event !== 'REJECT') tell(t('已在其他设备接听'));
    } else {
        hear?.(data);
    }
});

// A page that is opened while it rings; one that was loaded anew in a call has left it.
client.on('ready', async () => {
    const current = await api.webrtcCurrent().catch(() => null);
    if (!current || state.values.call) return;
    const me = current.parties.find(one => one.userId === client.userId);
    if (me?.state === 'ringing' && current.callerId !== client.userId) {
        state.set({call: {callId: current.callId, groupId: current.groupId, fromId: current.callerId, mode: current.mode, phase: 'rings'}});
    } else if (me?.state === 'in' && sessionStorage.getItem('im.call') === current.callId) {
        const end = current.groupId ? api.webrtcGroupHandup : current.state === 'ringing' ? api.webrtcPrivateCancel : api.webrtcPrivateHandup;
        end({callId: current.callId}).catch(() => {});
    }
});

export const ended = event => END[event]?.();

function tone() {
    let context;
    try {
        context = new AudioContext();
    } catch {
        return () => {};
    }
    const beep = () => {
        const [sound, volume] = [context.createOscillator(), context.createGain()];
        sound.frequency.value = 660;
        volume.gain.setValueAtTime(0.0001, context.currentTime);
        volume.gain.exponentialRampToValueAtTime(0.12, context.currentTime + 0.05);
        volume.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + 0.5);
        sound.connect(volume).connect(context.destination);
        sound.start();
        sound.stop(context.currentTime + 0.5);
    };
    beep();
    const timer = setInterval(beep, 1500);
    return () => { clearInterval(timer); context.close(); };
}

export function Ringing() {
    const {call} = useFollow(state);
    if (!call) return null;
    return call.phase === 'rings' ? html`<${Incoming} key=${call.callId} call=${call}/>` : call.view ? html`<${call.view} call=${call}/>` : null;
}

function Incoming({call}) {
    const box = useRef();
    const [busy, set] = useState(false);
    useEffect(() => {
        const stop = tone();
        box.current.querySelector('.take').focus();
        return stop;
    }, []);
    const take = async () => {
        set(true);
        try {
            const {accept} = await import('./call.js');
            await accept(call);
        } catch (error) {
            fault(error);
            if (error.code === 6002 || error.code === 404) state.set({call: null});
            set(false);
        }
    };
    const decline = () => {
        state.set({call: null});
        (call.groupId ? api.webrtcGroupReject : api.webrtcPrivateReject)({callId: call.callId}).catch(() => {});
    };
    const where = call.groupId ? conversationOf(`g${call.groupId}`).name : '';
    return html`<div class="incoming" role="alertdialog" aria-label=${t('来电')} ref=${box}><${Picture} url=${imageOf(call.fromId)} name=${nameOf(call.fromId)} id=${call.fromId}/>
        <span class="grow"><strong class="cut">${nameOf(call.fromId)}</strong><span class="quiet small">${where ? `${where} · ` : ''}${call.mode === 1 ? t('邀请你视频通话') : t('邀请你语音通话')}</span></span>
        <button class="round bad" aria-label=${t('拒绝')} title=${t('拒绝')} onClick=${decline}><${Icon} name="close"/></button>
        <button class="round good take" aria-label=${t('接听')} title=${t('接听')} disabled=${busy} onClick=${take}><${Icon} name=${call.mode === 1 ? 'video' : 'phone'}/></button></div>`;
}
