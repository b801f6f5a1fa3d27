declare module 'k6/experimental/csv' {
  import type { File } from 'k6/experimental/fs';

  export interface Options {
    /** One character; `,` by default. */
    delimiter?: string;
    /** Leaves out the first record. */
    skipFirstLine?: boolean;
    /** First record to read, counted from 0. */
    fromLine?: number;
    /** Last record to read, counted from 0. */
    toLine?: number;
    /** The first record names the fields, and every other record is an object. */
    asObjects?: boolean;
  }

  /** All records; kept in memory once for all virtual users. */
  export function parse(file: File, options: Options & { asObjects: true }): Promise<readonly Record<string, string>[]>;
  export function parse(file: File, options?: Options): Promise<readonly string[][]>;

  /** Reads one record after the other. Must be created in the init context. */
  export class Parser {
    constructor(file: File, options?: Options);
    /** The next record: an array, or an object with `asObjects`. */
    next(): Promise<{ done: boolean; value: any }>;
  }
  const csv: { parse: typeof parse; Parser: typeof Parser };
  export default csv;
}
