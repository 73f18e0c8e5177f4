// A call that one is in: a connection to each of the others, what they say by the server, and how it looks.

import {html, t, useState, useEffect, useRef, useFollow, Icon, lasting, tell, fault} from '../lib/ui.js';
import {state, client, api, nameOf, imageOf, conversationOf} from './model.js';
import {onCall, ended} from './ring.js';
import {Picture} from './media.js';

let now = null;         // the call of this tab

class Call {
    constructor({callId, groupId, mode, withId, iceServers, offers}) {
        Object.assign(this, {callId, groupId, mode, withId, iceServers, offers});
        this.peers = new Map();         // userId => {connection, stream, waiting}
        this.since = null;
        this.mic = true;
        this.camera = mode === 1;
        this.screen = null;
        this.early = [];
    }

    async open() {
        now = this;
        sessionStorage.setItem('im.call', this.callId);
        onCall(data => this.hear(data));
        this.show();
        this.timer = setInterval(() => (this.groupId ? api.webrtcGroupHeartbeat : api.webrtcPrivateHeartbeat)({callId: this.callId}).catch(error => {
            if (error.code === 6002 || error.code === 404) this.close(t('通话已结束'));
        }), 15000);
        this.local = await devices(this.mode).catch(error => { tell(error.name === 'NotAllowedError' ? t('没有使用麦克风或摄像头的权限') : t('没有找到麦克风或摄像头'), true); return new MediaStream(); });
        if (now !== this) return this.release();
        this.camera = this.local.getVideoTracks().length > 0;
        this.ready = true;
        for (const data of this.early.splice(0)) await this.hear(data);
        this.show();
    }

    show() {
        const {callId, groupId, mode} = this;
        state.set({call: {callId, groupId, mode, phase: 'in', session: this, view: CallView}});
    }

    // The connection to one of the others; the tracks are there from the start, so that a screen is shown without a new offer.
    peer(userId) {
        if (this.peers.has(userId)) return this.peers.get(userId);
        const connection = new RTCPeerConnection({iceServers: this.iceServers, bundlePolicy: 'max-bundle'});
        const peer = {connection, stream: new MediaStream(), sound: null, waiting: [], video: null};
        this.peers.set(userId, peer);
        connection.ontrack = ({track}) => {
            // Each alone, for sound does not wait for a picture that never comes; and never into a stream that is played already:
            // what was given an empty one may not begin.
            peer[track.kind === 'audio' ? 'sound' : 'stream'] = new MediaStream([track]);
            this.since ??= Date.now();
            this.show();
        };
        connection.onicecandidate = ({candidate}) => candidate && this.signal('candidate', userId, candidate.toJSON());
        connection.onconnectionstatechange = () => {
            if (connection.connectionState === 'failed' && this.isOfferer(userId)) this.offer(userId, true);
            this.show();
        };
        return peer;
    }

    isOfferer(userId) { return this.groupId ? this.offered?.has(userId) : this.offers; }

    addTracks(peer) {
        for (const kind of ['audio', 'video']) {
            const [track] = kind === 'audio' ? this.local.getAudioTracks() : this.outgoingVideo();
            const transceiver = peer.connection.getTransceivers().find(one => one.receiver.track.kind === kind && !one.sender.track && one.direction !== 'stopped')
                ?? peer.connection.addTransceiver(kind, {direction: 'sendrecv'});
            transceiver.direction = 'sendrecv';
            transceiver.sender.replaceTrack(track ?? null);
            if (kind === 'video') peer.video = transceiver.sender;
        }
    }

    outgoingVideo() { return (this.screen ?? this.local).getVideoTracks(); }

    async offer(userId, iceRestart = false) {
        (this.offered ??= new Set()).add(userId);
        const peer = this.peer(userId);
        if (!iceRestart) this.addTracks(peer);
        await peer.connection.setLocalDescription(await peer.connection.createOffer({iceRestart}));
        await this.signal('offer', userId, peer.connection.localDescription.sdp);
    }

    signal(kind, toUserId, value) {
        const args = {callId: this.callId, [kind]: value, ...(this.groupId ? {toUserId} : {})};
        const way = this.groupId ? {offer: api.webrtcGroupOffer, answer: api.webrtcGroupAnswer, candidate: api.webrtcGroupCandidate}
            : {offer: api.webrtcPrivateOffer, answer: api.webrtcPrivateAnswer, candidate: api.webrtcPrivateHeartbeat};
        return way[kind](args).catch(error => { if (error.code !== 6002 && error.code !== 404) fault(error); });
    }

