// Types of im-client.js.  The answers of api are those of openapi/chat.yaml, for which openapi-typescript makes types.

export type Id = number;
/** yyyy-MM-dd HH:mm:ss, in the server's zone */
export type Time = string;

export interface Message {
    id: Id;
    conversationId: Id;
    /** 1, 2, 3 … in the conversation: the order in which to show them */
    seq: number;
    senderId: Id;
    /** of a private message */
    receiverId?: Id;
    /** of a group message */
    groupId?: Id;
    content: string;
    /** 1 text, 2 picture, 3 voice, 4 video, 5 file, 6 place, 7 red packet, 8 call */
    /** 1 to 6 as sent; 7 a red packet, 8 a call record, 9 who came to a group or left: {event, operatorId, memberIds} */
    messageType: number;
    atUserIds: Id[];
    sendTime: Time;
    /** 1 sent, 2 delivered, 3 read */
    status: number;
    isRecalled: boolean;
    clientMsgId: string | null;
}

export interface Conversation {
    conversationId: Id;
    type: 'PRIVATE' | 'GROUP';
    targetId: Id;
    name: string;
    headImage: string;
    lastSeq: number;
    readSeq: number;
    joinedSeq: number;
    friendReadSeq: number | null;
    unreadCount: number;
    lastMessageId: Id | null;
    lastSenderId: Id | null;
    lastContent: string | null;
    lastMessageType: number | null;
    lastSendTime: Time | null;
    lastIsRecalled: boolean | null;
    isTop: boolean;
    isDnd: boolean;
}

/** An answer other than 200; code as in im-codes(7), 0 when nothing was reached. */
export class Refusal extends Error {
    code: number;
    data: unknown;
}

export interface Store {
    get(key: string): string | null;
    set(key: string, value: string | null): void;
    keys(): string[];
}

export interface Request {
    method: string;
    url: string;
    headers: Record<string, string>;
    body?: unknown;
    progress?: (part: number) => void;
    signal?: AbortSignal;
}

export interface Handlers {
    opened(): void;
    heard(text: string): void;
    closed(code: number): void;
}

/** What carries the kit; request rejects only when nothing was reached. */
export interface Transport {
    request(one: Request): Promise<{code: number; message: string; data: unknown}>;
    socket(url: string, handlers: Handlers): {send(text: string): void; close(): void};
}

export interface Tokens {
    accessToken: string;
    refreshToken: string;
    userId: Id;
    accessTokenExpiresIn: number;
    refreshTokenExpiresIn: number;
}

export interface CallOptions {
    /** Idempotency-Key: makes a repetition harmless, so that the call is repeated when the server is busy */
    key?: string;
    /** repeating it is harmless without a key */
    repeat?: boolean;
    /** a FormData instead of args */
    form?: unknown;
    progress?: (part: number) => void;
    signal?: AbortSignal;
    /** without a token */
    open?: boolean;
}

