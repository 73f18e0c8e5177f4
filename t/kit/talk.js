// Drives the client kit for t/kit.t, in Node (node.js) and, without the word export, in a page.
export const talk = async ({IMClient, Session}, {url, name, password, store}) => {
    const client = new IMClient({url, from: 'start', beat: 1500, again: 1500, retry: [200, 1500], ...(store && {store})});
    const shown = {};
    const events = [];
    client.on('message', ({conversationId, seq, content}) => (shown[conversationId] ||= []).push([seq, content]));
    for (const event of ['recall', 'read', 'friend', 'group', 'kicked', 'syncing', 'ready', 'refused', 'state']) {
        client.on(event, data => events.push([event, data ?? null]));
    }
    await client.login({username: name, password});
    client.start();
    return {
        client,
        say: (to, texts) => texts.map(text => client.send(to, text)).length,
        shown: () => shown,
        events: () => events,
        state: () => client.state,
        left: () => client.outbox.items.length,
        call: (method, path, args) => client.call(method, path, args).then(data => ({code: 200, data}), error => ({code: error.code, message: error.message})),
        // Five calls with a token that is worth nothing: what they are answered, and how often it was renewed.
        async renew() {
            let renewed = 0;
            const {transport} = client.session;
            client.session.transport = {...transport, request: one => { renewed += one.url.endsWith('/refreshToken'); return transport.request(one); }};
            client.session.keep({accessToken: 'none'});
            const answers = await Promise.all([1, 2, 3, 4, 5].map(() => client.call('GET', '/user/self')));
            client.session.transport = transport;
            return [renewed, answers.length];
        },
        cut: () => client.lose(),
        stop: () => client.stop(),
        async logout() { await client.logout({all: true}); return client.state; },
    };
};
