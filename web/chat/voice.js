// A recording made in the page: its waveform while it is made, sent or thrown away.

import {html, t, useState, useEffect, useRef, Tool, Icon, lasting, tell, fault} from '../lib/ui.js';
import {sendFile} from './media.js';

const LONGEST = 120;

export function Voice({thread, onDone}) {
    const [levels, setLevels] = useState([]);
    const [seconds, setSeconds] = useState(0);
    const kept = useRef(null);
    useEffect(() => {
        let over = false;
        begin().then(recording => {
            if (over) return recording.end();
            kept.current = recording;
        }, error => {
            tell(error.name === 'NotAllowedError' ? t('没有使用麦克风的权限') : t('这台设备不能录音'), true);
            onDone();
        });
        const timer = setInterval(() => {
            const recording = kept.current;
            if (!recording) return;
            recording.levels.push(recording.level());
            setLevels(recording.levels.slice(-48));
            setSeconds((Date.now() - recording.since) / 1000);
            if (Date.now() - recording.since > LONGEST * 1000) finish();
        }, 100);
        return () => { over = true; clearInterval(timer); kept.current?.end(); };
    }, []);
    const finish = async () => {
        const recording = kept.current;
        kept.current = null;
        const duration = (Date.now() - recording.since) / 1000;
        const blob = await recording.end();
        onDone();
        if (duration < 0.7) return tell(t('说话时间太短'));
        const step = Math.max(1, Math.ceil(recording.levels.length / 40));
        const wave = recording.levels.filter((_, n) => n % step === 0).map(level => Math.round(level * 100));
        sendFile(thread, new File([blob], blob.type.includes('mp4') ? 'voice.m4a' : 'voice.webm', {type: blob.type}), 'voice', {wave}).catch(fault);
    };
    const drop = () => { kept.current?.end(); kept.current = null; onDone(); };
    return html`<div class="write recording" role="group" aria-label=${t('正在录音')} onKeyDown=${event => event.key === 'Escape' && drop()}>
        <${Tool} icon="trash" title=${t('取消录音')} onClick=${drop}/>
        <span class="red" aria-hidden="true"></span><span class="number" role="timer">${lasting(seconds)}</span>
        <span class="wave grow" aria-hidden="true">${levels.map(level => html`<i style=${{height: `${8 + level * 92}%`}}></i>`)}</span>
        <button class="button main send" autofocus aria-label=${t('发送录音')} title=${t('发送录音')} disabled=${seconds === 0} onClick=${finish}><${Icon} name="send"/></button></div>`;
}

async function begin() {
    const stream = await navigator.mediaDevices.getUserMedia({audio: true});
    const type = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'].find(one => MediaRecorder.isTypeSupported(one));
    const recorder = new MediaRecorder(stream, type ? {mimeType: type, audioBitsPerSecond: 32000} : {});
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    const parts = [];
    recorder.ondataavailable = ({data}) => parts.push(data);
    recorder.start();
    return {
        since: Date.now(),
        levels: [],
        level() {
            analyser.getByteTimeDomainData(samples);
            return Math.min(1, samples.reduce((most, one) => Math.max(most, Math.abs(one - 128)), 0) / 90);
        },
        end: () => new Promise(done => {
            recorder.onstop = () => {
                for (const track of stream.getTracks()) track.stop();
                context.close();
                done(new Blob(parts, {type: (recorder.mimeType || 'audio/webm').split(';')[0]}));
            };
            recorder.state === 'inactive' ? done(new Blob(parts)) : recorder.stop();
        }),
    };
}
