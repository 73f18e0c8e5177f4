/*
 * A page that calls, as webrtc(8) tells it: log-in, one socket, one connection for each of the other people.
 *
 *     index.html?chat=http://host:8080&socket=ws://host:8081/ws&policy=relay
 *
 * A test plays the person, by window.phone.  Whatever this page is not told, because it was loaded anew or its socket was
 * away, it fetches from /webrtc/current.
 */
const place  = new URLSearchParams(location.search);
const CAMERA = {                                            // small, and the sound as it is: the test's machine has other work
    audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false},
    video: {width: 160, height: 120, frameRate: 5},
};
const pause  = milliseconds => new Promise(done => setTimeout(done, milliseconds));

let me = JSON.parse(sessionStorage.getItem('me')) ?? {};    // what /login answers; a page that is loaded anew has it
let call = null;                                            // the call that this page is in
let ringing = null;                                         // or one that it could accept
let online = false;                                         // it is told of everything
const records = [];                                         // what calls have left in the chats

// --- the server ------------------------------------------------------------------------------------------------------

// One request: what it answers, or throws its code.
async function ask(method, path, fields) {
    const headers = {Authorization: `Bearer ${me.accessToken}`, ...fields && {'Content-Type': 'application/json'}};
    const answer = await (await fetch(place.get('chat') + path, {method, headers, body: JSON.stringify(fields)})).json();
    if (answer.code !== 200)
        throw Object.assign(new Error(`${path}: ${answer.code} ${answer.message}`), {code: answer.code});
    return answer.data;
}

// The same, until somebody is there to answer.
async function insist(...request) {
    for (;;) {
        try {
            return await ask(...request);
        } catch (error) {
            if (error.code < 500)
                throw error;
            await pause(300);
        }
    }
}

// Whatever changes the call, a frame or the person, waits for what came before it: an offer may be here before the answer to
// the accept that it follows.
let work = Promise.resolve();

function queue(task) {
    const done = work.then(task);
    work = done.catch(() => {});
    return done;
}

// A socket for ever; after each opening comes what was missed.
function connect() {
    const socket = new WebSocket(`${place.get('socket')}?accessToken=${me.accessToken}`);
    const beat = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"type":"HEARTBEAT","data":{}}'), 20000);
    socket.onopen = () => queue(resume);
    socket.onmessage = ({data}) => queue(() => take(JSON.parse(data)));
    socket.onclose = () => {
        clearInterval(beat);
        online = false;
        setTimeout(connect, 300 + 700 * Math.random());
    };
}

async function take({type, data}) {
    if (data.messageType === 8)
        records.push(JSON.parse(data.content));
    if (type !== 'RTC_CALL')
        return;
    if (data.event === 'SETUP' && data.fromId !== me.userId)
        ringing = data;
    if (['ACCEPT', 'REJECT', 'CANCEL', 'HANDUP', 'TIMEOUT'].includes(data.event))
        ringing = null;
    if (data.callId === call?.id)
        await call.take(data);
    show();
}

// What this page has missed: signals, the end of its call; or, of a page that was loaded anew, the call itself.
async function resume() {
    const now = await insist('GET', '/webrtc/current');
    const fresh = !call && now?.parties.some(party => party.userId === me.userId && party.state === 'in');
    if (call && now?.callId !== call.id)
        call.over();
    if (fresh)
        call = new Call(now.callId, now.groupId, (await insist('GET', '/webrtc/config')).iceServers);
    await call?.resume(now, fresh);
    if (call || now || !ringing?.groupId)       // a group's that rings is not told there
        ringing = call ? null : now;
    online = true;
    show();
}

// --- a call ------------------------------------------------------------------------------------------------------------

class Call {
    peers = new Map();      // account => Peer
    seen = new Set();       // signals that were taken: they come by the socket, and again when fetched
    posts = Promise.resolve();

    constructor(id, groupId, iceServers) {
        Object.assign(this, {id, groupId, iceServers, kind: groupId ? 'group' : 'private'});
        this.beat = setInterval(() => this.post('heartbeat', {}), 20000);
    }

