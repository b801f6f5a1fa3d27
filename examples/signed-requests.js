// Data from a CSV file, and requests that are signed: with crypto.subtle, or with k6/crypto, which needs no await.
//
// The file is in memory once, however many virtual users read it. A real key would come from k6/secrets
// (--secret-source=file=secrets.env), so that no log shows it.
//
//   inrush run --mock examples/signed-requests.js
import crypto6 from 'k6/crypto';
import csv from 'k6/experimental/csv';
import { open as openFile } from 'k6/experimental/fs';
import exec from 'k6/execution';
import http from 'k6/http';
import { check } from 'k6';

const BASE = (__ENV.INRUSH_BASE_URL || 'http://127.0.0.1:8080/v1').replace(/\/v1\/?$/, '');

/** @type {import('k6/options').Options} */
export const options = {
  vus: 3,
  iterations: 30,
  thresholds: { checks: ['rate==1'] },
};

const rows = await csv.parse(await openFile('prompts.csv'), { asObjects: true });
const secret = new TextEncoder().encode('an example, not a secret');
const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export default async function () {
  const row = rows[exec.scenario.iterationInTest % rows.length];
  const body = JSON.stringify({ prompt: row.prompt });
  const signature = hex(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(body)));

  const res = http.post(`${BASE}/echo`, body, {
    headers: { 'Content-Type': 'application/json', 'X-Signature': signature },
    tags: { topic: row.topic },
  });
  check(res, {
    'the signature arrived': (r) => r.json('headers.x-signature') === signature,
    'both ways agree': () => crypto6.hmac('sha256', secret, body, 'hex') === signature,
  });
}
