// What a client gets from the generated types: after code 200 there is data, before that there is not.
import type {paths as Backstage} from './backstage';
import type {paths as Chat} from './chat';
import type {paths as Redpacket} from './redpacket';

type Login = Chat['/login']['post']['responses'][200]['content']['application/json'];
type Friends = Chat['/friend/list']['get']['responses'][200]['content']['application/json'];

export function token(answer: Login): string | undefined {
    return answer.code === 200 ? answer.data.accessToken : undefined;
}

export function names(answer: Friends): string[] {
    return answer.code === 200 ? answer.data.map(friend => friend.username) : [];
}

// @ts-expect-error: of an answer that may be a refusal there is no token
export function careless(answer: Login): string { return answer.data.accessToken; }

// So in every operation: the paths where some success has no data, or may lack it, are none.
type Success<Of> = Of extends {responses: {200: {content: {'application/json': infer Answer}}}} ? Extract<Answer, {code: 200}> : never;
type Lacking<Paths> = {
    [Path in keyof Paths]-?: {
        [Method in keyof Paths[Path]]-?: [Success<Paths[Path][Method]>] extends [never] ? never
            : Success<Paths[Path][Method]> extends Required<Pick<Success<Paths[Path][Method]> & {data: unknown}, 'data'>> ? never : Path
    }[keyof Paths[Path]]
}[keyof Paths];
export const everywhere: [Lacking<Chat> | Lacking<Backstage> | Lacking<Redpacket>] extends [never] ? true : never = true;