    peer(account) {
        if (!this.peers.has(account))
            this.peers.set(account, new Peer(this, account));
        return this.peers.get(account);
    }

    // One after the other, so that they are numbered as they were made.  What comes after the end is no matter.
    post(what, fields) {
        this.posts = this.posts.then(() => insist('POST', `/webrtc/${this.kind}/${what}`, {callId: this.id, ...fields}))
            .catch(error => { if (error.code !== 6002 && error.code !== 404) console.error(error.message) });
    }

    async take(event) {
        if (['OFFER', 'ANSWER', 'CANDIDATE'].includes(event.event)) {
            if (this.unseen(event))
                await this.peer(event.fromId).take(event);
        } else if (event.event === 'ACCEPT') {
            if (event.fromId !== me.userId)
                await this.peer(event.fromId).offer();
        } else if (event.event === 'LEAVE' && event.fromId !== me.userId) {
            this.peers.get(event.fromId)?.close();
            this.peers.delete(event.fromId);
        } else if (['LEAVE', 'CANCEL', 'HANDUP', 'TIMEOUT'].includes(event.event) || (event.event === 'REJECT' && !this.groupId)) {
            this.over();
        }
    }

    unseen({fromId, seq}) {
        const key = `${fromId} ${seq}`;
        return !this.seen.has(key) && this.seen.add(key);
    }

    // Who comes, again or for the first time, has no connections: he offers one to each who is there.
    async resume({state, callerId, parties, signals}, fresh) {
        const there = parties.filter(party => party.state === 'in' && party.userId !== me.userId).map(party => party.userId);
        for (const signal of signals)
            if (this.unseen(signal) && !fresh)
                await this.peer(signal.fromId).take(signal);
        if (fresh || (state === 'accepted' && callerId === me.userId && !this.groupId && !this.peers.size))
            await this.offer(there);
    }

    async offer(accounts) {
        for (const account of accounts)
            await this.peer(account).offer();
    }

    over() {
        clearInterval(this.beat);
        this.peers.forEach(peer => peer.close());
        call = null;
    }
}

// --- a connection with one of the others ------------------------------------------------------------------------------

const session = description => description?.sdp.match(/^o=\S+ (\d+)/m)[1];

class Peer {
    described = 0;          // the highest number of a description that came
    held = [];              // candidates of a description that has not come yet

    constructor(call, account) {
        Object.assign(this, {call, account});
        this.figure = figure(account);
        this.connect();
    }

    connect() {
        this.pc?.close();
        const pc = this.pc = new RTCPeerConnection(
            {iceServers: this.call.iceServers, iceTransportPolicy: place.get('policy') ?? 'all', bundlePolicy: 'max-bundle'});
        camera.getTracks().forEach(track => pc.addTrack(track, camera));
        pc.ontrack = ({streams}) => { this.figure.video.srcObject = streams[0] };
        pc.onicecandidate = ({candidate}) => candidate && this.post('candidate', candidate);
        pc.onconnectionstatechange = () => pc.connectionState === 'failed' && queue(() => this.offer());
    }

    close() {
        this.pc.close();
        this.figure.remove();
    }

    // In a private call the heartbeat carries the candidate.
    post(what, value) {
        const path = what === 'candidate' && !this.call.groupId ? 'heartbeat' : what;
        this.call.post(path, {[what]: value, ...this.call.groupId && {toUserId: this.account}});
    }

    async describe(what) {
        await this.pc.setLocalDescription();
        this.post(what, this.pc.localDescription.sdp);
    }

    // From nothing.
    async offer() {
        this.connect();
        await this.describe('offer');
    }

    // The same session by other ways, with credentials that are new.
    async restart() {
        const {iceServers} = await insist('GET', '/webrtc/config');
        this.pc.setConfiguration({...this.pc.getConfiguration(), iceServers});
        this.pc.restartIce();
        await this.describe('offer');
    }

    async take({seq, offer, answer, candidate}) {
        if (candidate)
            this.held.push(candidate);
        else if (seq > this.described)
            await this.description(seq, offer ? {type: 'offer', sdp: offer} : {type: 'answer', sdp: answer});
        await this.candidates();
    }

