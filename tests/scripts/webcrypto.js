// crypto.subtle against webcrypto.json, which Node's implementation made, and its errors. What is
// expected here holds in Node, too, except that it spells InvalidAccessError wrongly when a key is not extractable.
import { done, eq } from './eq.js';

const vectors = JSON.parse(open('webcrypto.json'));
const { subtle } = crypto;
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
const plain = bytes(vectors.data);

/** Parameters with their bytes decoded. */
function decoded(alg) {
  const out = { ...alg };
  for (const name of ['iv', 'counter', 'additionalData', 'label', 'salt', 'info']) if (name in out) out[name] = bytes(out[name]);
  return out;
}

/** The name of the error that a promise is rejected with. */
const fails = (promise) => promise.then(() => 'nothing', (error) => error.name);

/** Both halves of a pair, imported from every format they come in. */
async function pairs(entry, publicUsages, privateUsages) {
  const found = vectors.keys[entry.key];
  const get = (format, data, usages) => subtle.importKey(format, data, entry.import, true, usages);
  const out = [];
  for (const format of ['jwk', 'der', 'raw']) {
    if (format === 'raw' && !found.raw) continue;
    const [open, secret] =
      format === 'jwk'
        ? [await get('jwk', found.pub, publicUsages), await get('jwk', found.priv, privateUsages)]
        : [await (format === 'raw' ? get('raw', bytes(found.raw), publicUsages) : get('spki', bytes(found.spki), publicUsages)), await get('pkcs8', bytes(found.pkcs8), privateUsages)];
    eq('kinds', [open.type, secret.type, open.extractable, [...open.usages].sort(), [...secret.usages].sort()], ['public', 'private', true, publicUsages, privateUsages]);
    eq('spki', text(await subtle.exportKey('spki', open)), found.spki);
    const again = await subtle.importKey('pkcs8', await subtle.exportKey('pkcs8', secret), entry.import, true, privateUsages);
    for (const [key, want] of [[open, found.pub], [secret, found.priv], [again, found.priv]]) {
      const jwk = await subtle.exportKey('jwk', key);
      for (const name of Object.keys(want)) eq(`${entry.key} jwk ${name}`, jwk[name], want[name]);
      eq('jwk ext', [jwk.ext, jwk.key_ops], [true, key.usages]);
    }
    if (found.raw) eq('raw', text(await subtle.exportKey('raw', open)), found.raw);
    out.push([open, secret]);
  }
  return out;
}

async function digests() {
  for (const { hash, got } of vectors.digests) {
    eq(hash, text(await subtle.digest(hash, plain)), got);
    eq(hash, text(await subtle.digest({ name: hash.toLowerCase() }, plain.buffer)), got);
    eq(hash, text(await subtle.digest(hash, new DataView(plain.buffer))), got);
  }
}

async function signatures() {
  for (const entry of vectors.signatures) {
    const what = JSON.stringify(entry.alg) + JSON.stringify(entry.import);
    const keys = entry.raw
      ? [await subtle.importKey('raw', bytes(entry.raw), entry.import, true, ['sign', 'verify'])].map((key) => [key, key])
      : await pairs(entry, ['verify'], ['sign']);
    for (const [open, secret] of keys) {
      const signature = bytes(entry.signature);
      eq(what, await subtle.verify(entry.alg, open, signature, plain), true);
      eq(`${what} other data`, await subtle.verify(entry.alg, open, signature, plain.slice(1)), false);
      signature[9] ^= 1;
      eq(`${what} changed`, await subtle.verify(entry.alg, open, signature, plain), false);
      eq(`${what} short`, await subtle.verify(entry.alg, open, signature.slice(1), plain), false);
      const own = await subtle.sign(entry.alg, secret, plain);
      eq(`${what} own`, await subtle.verify(entry.alg, open, own, plain), true);
      if (entry.fixed) eq(`${what} fixed`, text(own), entry.signature);
    }
  }
}

async function ciphers() {
  for (const entry of vectors.ciphers) {
    const what = JSON.stringify(entry.alg) + JSON.stringify(entry.import);
    const alg = decoded(entry.alg);
    const keys = entry.raw
      ? [await subtle.importKey('raw', bytes(entry.raw), entry.import.name, true, ['encrypt', 'decrypt'])].map((key) => [key, key])
      : await pairs(entry, ['encrypt'], ['decrypt']);
    const data = entry.plain === undefined ? plain : bytes(entry.plain);
    for (const [open, secret] of keys) {
      eq(what, text(await subtle.decrypt(alg, secret, bytes(entry.text))), text(data));
      const own = await subtle.encrypt(alg, open, data);
      if (entry.fixed) eq(`${what} fixed`, text(own), entry.text);
      eq(`${what} own`, text(await subtle.decrypt(alg, secret, own)), text(data));
      if (alg.name === 'AES-GCM' || alg.name === 'RSA-OAEP') {
        const changed = new Uint8Array(own);
        changed[3] ^= 1;
        eq(`${what} changed`, await fails(subtle.decrypt(alg, secret, changed)), 'OperationError');
      }
    }
  }
}