    async hear(data) {
        if (data.fromId === client.userId && !['HANDUP', 'TIMEOUT', 'CANCEL'].includes(data.event)) return;
        if (!this.ready && ['ACCEPT', 'OFFER', 'ANSWER', 'CANDIDATE'].includes(data.event)) return this.early.push(data);
        const {event, fromId} = data;
        try {
            if (event === 'ACCEPT' && !this.groupId) await this.offer(fromId);
            else if (event === 'OFFER') await this.heardOffer(fromId, data.offer);
            else if (event === 'ANSWER') await this.described(this.peer(fromId), {type: 'answer', sdp: data.answer});
            else if (event === 'CANDIDATE') await this.candidate(this.peer(fromId), data.candidate);
            else if (event === 'LEAVE' || (this.groupId && event === 'REJECT')) this.leaves(fromId);
            else if (!this.groupId && ended(event)) this.close(ended(event));
            else if (event === 'TIMEOUT' || (event === 'HANDUP' && this.groupId)) { if (event === 'TIMEOUT' || !this.peers.size) this.close(ended(event)); }
        } catch (error) {
            fault(error);
        }
    }

    async heardOffer(fromId, sdp) {
        const peer = this.peer(fromId);
        await this.described(peer, {type: 'offer', sdp});
        this.addTracks(peer);
        await peer.connection.setLocalDescription(await peer.connection.createAnswer());
        await this.signal('answer', fromId, peer.connection.localDescription.sdp);
    }

    async described(peer, description) {
        await peer.connection.setRemoteDescription(description);
        for (const candidate of peer.waiting.splice(0)) await peer.connection.addIceCandidate(candidate).catch(() => {});
    }

    async candidate(peer, candidate) {
        const one = typeof candidate === 'string' ? {candidate, sdpMid: '0'} : candidate;
        if (!peer.connection.remoteDescription) return peer.waiting.push(one);
        await peer.connection.addIceCandidate(one).catch(() => {});
    }

    leaves(userId) {
        this.peers.get(userId)?.connection.close();
        this.peers.delete(userId);
        this.show();
    }

    setMic(on) {
        this.mic = on;
        for (const track of this.local.getAudioTracks()) track.enabled = on;
        this.show();
    }

    async setCamera(on) {
        if (on && !this.local.getVideoTracks().length) {
            const more = await navigator.mediaDevices.getUserMedia({video: true});
            for (const track of more.getTracks()) this.local.addTrack(track);
        }
        for (const track of this.local.getVideoTracks()) track.enabled = on;
        this.camera = on;
        if (!this.screen) this.sendVideo();
        this.show();
    }

    async setScreen(on) {
        if (on) {
            this.screen = await navigator.mediaDevices.getDisplayMedia({video: true});
            this.screen.getVideoTracks()[0].onended = () => this.setScreen(false);
        } else {
            for (const track of this.screen?.getTracks() ?? []) track.stop();
            this.screen = null;
        }
        this.sendVideo();
        this.show();
    }

    sendVideo() {
        for (const {video} of this.peers.values()) video?.replaceTrack(this.outgoingVideo()[0] ?? null);
    }

    hangUp() {
        const end = this.groupId ? api.webrtcGroupHandup : this.peers.size || !this.offers ? api.webrtcPrivateHandup : api.webrtcPrivateCancel;
        end({callId: this.callId}).catch(error => { if (error.code === 6002 && !this.groupId) api.webrtcPrivateHandup({callId: this.callId}).catch(() => {}); });
        this.close();
    }

    close(why) {
        if (now !== this) return;
        now = null;
        onCall(null);
        sessionStorage.removeItem('im.call');
        clearInterval(this.timer);
        for (const {connection} of this.peers.values()) connection.close();
        this.peers.clear();
        this.release();
        state.set({call: null});
        if (why) tell(why);
    }

    release() {
        for (const stream of [this.local, this.screen]) for (const track of stream?.getTracks() ?? []) track.stop();
    }
}

const devices = mode => {
    if (!navigator.mediaDevices) return Promise.reject(new Error(t('这个浏览器只在 HTTPS 下允许通话')));
    const sound = {echoCancellation: true, noiseSuppression: true};
    return navigator.mediaDevices.getUserMedia({audio: sound, video: mode === 1 ? {width: {ideal: 960}, height: {ideal: 540}} : false})
        .catch(error => { if (mode !== 1) throw error; return navigator.mediaDevices.getUserMedia({audio: sound}); });
};