export class Session {
    constructor(options: {url?: string; transport: Transport; store?: Store; name?: string; tries?: number; renew?: (session: Session) => Promise<Tokens>});
    tokens: Tokens | null;
    readonly userId: Id | null;
    login(fields: Record<string, unknown>): Promise<Tokens>;
    logout(fields?: {all?: boolean}): Promise<void>;
    renew(used?: string): Promise<Tokens>;
    onOver(listener: (code: 401 | 1003, error: Refusal) => void): () => void;
    call<Data = any>(method: string, path: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Data>;
}

export type State = 'stopped' | 'connecting' | 'syncing' | 'ready' | 'waiting';

export interface Events {
    /** once each, those of a conversation in order of seq; one's own too, of every device */
    message: Message;
    /** a message was taken back: show it so */
    recall: {id: Id; conversationId: Id; seq: number; senderId: Id; operatorId: Id | null};
    read: {conversationId: Id; readerId: Id; maxMessageId: Id; friendId?: Id; groupId?: Id};
    /** how another device has set a conversation */
    set: {conversationId: Id; isTop: boolean; isDnd: boolean};
    /** FRIEND_REQUEST: event is APPLY, APPROVE, REJECT, RECALL, DELETE, ONLINE or OFFLINE */
    friend: {event: string; [field: string]: unknown};
    /** the other events of GROUP_MESSAGE: JOIN, QUIT, REMOVE, MODIFY, DISSOLVE, MUTED, MEMBER_MUTED, TOP_MESSAGE, MANAGER, DND, BAN, UNBAN */
    group: {event: string; groupId: Id; [field: string]: unknown};
    /** RTC_CALL */
    call: {event: string; callId: string; groupId: Id | null; fromId: Id; [field: string]: unknown};
    /** a notice of the house: stays to be pulled until seenNotices() */
    notice: {seq: number; kind: string; title: string; content: string; sendTime: Time};
    /** another device of the account has read them */
    noticesRead: {maxSeq: number};
    /** what has changed of /user/self */
    self: {hasTradePassword: boolean};
    wallet: {action: string; amount: number; balance: number; [field: string]: unknown};
    redPacket: {action: 'ROBBED' | 'FINISHED' | 'REFUNDED'; redPacketId: string; [field: string]: unknown};
    /** what was sent with this clientMsgId is refused for good */
    refused: {clientMsgId: string; code: number; message: string};
    /** so much is missing that it was not fetched: read it from history */
    gap: {conversationId: Id; from: number; to: number};
    /** those that have changed, and those that are the account's no more; whole: the first of all of them */
    conversations: {conversations: Conversation[]; gone: Id[]; whole: boolean};
    /** the server was restored from a backup: forget what is shown, all of it comes again */
    restored: undefined;
    /** what is to be read again: FRIENDS, REQUESTS, BLACKLIST, SELF; and groups, by their numbers */
    changed: {lists: string[]; groups: Id[]};
    /** what time it is at the server, with each answered heartbeat */
    clock: Time;
    state: State;
    syncing: undefined;
    ready: undefined;
    /** the session is over; log in again, and what was not sent yet goes out */
    kicked: {code: 401 | 1003; reason: 'expired' | 'banned' | 'logout' | 'password' | 'trade' | 'close' | 'reuse'};
}

export interface Options {
    /** of the chat API, such as http://127.0.0.1:8080; in a page of the server itself nothing */
    url?: string;
    /** url's /ws when absent */
    socketUrl?: string;
    transport?: Transport;
    store?: Store;
    /** 'now' (default): what comes from now on, older is read from history; 'start': everything; or what seen() told */
    from?: 'now' | 'start' | Record<string, number>;
    /** more missing messages than this are told by the event gap instead */
    gap?: number;
    /** milliseconds: between heartbeats, before a message is repeated, and [least, most] between connections */
    beat?: number;
    again?: number;
    retry?: [number, number];
}

export class IMClient {
    constructor(options?: Options);
    readonly userId: Id | null;
    readonly loggedIn: boolean;
    readonly state: State;
    readonly session: Session;
    /** every operation of the contract by its operationId: client.api.friendList() */
    readonly api: Record<string, (args?: Record<string, unknown>, options?: CallOptions) => Promise<any>>;
    on<Name extends keyof Events>(event: Name, handler: (data: Events[Name]) => void): () => void;
    login(fields: {username: string; password: string; captchaId?: string; captchaCode?: string}): Promise<Tokens>;
    logout(fields?: {all?: boolean}): Promise<void>;
    call<Data = any>(method: string, path: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Data>;
    start(): this;
    stop(): void;
    /** the network is back: do not wait on */
    nudge(): void;
    /** for the option from of the next client */
    seen(): Record<string, number>;
    setStatus(status: 'ONLINE' | 'BUSY' | 'AWAY'): void;
    seenNotices(maxSeq?: number): Promise<null>;
    send(to: {receiverId: Id} | {groupId: Id}, content: string, more?: {messageType?: number; atUserIds?: Id[]; clientMsgId?: string}):
        {clientMsgId: string; done: Promise<Message>};
}

export function browser(): Transport;
export function node(options?: {Socket?: unknown}): Transport;
export function memory(): Store;
export function localStore(storage?: unknown): Store;
export function uniqueId(): string;
