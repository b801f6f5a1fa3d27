declare module 'k6/crypto' {
  export type Algorithm =
    | 'md4' | 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'sha512_224' | 'sha512_256' | 'ripemd160';

  /** How a digest is returned: as text, or (`binary`) as an ArrayBuffer. */
  export type OutputEncoding = 'hex' | 'base64' | 'base64url' | 'base64rawurl' | 'binary';
  type Digest<E extends OutputEncoding> = E extends 'binary' ? ArrayBuffer : string;
  type Input = string | ArrayBuffer | ArrayBufferView;

  /** A digest that is fed piece by piece. */
  export interface Hasher {
    /** Feeds more; returns the hasher itself. */
    update(input: Input): Hasher;
    /** The digest of what was fed so far. */
    digest<E extends OutputEncoding>(encoding: E): Digest<E>;
  }

  export function md4<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function md5<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha1<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha256<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha384<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha512<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha512_224<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function sha512_256<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;
  export function ripemd160<E extends OutputEncoding>(input: Input, encoding: E): Digest<E>;

  /** Keyed digest of `data` in one call. */
  export function hmac<E extends OutputEncoding>(algorithm: Algorithm, key: Input, data: Input, encoding: E): Digest<E>;
  export function createHash(algorithm: Algorithm): Hasher;
  export function createHMAC(algorithm: Algorithm, key: Input): Hasher;

  /** So many bytes from the system's random generator. */
  export function randomBytes(size: number): ArrayBuffer;
  export function hexEncode(input: Input): string;

  const crypto: {
    md4: typeof md4;
    md5: typeof md5;
    sha1: typeof sha1;
    sha256: typeof sha256;
    sha384: typeof sha384;
    sha512: typeof sha512;
    sha512_224: typeof sha512_224;
    sha512_256: typeof sha512_256;
    ripemd160: typeof ripemd160;
    hmac: typeof hmac;
    createHash: typeof createHash;
    createHMAC: typeof createHMAC;
    randomBytes: typeof randomBytes;
    hexEncode: typeof hexEncode;
  };
  export default crypto;
}
