// Type tests of secrets, files, certificates, WebCrypto and Redis. A line after @ts-expect-error must not compile.
import { getAltNames, parse as parseCertificate } from 'k6/crypto/x509';
import csv, { Parser } from 'k6/experimental/csv';
import { open as openFile, SeekMode } from 'k6/experimental/fs';
import { Client as OldClient } from 'k6/experimental/redis';
import { setTimeout as later } from 'k6/experimental/timers';
import { crypto as oldCrypto } from 'k6/experimental/webcrypto';
import secrets from 'k6/secrets';
import { Client } from 'k6/x/redis';

export async function secretsExample(): Promise<number> {
  const token = await secrets.get('token');
  // @ts-expect-error a secret comes with a promise
  secrets.get('token').length;
  return token.length + (await secrets.source('other').get('token')).length;
}

export async function filesExample(): Promise<void> {
  const file = await openFile('data.csv');
  const read: number | null = await file.read(new Uint8Array(4));
  await file.seek(0, SeekMode.Start);
  // @ts-expect-error the array must hold bytes
  await file.read(new Int32Array(4));
  // @ts-expect-error the mode is missing
  await file.seek(0);
  const rows = await csv.parse(file, { delimiter: ';', skipFirstLine: true });
  const cell: string = rows[0][0];
  const objects = await csv.parse(file, { asObjects: true });
  const named: string = objects[0].name;
  // @ts-expect-error there is no such option
  await csv.parse(file, { header: true });
  const { done, value } = await new Parser(file, { fromLine: 1, toLine: 3 }).next();
  console.log(read, cell, named, done, value);
}

export function certificateExample(pem: string): string {
  const certificate = parseCertificate(pem);
  if (certificate.publicKey.algorithm === 'RSA') console.log(certificate.publicKey.key.e + 1);
  // @ts-expect-error which kind of key it is must be looked at first
  certificate.publicKey.key.e;
  return certificate.subject.organizationalUnitName.concat(getAltNames(pem)).join();
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

export async function redisExample(): Promise<string> {
  const client = new Client({ socket: { host: 'localhost', port: 6379, tls: { ca: ['...'] } }, password: 'x' });
  const old = new OldClient({ addrs: ['localhost:6379'], db: 1 });
  new Client({ cluster: { nodes: ['redis://a:1', { socket: { host: 'b' } }] } });
  // @ts-expect-error an object is no value
  await client.set('key', { a: 1 });
  // @ts-expect-error there is no such option
  new Client({ hosts: ['a'] });
  await old.set('key', 1, 60);
  const count: number = await client.incrBy('count', 2);
  const all: Record<string, string> = await client.hgetall('hash');
  later(() => console.log(count, all.field), 10);
  return client.sendCommand('ECHO', 'hello');
}
