// What every script finds without importing it.

/**
 * Environment variables: those of the process, `-e NAME=value`, and the scenario's `env`. All values are strings.
 *
 * A variable that is not set is undefined; the type says string, as k6's does, so that existing scripts check.
 */
declare const __ENV: { [name: string]: string };

/** Number of this VU, from 1; 0 while the init code runs and in `setup`, `teardown` and `handleSummary`. */
declare const __VU: number;

/** Number of this iteration within the VU, from 0. Not defined in the init code. */
declare const __ITER: number;

/**
 * Reads a file as UTF-8 text. Only in the init code; a relative path starts at the folder of the script that calls it.
 *
 * Throws when the file cannot be read, or when called inside an iteration.
 */
declare function open(path: string): string;
/** Reads a file as bytes. Only in the init code. */
declare function open(path: string, mode: 'b'): ArrayBuffer;

/** Writes to the log (standard error), or to the file of `--console-output`. Objects are printed as JSON. */
interface Console {
  log(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}
declare const console: Console;

/** Text to UTF-8. */
declare class TextEncoder {
  readonly encoding: 'utf-8';
  encode(text?: string): Uint8Array;
}

/** UTF-8 to text. Broken sequences become U+FFFD, or throw with `fatal`. */
declare class TextDecoder {
  /** Throws for an encoding other than UTF-8. */
  constructor(label?: 'utf-8' | 'utf8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: 'utf-8';
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** With `stream`, a character that is not complete yet waits for the next call. */
  decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

/** Random numbers that `randomSeed` does not influence. There is no `subtle`: see `k6/crypto`. */
declare var crypto: {
  randomUUID(): string;
  /** Fills the array, of at most 65,536 bytes, and returns it. */
  getRandomValues<T extends Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array>(array: T): T;
};

/** Calls `handler` once after `delay` milliseconds. An iteration ends only when its timers have run or are cleared. */
declare function setTimeout(handler: (...args: any[]) => void, delay?: number, ...args: any[]): number;
/** Calls `handler` every `delay` milliseconds until cleared. */
declare function setInterval(handler: (...args: any[]) => void, delay?: number, ...args: any[]): number;
/** Cancels a timeout; an unknown id is ignored. */
declare function clearTimeout(id?: number): void;
/** Cancels an interval; an unknown id is ignored. */
declare function clearInterval(id?: number): void;