async function derivations() {
  for (const { secret, alg, bits, got } of vectors.derived) {
    const key = await subtle.importKey('raw', bytes(secret), alg.name, false, ['deriveBits', 'deriveKey']);
    const how = decoded(alg);
    eq(JSON.stringify(alg), text(await subtle.deriveBits(how, key, bits)), got);
    const made = await subtle.deriveKey(how, key, { name: 'AES-GCM', length: 128 }, true, ['encrypt']);
    eq('derived key', text(await subtle.exportKey('raw', made)), text(bytes(got).slice(0, 16)));
    const mac = await subtle.deriveKey(how, key, { name: 'HMAC', hash: 'SHA-256', length: 256 }, true, ['sign']);
    eq('derived HMAC key', text(await subtle.exportKey('raw', mac)), text(bytes(got).slice(0, 32)));
  }
  for (const entry of vectors.agreements) {
    for (const [, mine] of await pairs(entry, [], ['deriveBits', 'deriveKey'])) {
      const [[theirs]] = await pairs({ ...entry, key: entry.with }, [], ['deriveBits']);
      const how = { name: entry.import.name, public: theirs };
      eq(`${entry.key} agreed`, text(await subtle.deriveBits(how, mine, null)), entry.secret);
      eq(`${entry.key} bits`, text(await subtle.deriveBits(how, mine, 128)), text(bytes(entry.secret).slice(0, 16)));
      const made = await subtle.deriveKey(how, mine, { name: 'AES-CBC', length: 256 }, true, ['encrypt']);
      eq(`${entry.key} key`, text(await subtle.exportKey('raw', made)), text(bytes(entry.secret).slice(0, 32)));
    }
  }
}

