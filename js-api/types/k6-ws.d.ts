declare module 'k6/ws' {
  import type { CookieJar } from 'k6/http';

  export interface Params {
    headers?: Record<string, string | number>;
    tags?: Record<string, string | number | boolean>;
    /** The VU's own jar by default. */
    jar?: CookieJar;
    /** Cookies of this handshake alone. */
    cookies?: Record<string, string>;
    /** Accepted for compatibility; messages are not compressed. */
    compression?: 'deflate' | '';
    /** Of dialling and handshake together: `'10s'`, or milliseconds; 60 s by default. */
    timeout?: string | number;
  }

  export interface WebSocketError {
    /** The message. */
    error(): string;
    toString(): string;
  }

  export interface Socket {
    on(event: 'open' | 'ping' | 'pong', handler: () => void): void;
    on(event: 'message', handler: (data: string) => void): void;
    on(event: 'binaryMessage', handler: (data: ArrayBuffer) => void): void;
    on(event: 'close', handler: (code: number) => void): void;
    on(event: 'error', handler: (error: WebSocketError) => void): void;
    send(data: string): void;
    sendBinary(data: ArrayBuffer): void;
    /** Measured as `ws_ping` when the pong arrives. */
    ping(): void;
    /** Calls `handler` once, after `delay` milliseconds (more than 0). */
    setTimeout(handler: () => void, delay: number): void;
    /** Calls `handler` every `interval` milliseconds (more than 0) until the connection is closed. */
    setInterval(handler: () => void, interval: number): void;
    /** Sends the close frame (1001 unless told otherwise), calls the `close` handlers, and ends `connect`. */
    close(code?: number): void;
  }

  export interface Response {
    /** Empty when there was no connection. */
    readonly url: string;
    /** 101, or what the server answered instead; 0 when it did not. */
    readonly status: number;
    readonly headers: Record<string, string>;
    /** Of a refusal. */
    readonly body: string;
    /** Empty when the connection was made. */
    readonly error: string;
  }

  /**
   * Connects, calls `setup` with the socket, then its handlers until the connection is closed. Blocks the VU: other timers
   * and promises of the script wait. A failed connection returns a response with `error`; with the option `throw` it throws.
   */
  export function connect(url: string, setup: (socket: Socket) => void): Response;
  export function connect(url: string, params: Params | null | undefined, setup: (socket: Socket) => void): Response;

  const ws: { connect: typeof connect };
  export default ws;
}
