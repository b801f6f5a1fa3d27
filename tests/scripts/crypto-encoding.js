// Known digests and encodings, as scripts that sign requests use them.
import crypto from 'k6/crypto';
import { hmac, sha256, md5 } from 'k6/crypto';
import encoding, { b64decode, b64encode } from 'k6/encoding';
import { check } from 'k6';

export const options = { thresholds: { checks: ['rate==1'] } };

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
    binary: () => crypto.md5('abc', 'binary') instanceof ArrayBuffer,
    'random bytes': () => crypto.randomBytes(8).byteLength === 8,
    base64: () => b64encode('hello world') === 'aGVsbG8gd29ybGQ=' && encoding.b64encode('hi?>', 'rawurl') === 'aGk_Pg',
    decode: () => b64decode('aGVsbG8', 'rawstd', 's') === 'hello' && b64decode('aGVsbG8=', 'std').byteLength === 5,
    'basic auth': () => `Basic ${b64encode('user:pass')}` === 'Basic dXNlcjpwYXNz',
    'unicode': () => b64decode(b64encode('ß€😀'), 'std', 's') === 'ß€😀',
    'hex of a buffer': () => crypto.hexEncode(new Uint8Array([255, 0, 16]).buffer) === 'ff0010',
  });
}