async function wrapping() {
  for (const { raw, inner, text: wrapped } of vectors.wrapped) {
    const kek = await subtle.importKey('raw', bytes(raw), 'AES-KW', true, ['wrapKey', 'unwrapKey']);
    const key = await subtle.unwrapKey('raw', bytes(wrapped), kek, 'AES-KW', 'AES-GCM', true, ['encrypt']);
    eq('unwrapped', [text(await subtle.exportKey('raw', key)), key.algorithm], [inner, { name: 'AES-GCM', length: 192 }]);
    eq('wrapped', text(await subtle.wrapKey('raw', key, kek, 'AES-KW')), wrapped);
    const damaged = bytes(wrapped);
    damaged[0] ^= 1;
    eq('damaged', await fails(subtle.unwrapKey('raw', damaged, kek, 'AES-KW', 'AES-GCM', true, ['encrypt'])), 'OperationError');
  }
  const box = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['wrapKey', 'unwrapKey']);
  const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const { privateKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  for (const format of ['jwk', 'pkcs8']) {
    const wrapped = await subtle.wrapKey(format, privateKey, box, how);
    const key = await subtle.unwrapKey(format, wrapped, box, how, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    eq(format, await subtle.exportKey('jwk', key), await subtle.exportKey('jwk', privateKey));
  }
}

async function generated() {
  const sign = ['sign', 'verify'];
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pss = await subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-384', ...rsa }, false, sign);
  eq('a pair', [pss.publicKey.usages, pss.privateKey.usages, pss.publicKey.extractable, pss.privateKey.extractable], [['verify'], ['sign'], true, false]);
  const { name, modulusLength, publicExponent, hash } = pss.publicKey.algorithm;
  eq('its algorithm', [name, modulusLength, [...publicExponent], hash], ['RSA-PSS', 2048, [1, 0, 1], { name: 'SHA-384' }]);
  const alg = { name: 'RSA-PSS', saltLength: 48 };
  eq('it works', await subtle.verify(alg, pss.publicKey, await subtle.sign(alg, pss.privateKey, plain), plain), true);
  eq('it is closed', await fails(subtle.exportKey('pkcs8', pss.privateKey)), 'InvalidAccessError');
  const mac = await subtle.generateKey({ name: 'hmac', hash: 'sha-512' }, true, sign);
  eq('an HMAC key', [mac.type, mac.algorithm.name, mac.algorithm.hash, mac.algorithm.length, String(mac)], ['secret', 'HMAC', { name: 'SHA-512' }, 1024, '[object CryptoKey]']);
  const jwk = await subtle.exportKey('jwk', mac);
  eq('as JWK', [jwk.kty, jwk.alg, jwk.k.length, jwk.key_ops], ['oct', 'HS512', 171, sign]);
  const aes = await subtle.generateKey({ name: 'AES-CTR', length: 192 }, true, ['encrypt', 'decrypt']);
  eq('AES as JWK', (await subtle.exportKey('jwk', aes)).alg, 'A192CTR');
  eq('two differ', text(await subtle.exportKey('raw', aes)) === text(await subtle.exportKey('raw', await subtle.generateKey({ name: 'AES-CTR', length: 192 }, true, ['encrypt']))), false);
  const ed = await subtle.generateKey('Ed25519', true, sign);
  eq('Ed25519', await subtle.verify('Ed25519', ed.publicKey, await subtle.sign('Ed25519', ed.privateKey, plain), plain), true);
  eq('Ed25519 algorithm', ed.publicKey.algorithm, { name: 'Ed25519' });
}

async function errors() {
  const aes = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt']);
  const iv = new Uint8Array(12);
  const raw = (n, alg, usages) => subtle.importKey('raw', new Uint8Array(n), alg, true, usages);
  for (const [what, promise, name] of [
    ['unknown algorithm', subtle.digest('MD5', plain), 'NotSupportedError'],
    ['not a hash', subtle.digest('HMAC', plain), 'NotSupportedError'],
    ['no algorithm', subtle.digest({}, plain), 'TypeError'],
    ['no data', subtle.digest('SHA-256', 'text'), 'TypeError'],
    ['not this usage', subtle.decrypt({ name: 'AES-GCM', iv }, aes, plain), 'InvalidAccessError'],
    ['not this key', subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, aes, plain), 'InvalidAccessError'],
    ['no iv', subtle.encrypt({ name: 'AES-GCM' }, aes, plain), 'TypeError'],
    ['no key', subtle.encrypt({ name: 'AES-GCM', iv }, {}, plain), 'TypeError'],
    ['tag length', subtle.encrypt({ name: 'AES-GCM', iv, tagLength: 77 }, aes, plain), 'OperationError'],
    ['key length', raw(15, 'AES-CBC', ['encrypt']), 'DataError'],
    ['no usage', raw(16, 'AES-CBC', []), 'SyntaxError'],
    ['wrong usage', raw(16, 'AES-CBC', ['sign']), 'SyntaxError'],
    ['unknown usage', raw(16, 'AES-CBC', ['encipher']), 'TypeError'],
    ['unknown format', subtle.importKey('pem', plain, 'AES-CBC', true, ['encrypt']), 'TypeError'],
    ['no hash', raw(16, 'HMAC', ['sign']), 'TypeError'],
    ['empty HMAC key', raw(0, { name: 'HMAC', hash: 'SHA-1' }, ['sign']), 'DataError'],
    ['extractable password', raw(16, 'PBKDF2', ['deriveBits']), 'SyntaxError'],
    ['damaged key', subtle.importKey('pkcs8', plain, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']), 'DataError'],
    ['point not on the curve', subtle.importKey('raw', new Uint8Array(65).fill(4), { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']), 'DataError'],
    ['JWK of another kind', subtle.importKey('jwk', { kty: 'oct', k: 'AAAA' }, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']), 'DataError'],
    ['JWK not to be extracted', subtle.importKey('jwk', { kty: 'oct', k: 'AAAA', ext: false }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']), 'DataError'],
    ['JWK not for this', subtle.importKey('jwk', { kty: 'oct', k: 'AAAA', key_ops: ['verify'] }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']), 'DataError'],
    ['unknown curve', subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-1' }, true, ['sign']), 'NotSupportedError'],
    ['AES of 100 bits', subtle.generateKey({ name: 'AES-CBC', length: 100 }, true, ['encrypt']), 'OperationError'],
    ['a pair without use', subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']), 'SyntaxError'],
  ]) {
    eq(what, await fails(promise), name);
  }
  const error = await subtle.digest('MD5', plain).catch((e) => e);
  eq('DOMException', [error instanceof DOMException, error instanceof Error], [true, true]);
  let constructed = 'nothing';
  try { new CryptoKey(); } catch (e) { constructed = e.name; }
  eq('constructed', constructed, 'TypeError');
}

export default async function () {
  for (const part of [digests, signatures, ciphers, derivations, wrapping, generated, errors]) await part();
  done();
}
