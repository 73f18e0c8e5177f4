// What a client gets from the generated types: after code 200 there is data, before that there is not.
import type {paths} from './chat';

type Login = paths['/login']['post']['responses'][200]['content']['application/json'];
type Friends = paths['/friend/list']['get']['responses'][200]['content']['application/json'];

export function token(answer: Login): string | undefined {
    return answer.code === 200 ? answer.data.accessToken : undefined;
}

export function names(answer: Friends): string[] {
    return answer.code === 200 ? answer.data.map(friend => friend.username) : [];
}

// @ts-expect-error: of an answer that may be a refusal there is no token
export function careless(answer: Login): string { return answer.data.accessToken; }
