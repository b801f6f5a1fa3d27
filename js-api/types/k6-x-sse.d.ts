declare module 'k6/x/sse' {
  import type { CookieJar } from 'k6/http';

  export interface SseParams {
    /** `GET` by default; sent as written. */
    method?: string;
    body?: string;
    headers?: Record<string, string>;
    tags?: Record<string, string>;
    /** The VU's own jar by default. */
    jar?: CookieJar;
    /** Of the whole exchange, as a string such as `'60s'`; none by default. */
    timeout?: string;
  }

  /** One dispatched event. All fields are strings, empty when absent. */
  export interface SseEvent {
    readonly id: string;
    /** The `event:` field; empty (not `message`) when absent. */
    readonly name: string;
    readonly data: string;
    readonly comment: string;
  }

  export interface SseError {
    /** The message. */
    error(): string;
    toString(): string;
  }

  export interface Client {
    /** Called once, after the response head has arrived. */
    on(event: 'open', handler: () => void): void;
    on(event: 'event', handler: (event: SseEvent) => void): void;
    /** A line that is not SSE, or a read that failed. After a failed read call `close()`. */
    on(event: 'error', handler: (error: SseError) => void): void;
    /** Ends the stream; `open` then returns. */
    close(): void;
  }

  export interface SseResponse {
    readonly url: string;
    /** 0 when there was no response. */
    readonly status: number;
    readonly headers: Record<string, string>;
    /** Empty when there was none. */
    readonly error: string;
  }

  /**
   * Sends the request, calls `setup` when the head has arrived, then the handlers as events arrive; returns at the end
   * of the stream. Blocks the VU. A failed connection returns a response with `error` and status 0, and `setup` is not
   * called; with `throw: true` it throws.
   */
  export function open(url: string, setup: (client: Client) => void): SseResponse;
  export function open(
    url: string,
    params: SseParams | null | undefined,
    setup: (client: Client) => void,
  ): SseResponse;

  const sse: { open: typeof open };
  export default sse;
}
