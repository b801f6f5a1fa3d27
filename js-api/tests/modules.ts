// Type tests of secrets, files, certificates, WebCrypto and Redis. A line after @ts-expect-error must not compile.
import { crypto as oldCrypto } from 'k6/experimental/webcrypto';
import secrets from 'k6/secrets';

export async function secretsExample(): Promise<number> {
  const token = await secrets.get('token');
  // @ts-expect-error a secret comes with a promise
  secrets.get('token').length;
  return token.length + (await secrets.source('other').get('token')).length;
}

export async function webCryptoExample(data: ArrayBuffer): Promise<boolean> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const key: CryptoKey = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
  // @ts-expect-error AES-CBC needs an iv
  await crypto.subtle.encrypt({ name: 'AES-CBC' }, key, data);
  // @ts-expect-error this is no usage
  await crypto.subtle.importKey('raw', data, 'AES-CBC', true, ['encipher']);
  // @ts-expect-error text must be encoded first
  await oldCrypto.subtle.digest('SHA-256', 'text');
  const how = { name: 'ECDSA', hash: 'SHA-256' } as const;
  const signature = await crypto.subtle.sign(how, pair.privateKey, await crypto.subtle.digest('SHA-256', data));
  const jwk: JsonWebKey = await crypto.subtle.exportKey('jwk', pair.publicKey);
  console.log(jwk.kty, (await crypto.subtle.exportKey('raw', key)).byteLength);
  return crypto.subtle.verify(how, pair.publicKey, signature, data);
}
