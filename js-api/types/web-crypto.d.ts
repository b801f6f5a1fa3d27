type BufferSource = ArrayBuffer | ArrayBufferView;
type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
type HashIdentifier = HashName | { name: HashName };
type NamedCurve = 'P-256' | 'P-384' | 'P-521';
type KeyUsage = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'deriveKey' | 'deriveBits' | 'wrapKey' | 'unwrapKey';
type AesName = 'AES-CBC' | 'AES-CTR' | 'AES-GCM' | 'AES-KW';
type RsaName = 'RSASSA-PKCS1-v1_5' | 'RSA-PSS' | 'RSA-OAEP';
type EcName = 'ECDSA' | 'ECDH';
type OkpName = 'Ed25519' | 'X25519';

/** A key; its material can be seen with `exportKey` only. */
interface CryptoKey {
  readonly type: 'secret' | 'public' | 'private';
  readonly extractable: boolean;
  readonly algorithm: { name: string; [parameter: string]: any };
  readonly usages: KeyUsage[];
}
interface CryptoKeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}
interface JsonWebKey {
  kty?: string;
  alg?: string;
  ext?: boolean;
  key_ops?: string[];
  [member: string]: any;
}

interface HmacParams { name: 'HMAC'; hash: HashIdentifier; /** Bits; the hash's block by default. */ length?: number }
interface AesKeyParams { name: AesName; length: 128 | 192 | 256 }
interface RsaKeyParams { name: RsaName; hash: HashIdentifier; /** 2048, 3072, 4096 or 8192. */ modulusLength: number; /** `new Uint8Array([1, 0, 1])`. */ publicExponent: Uint8Array }
interface EcKeyParams { name: EcName; namedCurve: NamedCurve }

/** Kinds of keys with a public and a private half. */
type PairAlgorithm = RsaKeyParams | EcKeyParams | OkpName | { name: OkpName };
type ImportAlgorithm =
  | AesName | 'PBKDF2' | 'HKDF' | OkpName
  | { name: AesName | 'PBKDF2' | 'HKDF' | OkpName }
  | HmacParams | { name: RsaName; hash: HashIdentifier } | EcKeyParams;
type SignAlgorithm =
  | 'HMAC' | 'RSASSA-PKCS1-v1_5' | 'Ed25519'
  | { name: 'HMAC' | 'RSASSA-PKCS1-v1_5' | 'Ed25519' }
  | { name: 'RSA-PSS'; /** Bytes; must be those of the hash. */ saltLength: number }
  | { name: 'ECDSA'; hash: HashIdentifier };
type CipherAlgorithm =
  | { name: 'AES-CBC'; /** 16 bytes. */ iv: BufferSource }
  | { name: 'AES-CTR'; /** 16 bytes. */ counter: BufferSource; /** Bits of the counter that count, 1 to 128. */ length: number }
  | { name: 'AES-GCM'; /** 12 bytes are fast. */ iv: BufferSource; additionalData?: BufferSource; tagLength?: 32 | 64 | 96 | 104 | 112 | 120 | 128 }
  | { name: 'RSA-OAEP'; label?: BufferSource };
type WrapAlgorithm = CipherAlgorithm | 'AES-KW' | { name: 'AES-KW' };
type DeriveAlgorithm =
  | { name: 'PBKDF2'; hash: HashIdentifier; salt: BufferSource; iterations: number }
  | { name: 'HKDF'; hash: HashIdentifier; salt: BufferSource; info: BufferSource }
  | { name: 'ECDH' | 'X25519'; public: CryptoKey };

/** Rejects with a `DOMException` named as the standard says: `OperationError`, `DataError`, `InvalidAccessError`, ... */
interface SubtleCrypto {
  digest(algorithm: HashIdentifier, data: BufferSource): Promise<ArrayBuffer>;
  sign(algorithm: SignAlgorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  verify(algorithm: SignAlgorithm, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean>;
  encrypt(algorithm: CipherAlgorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  decrypt(algorithm: CipherAlgorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  generateKey(algorithm: HmacParams | AesKeyParams, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  generateKey(algorithm: PairAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKeyPair>;
  importKey(format: 'jwk', key: JsonWebKey, algorithm: ImportAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  importKey(format: 'raw' | 'pkcs8' | 'spki', key: BufferSource, algorithm: ImportAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  exportKey(format: 'jwk', key: CryptoKey): Promise<JsonWebKey>;
  exportKey(format: 'raw' | 'pkcs8' | 'spki', key: CryptoKey): Promise<ArrayBuffer>;
  /** `length` in bits; `null` is all that an agreement (ECDH, X25519) gives. */
  deriveBits(algorithm: DeriveAlgorithm, key: CryptoKey, length?: number | null): Promise<ArrayBuffer>;
  deriveKey(algorithm: DeriveAlgorithm, key: CryptoKey, derived: HmacParams | AesKeyParams, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  wrapKey(format: 'raw' | 'pkcs8' | 'spki' | 'jwk', key: CryptoKey, wrappingKey: CryptoKey, algorithm: WrapAlgorithm): Promise<ArrayBuffer>;
  unwrapKey(format: 'raw' | 'pkcs8' | 'spki' | 'jwk', wrapped: BufferSource, unwrappingKey: CryptoKey, algorithm: WrapAlgorithm, kind: ImportAlgorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
}

/** The Web Cryptography API. Its random numbers are not influenced by `randomSeed`. */
interface Crypto {
  randomUUID(): string;
  /** Fills the array, of at most 65,536 bytes, and returns it. */
  getRandomValues<T extends Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array>(array: T): T;
  readonly subtle: SubtleCrypto;
}
declare var crypto: Crypto;

/** The module of the time before `crypto` was a global. */
declare module 'k6/experimental/webcrypto' {
  export const crypto: Crypto;
  const webcrypto: { crypto: Crypto };
  export default webcrypto;
}

/** The extension that became `k6/experimental/webcrypto`. */
declare module 'k6/x/webcrypto' {
  export { crypto, default } from 'k6/experimental/webcrypto';
}
