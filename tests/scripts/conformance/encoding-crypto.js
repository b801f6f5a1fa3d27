// `k6/encoding` and `k6/crypto`: every function with every output, against values other programs give.
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { eq, throws, done } from './eq.js';

// As md5sum, sha1sum, ... and openssl print them for "abc".
const DIGESTS = {
  md4: 'a448017aaf21d8525fc10ae87aa6729d',
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512: 'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  sha512_224: '4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa',
  sha512_256: '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23',
  ripemd160: '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc',
};
const hex = (buffer) => crypto.hexEncode(buffer);
const bytes = (text) => new Uint8Array([...text].map((c) => c.charCodeAt(0)));

export default function () {
  for (const [name, want] of Object.entries(DIGESTS)) {
    eq(name, crypto[name]('abc', 'hex'), want);
    eq(`${name} of a buffer`, crypto[name](bytes('abc').buffer, 'hex'), want);
    eq(`${name} as bytes`, hex(crypto[name]('abc', 'binary')), want);
    const base64 = encoding.b64encode(crypto[name]('abc', 'binary'));
    eq(`${name} base64`, [crypto[name]('abc', 'base64'), crypto[name]('abc', 'base64url'), crypto[name]('abc', 'base64rawurl')], [base64, base64.replaceAll('+', '-').replaceAll('/', '_'), base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')]);
    const hasher = crypto.createHash(name);
    hasher.update('a');
    hasher.update('b');
    hasher.update(bytes('c').buffer);
    eq(`${name} in pieces`, [hasher.digest('hex'), hasher.digest('hex')], [want, want]);
    const mac = crypto.createHMAC(name, 'key');
    mac.update('abc');
    eq(`${name} hmac`, mac.digest('hex'), crypto.hmac(name, 'key', 'abc', 'hex'));
    eq(`${name} hmac with bytes`, crypto.hmac(name, bytes('key').buffer, bytes('abc').buffer, 'hex'), crypto.hmac(name, 'key', 'abc', 'hex'));
    throws(`${name} unknown output`, () => crypto[name]('abc', 'something'), 'output encoding');
  }
  eq('hmac', crypto.hmac('md5', 'key', 'The quick brown fox jumps over the lazy dog', 'hex'), '80070713463e7749b90c2dc24911e275');
  eq('hmac sha1', crypto.hmac('sha1', 'key', 'The quick brown fox jumps over the lazy dog', 'hex'), 'de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9');
  throws('unknown algorithm', () => crypto.createHash('nope'), 'algorithm');
  throws('unknown algorithm', () => crypto.hmac('nope', 'k', 'd', 'hex'), 'algorithm');
  eq('hex', [crypto.hexEncode('abc'), crypto.hexEncode(new Uint8Array([1, 2, 255]).buffer)], ['616263', '0102ff']);
  eq('random', [crypto.randomBytes(5) instanceof ArrayBuffer, crypto.randomBytes(32).byteLength, hex(crypto.randomBytes(16)) === hex(crypto.randomBytes(16))], [true, 32, false]);
  throws('no size', () => crypto.randomBytes(-1), 'size');

  // base64: four alphabets, texts and bytes.
  const text = 'hi?>~ß';
  for (const [variant, want] of [[undefined, 'aGk/Pn7Dnw=='], ['std', 'aGk/Pn7Dnw=='], ['rawstd', 'aGk/Pn7Dnw'], ['url', 'aGk_Pn7Dnw=='], ['rawurl', 'aGk_Pn7Dnw']]) {
    eq(`b64encode ${variant}`, encoding.b64encode(text, variant), want);
    eq(`b64decode ${variant}`, encoding.b64decode(want, variant, 's'), text);
    eq(`b64decode ${variant} to bytes`, [encoding.b64decode(want, variant) instanceof ArrayBuffer, encoding.b64decode(want, variant).byteLength], [true, 7]);
  }
  eq('b64encode of bytes', encoding.b64encode(new Uint8Array([104, 101, 108, 108, 111]).buffer), 'aGVsbG8=');
  eq('empty', [encoding.b64encode(''), encoding.b64decode('', 'std', 's')], ['', '']);
  throws('no base64', () => encoding.b64decode('%%%'), 'base64');
  done();
}
