// Known digests and encodings, as scripts that sign requests use them.
import crypto from 'k6/crypto';
import { hmac, sha256, md5 } from 'k6/crypto';
import encoding, { b64decode, b64encode } from 'k6/encoding';
import { check } from 'k6';

export const options = { thresholds: { checks: ['rate==1'] } };

const message = (f) => { try { f(); } catch (e) { return String(e); } return 'nothing was thrown'; };

export default function () {
  const hasher = crypto.createHash('sha256');
  hasher.update('hello ');
  hasher.update('world');
  const mac = crypto.createHMAC('sha256', 'key');
  mac.update('The quick brown fox jumps over the lazy dog');
  check(null, {
    md5: () => md5('abc', 'hex') === '900150983cd24fb0d6963f7d28e17f72',
    sha1: () => crypto.sha1('abc', 'hex') === 'a9993e364706816aba3e25717850c26c9cd0d89d',
    sha256: () => sha256('abc', 'base64') === 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=',
    streaming: () => hasher.digest('hex') === 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    hmac: () => hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog', 'hex') === 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8',
    'hmac object': () => mac.digest('hex') === 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8',
    chained: () => crypto.createHash('sha1').update('a').update(new Uint8Array([98]).buffer).update([99]).digest('hex') === 'a9993e364706816aba3e25717850c26c9cd0d89d',
    'twice the same': () => mac.digest('base64rawurl') === '97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg' && mac.digest('base64url').endsWith('PNg='),
    'hmac, base64rawurl': () => hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog', 'base64rawurl') === '97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg',
    'md4, ripemd160': () => crypto.md4('abc', 'hex') === 'a448017aaf21d8525fc10ae87aa6729d' && crypto.ripemd160('abc', 'hex') === '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc',
    sha512_256: () => crypto.sha512_256('abc', 'hex') === '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23',
    sha512_224: () => crypto.sha512_224('abc', 'hex') === '4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa',
    errors: () =>
      message(() => crypto.sha1('abc', 'utf8')).includes('invalid output encoding') &&
      message(() => crypto.createHash('sha3')).includes('invalid algorithm') &&
      message(() => crypto.randomBytes(0)).includes('invalid size') &&
      message(() => crypto.sha1(null, 'hex')).includes('sha1') &&
      message(() => b64decode('a*b', 'std')).includes('illegal base64'),
    binary: () => crypto.md5('abc', 'binary') instanceof ArrayBuffer,
    'random bytes': () => crypto.randomBytes(8).byteLength === 8,
    'an unknown variant is the standard one': () => b64encode('hi?>', 'other') === 'aGk/Pg==',
    base64: () => b64encode('hello world') === 'aGVsbG8gd29ybGQ=' && encoding.b64encode('hi?>', 'rawurl') === 'aGk_Pg',
    decode: () => b64decode('aGVsbG8', 'rawstd', 's') === 'hello' && b64decode('aGVsbG8=', 'std').byteLength === 5,
    'basic auth': () => `Basic ${b64encode('user:pass')}` === 'Basic dXNlcjpwYXNz',
    'unicode': () => b64decode(b64encode('ß€😀'), 'std', 's') === 'ß€😀',
    'hex of a buffer': () => crypto.hexEncode(new Uint8Array([255, 0, 16]).buffer) === 'ff0010',
  });
}
