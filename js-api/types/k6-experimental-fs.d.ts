declare module 'k6/experimental/fs' {
  /** A file that is read piece by piece; its content is in memory once for all virtual users. */
  export interface File {
    /** The absolute path. */
    readonly path: string;
    /** Fills the array from the current position on: the number of bytes read, or `null` at the end. */
    read(into: Uint8Array): Promise<number | null>;
    /** Moves the position and gives the new one. `SeekMode.End` with 0 is the last byte, as in k6. */
    seek(offset: number, whence: SeekMode): Promise<number>;
    stat(): Promise<{ name: string; /** Bytes. */ size: number }>;
  }
  export enum SeekMode {
    Start = 0,
    Current = 1,
    End = 2,
  }
  /** Opens a file; in the init context only. Relative paths begin at the script's folder. */
  export function open(path: string): Promise<File>;
  const fs: { open: typeof open; SeekMode: typeof SeekMode };
  export default fs;
}