export async function start(thread, mode) {
    if (now) return now.show();
    const id = +thread.key.slice(1);
    const {callId, iceServers} = thread.isGroup ? await api.webrtcGroupSetup({groupId: id, mode}) : await api.webrtcPrivateSetup({friendId: id, mode});
    await new Call({callId, iceServers, mode, groupId: thread.isGroup ? id : null, withId: thread.isGroup ? null : id, offers: true}).open();
}

export async function accept({callId, groupId, fromId, mode}) {
    const {iceServers} = groupId ? await api.webrtcGroupAccept({callId}) : await api.webrtcPrivateAccept({callId});
    await enter({callId, groupId, mode, iceServers, withId: fromId});
}

export async function join(thread, {callId, mode}) {
    if (now) return now.show();
    const {iceServers} = await api.webrtcGroupJoin({callId});
    await enter({callId, mode, iceServers, groupId: +thread.key.slice(1)});
}

// Who comes to a group's call offers to each who is in it.
async function enter(about) {
    const call = new Call({...about, offers: false});
    await call.open();
    if (!about.groupId) return;
    const {parties} = await api.webrtcCall({callId: about.callId});
    for (const {userId, state: is} of parties) if (is === 'in' && userId !== client.userId && !call.peers.has(userId)) await call.offer(userId);
}

// --- how it looks ----------------------------------------------------------------------------------------------------------------------------

function plays(element, stream) {
    if (!element || element.srcObject === stream) return;
    element.srcObject = stream;
    element.play().catch(() => {});
}

function Screen({stream, sound, name, mirrored, still}) {
    const [picture, speaker] = [useRef(), useRef()];
    useEffect(() => { plays(picture.current, stream); plays(speaker.current, sound); });
    return html`<figure class="tile ${mirrored ? 'mirrored' : ''} ${still ? 'still' : ''}"><video ref=${picture} autoplay playsinline muted></video>${sound ? html`<audio ref=${speaker} autoplay></audio>` : null}${still}<figcaption>${name}</figcaption></figure>`;
}

function CallView({call: {session}}) {
    useFollow(state);
    const [seconds, set] = useState(0);
    const [small, setSmall] = useState(false);
    useEffect(() => {
        const timer = setInterval(() => set(session.since ? (Date.now() - session.since) / 1000 : 0), 500);
        return () => clearInterval(timer);
    }, [session]);
    const title = session.groupId ? conversationOf(`g${session.groupId}`).name : nameOf(session.withId);
    const peers = [...session.peers];
    const live = stream => stream.getVideoTracks().some(track => track.readyState === 'live' && !track.muted);
    const face = id => html`<${Picture} url=${imageOf(id)} name=${nameOf(id)} id=${id} size="large"/>`;
    const control = (icon, name, act, more = '') => html`<button class="round ${more}" title=${name} aria-label=${name} onClick=${() => Promise.resolve(act()).catch(error => error.name !== 'NotAllowedError' && fault(error))}><${Icon} name=${icon}/></button>`;
    return html`<section class="call ${small ? 'small' : ''}" aria-label=${t('通话')}>
        <header><strong class="grow cut">${title}</strong><span class="number" role="timer">${session.since ? lasting(seconds) : t('等待接听…')}</span>
            <button class="link" onClick=${() => setSmall(!small)}>${small ? t('展开') : t('缩小')}</button></header>
        <div class="tiles n${Math.min(peers.length, 4)}">${peers.length ? peers.map(([id, {stream, sound}]) => html`<${Screen} key=${id} stream=${stream} sound=${sound} name=${nameOf(id)} still=${live(stream) ? null : face(id)}/>`)
        : html`<div class="tile still">${face(session.withId ?? client.userId)}</div>`}</div>
        ${session.local && (session.screen || session.camera) ? html`<div class="self-view"><${Screen} stream=${session.screen ?? session.local} name=${t('我')} mirrored=${!session.screen}/></div>` : null}
        <footer>${control(session.mic ? 'mic' : 'micoff', session.mic ? t('静音') : t('取消静音'), () => session.setMic(!session.mic), session.mic ? '' : 'off')}
            ${control(session.camera ? 'video' : 'camoff', session.camera ? t('关闭摄像头') : t('打开摄像头'), () => session.setCamera(!session.camera), session.camera ? '' : 'off')}
            ${navigator.mediaDevices?.getDisplayMedia ? control('screen', session.screen ? t('停止共享') : t('共享屏幕'), () => session.setScreen(!session.screen), session.screen ? 'on' : '') : null}
            ${control('phone', t('挂断'), () => session.hangUp(), 'bad hang')}</footer></section>`;
}
