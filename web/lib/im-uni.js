// The kit over uni-app (WeChat and other mini programs, Android, iOS), which has neither fetch nor WebSocket:
//
//     import {IMClient} from './im-client.js';
//     import {uni as carrier, uniStore} from './im-uni.js';
//
//     const client = new IMClient({url: 'https://im.example.com', transport: carrier(uni), store: uniStore(uni)});
//     client.on('message', message => { … });
//     await client.login({username, password});
//     client.start();
//     uni.onNetworkStatusChange(({isConnected}) => isConnected && client.nudge());
//
// A file goes by its path: client.call('POST', '/file/upload', {}, {form: {filePath, type: 'image'}, progress}).

const answered = (status, data) => {
    const answer = typeof data === 'string' ? parsed(data) : data;
    return Number.isInteger(answer?.code) ? answer : {code: status === 200 ? 502 : status, message: `HTTP ${status}`, data: null};
};

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

export function uni(api) {
    return {
        request: ({method, url, headers, body, progress}) => new Promise((resolve, reject) => {
            const common = {
                url,
                success: answer => resolve(answered(answer.statusCode, answer.data)),
                fail: problem => reject(new TypeError(problem.errMsg || 'no connection')),
            };
            if (body?.filePath) {
                const {filePath, ...fields} = body;
                const task = api.uploadFile({...common, header: headers, filePath, name: 'file', formData: fields});
                task?.onProgressUpdate?.(({progress: percent}) => progress?.(percent / 100));
            } else {
                api.request({...common, method, header: headers, data: body, dataType: 'text', timeout: 20000});
            }
        }),
        socket(url, {opened, heard, closed}) {
            let over = false;
            const end = code => { if (!over) { over = true; closed(code); } };
            const task = api.connectSocket({url, complete: () => {}});
            task.onOpen(() => opened());
            task.onMessage(({data}) => heard(data));
            task.onClose(({code} = {}) => end(code ?? 1006));
            task.onError(() => end(1006));
            return {send: text => task.send({data: text, fail: () => {}}), close: () => task.close({})};
        },
    };
}

export const uniStore = api => ({
    get: key => api.getStorageSync(key) || null,
    set: (key, value) => value === null ? api.removeStorageSync(key) : api.setStorageSync(key, value),
    keys: () => api.getStorageInfoSync().keys,
});
