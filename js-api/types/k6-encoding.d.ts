declare module 'k6/encoding' {
  /** Alphabet and padding: `std` and `url` are padded, `rawstd` and `rawurl` are not. */
  export type Base64Kind = 'std' | 'rawstd' | 'url' | 'rawurl';

  /** Base64 of the UTF-8 bytes of a string, or of a buffer; `std` by default. */
  export function b64encode(input: string | ArrayBuffer, kind?: Base64Kind): string;

  /** The bytes that `input` encodes. Throws when it is not valid Base64 of this kind. */
  export function b64decode(input: string, kind?: Base64Kind): ArrayBuffer;
  /** The same as a string. */
  export function b64decode(input: string, kind: Base64Kind | undefined, format: 's'): string;

  const encoding: { b64encode: typeof b64encode; b64decode: typeof b64decode };
  export default encoding;
}
