declare module 'k6/timers' {
  /** Calls `handler` once after `delay` milliseconds. */
  export function setTimeout(handler: (...args: any[]) => void, delay?: number, ...args: any[]): number;
  /** Calls `handler` every `delay` milliseconds until cleared. */
  export function setInterval(handler: (...args: any[]) => void, delay?: number, ...args: any[]): number;
  export function clearTimeout(id?: number): void;
  export function clearInterval(id?: number): void;
}

/** The old name of `k6/timers`. */
declare module 'k6/experimental/timers' {
  export * from 'k6/timers';
}
