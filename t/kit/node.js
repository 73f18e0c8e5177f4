// A line of JSON [what, …arguments] is answered by a line of JSON: {"is": …} or {"died": …}.
import {createInterface} from 'node:readline';
import * as kit from '../../web/lib/im-client.js';
import {talk} from './talk.js';

let mine;
for await (const line of createInterface({input: process.stdin})) {
    const [what, ...given] = JSON.parse(line);
    try {
        if (what === 'open') {
            mine = await talk(kit, ...given);
            console.log('{"is":true}');
        } else {
            console.log(JSON.stringify({is: await mine[what](...given) ?? null}));
        }
    } catch (error) {
        console.log(JSON.stringify({died: error.stack}));
    }
}
process.exit(0);
