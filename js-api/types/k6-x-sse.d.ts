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

  export interface AsyncParams extends Omit<SseParams, 'timeout'> {
    /** Until the response head has arrived: milliseconds, or a string such as `'60s'` (the default). */
    timeout?: number | string;
    /** Attempts after the first one that failed; 0 by default. */
    maxRetries?: number;
    /** Milliseconds before the first retry, doubled for each further one; 1000 by default. */
    baseDelay?: number;
    /** Most milliseconds before a retry; 30000 by default. */
    maxDelay?: number;
  }

  /** A stream that is read in the background; at most 100 events wait for the script. */
  export interface AsyncClient {
    /** The events that have arrived; does not wait. */
    pollEvents(): SseEvent[];
    /**
     * The next event that `predicate` accepts; others are dropped. Blocks the VU, at most `timeoutMs` milliseconds (0 or
     * less = no limit), and throws at the limit and at the end of the stream.
     */
    waitForEvent(predicate?: ((event: SseEvent) => unknown) | null, timeoutMs?: number): SseEvent;
    /** The same as a promise. */
    waitForEventAsync(predicate?: ((event: SseEvent) => unknown) | null, timeoutMs?: number): Promise<SseEvent>;
    isOpen(): boolean;
    /** 0 before the response head has arrived. */
    getStatus(): number;
    /** Why the stream failed; empty when it did not. */
    getError(): string;
    close(): void;
  }

  /**
   * Connects in the background and returns at once. Any status but 200 and any other content type than
   * `text/event-stream` is a failure. The stream is closed with the iteration at the latest.
   */
  export function openAsync(url: string, params?: AsyncParams | null): AsyncClient;
  /** `open` as a promise: events are delivered while timers and other promises of the VU go on. */
  export function openAsync(url: string, setup: (client: Client) => void): Promise<SseResponse>;
  export function openAsync(
    url: string,
    params: SseParams | null | undefined,
    setup: (client: Client) => void,
  ): Promise<SseResponse>;

  const sse: { open: typeof open; openAsync: typeof openAsync };
  export default sse;
}