    description(seq, description) {
        this.described = seq;
        return description.type === 'offer' ? this.offered(description) : this.answered(description);
    }

    // When offers cross, that of the smaller account counts, and comes again in case that its receiver was loaded anew.
    // An offer of another session is of a page that was: the connection with the old one is of no use.
    async offered(description) {
        if (this.pc.signalingState === 'have-local-offer' && me.userId < this.account)
            return this.post('offer', this.pc.localDescription.sdp);
        if (this.pc.remoteDescription && session(this.pc.remoteDescription) !== session(description))
            this.connect();
        await this.pc.setRemoteDescription(description);
        await this.describe('answer');
    }

    async answered(description) {
        if (this.pc.signalingState === 'have-local-offer')
            await this.pc.setRemoteDescription(description);
    }

    async candidates() {
        const known = ({usernameFragment}) => this.pc.remoteDescription?.sdp.includes(`a=ice-ufrag:${usernameFragment}\r\n`);
        for (const candidate of this.held.splice(0)) {
            if (known(candidate))
                await this.pc.addIceCandidate(candidate);
            else
                this.held.push(candidate);
        }
    }

    // Frames of the video that were decoded, and the way by which they come: the kinds of its ends, and which agreement it is of.
    async seen() {
        const stats = new Map(await this.pc.getStats());
        const all = [...stats.values()];
        const pair = stats.get(all.find(one => one.type === 'transport')?.selectedCandidatePairId);
        const [ours, theirs] = [pair?.localCandidateId, pair?.remoteCandidateId].map(id => stats.get(id));
        return {frames: all.find(one => one.type === 'inbound-rtp' && one.kind === 'video')?.framesDecoded ?? 0,
            ends: [ours?.candidateType, theirs?.candidateType], agreed: ours?.usernameFragment};
    }
}

// --- the page ------------------------------------------------------------------------------------------------------------

function figure(title) {
    const made = document.createElement('figure');
    made.video = Object.assign(document.createElement('video'), {autoplay: true, muted: true});
    made.append(made.video, title);
    document.querySelector('main').append(made);
    return made;
}

function show() {
    document.querySelector('#me').value = me.userId ?? 'nobody';
    document.querySelector('#state').value = phone.state;
}

async function begin(kind, what, fields, groupId = null) {
    const {callId, iceServers} = await ask('POST', `/webrtc/${kind}/${what}`, fields);
    ringing = null;
    if (call?.id !== callId) {
        call?.over();
        call = new Call(callId, groupId, iceServers);
    }
    show();
    return callId;
}

async function join({callId, groupId}) {
    await begin('group', 'accept', {callId}, groupId);
    await call.resume(await insist('GET', `/webrtc/call/${callId}`), true);
}

window.phone = {
    records,
    get state() { return !online ? 'offline' : call ? 'on' : ringing ? 'ringing' : 'none' },
    async login(username, password) {
        me = await ask('POST', '/login', {username, password});
        sessionStorage.setItem('me', JSON.stringify(me));
        connect();
        return me.userId;
    },
    setup: friendId => queue(() => begin('private', 'setup', {friendId, mode: 1})),
    accept: () => queue(() => begin('private', 'accept', {callId: ringing.callId})),
    setupGroup: groupId => queue(() => begin('group', 'setup', {groupId, mode: 1}, groupId)),
    join: () => queue(() => join(ringing)),
    handup: () => ask('POST', `/webrtc/${call.kind}/handup`, {callId: call.id}),
    restart: account => queue(() => call.peer(account).restart()),
    async seen() {
        const peers = [...call?.peers ?? []];
        return Object.fromEntries(await Promise.all(peers.map(async ([account, peer]) => [account, await peer.seen()])));
    },
};

addEventListener('pagehide', () => call?.over());
const camera = await navigator.mediaDevices.getUserMedia(CAMERA);
figure('myself').video.srcObject = camera;
if (me.accessToken)
    connect();
show();
window.phone.ready = true;
