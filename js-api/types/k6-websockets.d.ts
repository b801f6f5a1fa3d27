declare module 'k6/websockets' {
  import type { CookieJar } from 'k6/http';

  export interface Params {
    headers?: Record<string, string | number>;
    tags?: Record<string, string | number | boolean>;
    /** The VU's own jar by default. */
    jar?: CookieJar;
    /** Cookies of this handshake alone. */
    cookies?: Record<string, string>;
    /** Accepted for compatibility; messages are not compressed. */
    compression?: 'deflate';
    /** Of dialling and handshake together: `'10s'`, or milliseconds; 60 s by default. */
    timeout?: string | number;
  }

  export interface WebSocketEvent {
    readonly type: 'open' | 'message' | 'error' | 'close' | 'ping' | 'pong';
    readonly target: WebSocket;
    readonly currentTarget: WebSocket;
    /** Milliseconds of Unix time: when the socket read that completed it returned. */
    readonly timestamp: number;
    readonly timeStamp: number;
  }

  export interface MessageEvent extends WebSocketEvent {
    /** Text, or as `binaryType` says. */
    readonly data: string | ArrayBuffer | Blob;
    readonly origin: string;
  }

  export interface ErrorEvent extends WebSocketEvent {
    /** The message. */
    readonly error: string;
    readonly message: string;
  }

  export interface CloseEvent extends WebSocketEvent {
    /** 1005 when the server gave none, 1006 when the connection broke or was never made. */
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;
  }

  interface EventMap {
    open: WebSocketEvent;
    message: MessageEvent;
    error: ErrorEvent;
    close: CloseEvent;
    ping: WebSocketEvent;
    pong: WebSocketEvent;
  }

  type Handler<E> = ((event: E) => void) | null;

  /** A WebSocket on the event loop. The iteration does not end before it is closed. */
  export class WebSocket {
    constructor(url: string, protocols?: string | string[] | null, params?: Params | null);
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSING: 2;
    static readonly CLOSED: 3;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSING: 2;
    readonly CLOSED: 3;
    readonly readyState: 0 | 1 | 2 | 3;
    readonly url: string;
    readonly protocol: string;
    readonly extensions: string;
    /** Bytes sent that are not with the kernel yet. */
    readonly bufferedAmount: number;
    binaryType: 'blob' | 'arraybuffer';
    onopen: Handler<WebSocketEvent>;
    onmessage: Handler<MessageEvent>;
    onerror: Handler<ErrorEvent>;
    onclose: Handler<CloseEvent>;
    onping: Handler<WebSocketEvent>;
    onpong: Handler<WebSocketEvent>;
    addEventListener<K extends keyof EventMap>(
      type: K,
      listener: (event: EventMap[K]) => void,
      options?: { once?: boolean },
    ): void;
    removeEventListener<K extends keyof EventMap>(type: K, listener: (event: EventMap[K]) => void): void;
    send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
    /** Measured as `ws_ping` when the pong arrives. */
    ping(): void;
    /** 1000 (the default), or 3000 to 4999; at most 123 bytes of reason. */
    close(code?: number, reason?: string): void;
  }

  /** The global one. */
  export const Blob: typeof globalThis.Blob;
  export type Blob = globalThis.Blob;

  const websockets: { WebSocket: typeof WebSocket; Blob: typeof Blob };
  export default websockets;
}

/** The old name of `k6/websockets`; it warns. */
declare module 'k6/experimental/websockets' {
  export * from 'k6/websockets';
  export { default } from 'k6/websockets';
}
