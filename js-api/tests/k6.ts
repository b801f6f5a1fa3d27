// Type tests of the k6 modules. A line after @ts-expect-error must not compile; every other line must.
import { check, fail, group, randomSeed, sleep } from 'k6';
import { parseHTML, type Elements } from 'k6/html';
import http, { type RefinedResponse } from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { SharedArray } from 'k6/data';
import exec, { scenario } from 'k6/execution';
import encoding, { b64decode, b64encode } from 'k6/encoding';
import crypto, { createHMAC, sha256 } from 'k6/crypto';
import * as timers from 'k6/timers';
import type { Options, SummaryData, SummaryOutput } from 'k6/options';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

export const options: Options = {
  scenarios: {
    steady: { executor: 'constant-arrival-rate', rate: 50, duration: '10s', preAllocatedVUs: 20, maxVUs: 50 },
    ramp: { executor: 'ramping-vus', stages: [{ duration: '5s', target: 10 }], gracefulRampDown: 0, exec: 'other' },
    each: { executor: 'per-vu-iterations', vus: 2, iterations: 3, env: { WHO: 'me' }, tags: { kind: 'small' } },
  },
  thresholds: { http_req_duration: 'p(95)<500', checks: [{ threshold: 'rate>0.9', abortOnFail: true, delayAbortEval: '5s' }] },
};
export const windowed: Options = { duration: '1m', warmUp: '10s', coolDown: 5000 };
export const counted: Options = { iterations: 500, warmUp: { iterations: 50 }, coolDown: '20 iterations' };
export const steady: Options = { duration: '10m', warmUp: 'auto' };
// @ts-expect-error a duration is no list
export const badWindow: Options = { duration: '1m', warmUp: ['10s'] };
export const secured: Options = {
  tlsAuth: [{ domains: ['*.example.com'], cert: 'PEM', key: 'PEM', password: 'p' }],
  tlsCipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
  localIPs: '10.0.0.0/24',
};
export const thrifty: Options = {
  budget: { usd: 5, tokens: 2_000_000, requests: 100, alertAt: [0.5, 0.8], onExceed: 'abort' },
  scenarios: { a: { executor: 'constant-vus', duration: '1m', budget: { requests: 10, onExceed: 'skip' } } },
};
// @ts-expect-error there is no such reaction
export const spendthrift: Options = { budget: { usd: 5, onExceed: 'ask' } };
// @ts-expect-error dollars are a number
export const inWords: Options = { budget: { usd: '5 dollars' } };
// @ts-expect-error a certificate has a key
export const keyless: Options = { tlsAuth: [{ cert: 'PEM' }] };
export const shortcuts: Options = { vus: 2, duration: '5s', summaryTrendStats: ['avg', 'p(99)'] };
export const controlled: Options = {
  paused: true,
  executionSegment: '0:1/2',
  scenarios: { a: { executor: 'externally-controlled', vus: 1, maxVUs: 9, duration: '0' } },
};
// @ts-expect-error it runs until told otherwise: there is nothing to stop gracefully
export const graceful: Options = { scenarios: { a: { executor: 'externally-controlled', vus: 1, duration: '1m', gracefulStop: '1s' } } };
// @ts-expect-error an executor that does not exist
export const wrong: Options = { scenarios: { a: { executor: 'constant-rate', rate: 1 } } };
// @ts-expect-error an arrival rate needs VUs made in advance
export const lacking: Options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 1, duration: '1s' } } };

export const spread: Options = {
  scenarios: {
    a: { executor: 'constant-arrival-rate', rate: 5, duration: '1m', preAllocatedVUs: 9, arrival: 'poisson', seed: 7 },
    b: { executor: 'ramping-arrival-rate', stages: [{ duration: '1m', target: 5 }], preAllocatedVUs: 9, arrival: { gamma: 2.5 } },
    c: { executor: 'constant-token-rate', rate: 20_000, duration: '1m', count: 'output', estimate: { short: 200, long: 4000 }, preAllocatedVUs: 9 },
    d: { executor: 'ramping-token-rate', startRate: 0, timeUnit: '1m', stages: [{ duration: '1m', target: 90_000 }], estimate: 300, preAllocatedVUs: 9, maxVUs: 20 },
    f: { executor: 'concurrency-sweep', vus: { from: 1, to: 64, factor: 2 }, stepDuration: '10s', slo: { e2e: { p95: 900 } } },
    g: { executor: 'rate-sweep', rates: [1, 2, 4], stepDuration: '10s', settle: '2s', preAllocatedVUs: 9 },
    h: { executor: 'capacity-search', by: 'rate', from: 1, to: 9, stepDuration: '1m', preAllocatedVUs: 9, slo: { ttft: { p95: 800 }, failed: 0.01 } },
    i: { executor: 'capacity-search', by: 'vus', from: 1, to: 9, stepDuration: '1m', slo: { goodput: 0.9 } },
    e: { executor: 'trace-replay', file: 'trace.csv', format: 'azure', speed: 2, from: '1m', to: '5m', loop: 3, preAllocatedVUs: 9 },
  },
  thresholds: { 'ai_token_rate_achieved{scenario:c}': ['value>0.97'] },
};
// @ts-expect-error a process that does not exist
export const oddArrival: Options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 5, duration: '1m', preAllocatedVUs: 9, arrival: 'bursty' } } };
// @ts-expect-error tokens are counted in three ways
export const oddTokens: Options = { scenarios: { a: { executor: 'constant-token-rate', rate: 5, duration: '1m', preAllocatedVUs: 9, count: 'words' } } };
// @ts-expect-error a replay needs a file
export const noTrace: Options = { scenarios: { a: { executor: 'trace-replay', preAllocatedVUs: 9 } } };
export function replayed(): number {
  // @ts-expect-error only replays have a row
  scenario.trace.inputTokens;
  return scenario.trace ? scenario.trace.inputTokens + (scenario.trace.hashIds?.length ?? 0) : 0;
}
export function rates(data: SummaryData): number | null | undefined {
  return data.token_rates?.[0]?.share;
}

const items = new SharedArray('items', () => [{ id: 1 }, { id: 2 }]);
same<number, (typeof items)[number]['id']>(true);
// @ts-expect-error shared data is read-only
items[0] = { id: 3 };
// @ts-expect-error the loader must return an array
new SharedArray('one', () => ({ id: 1 }));

new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode('text'), { stream: true }).trim();
globalThis.crypto.getRandomValues(new Uint8Array(4)).byteLength;
// @ts-expect-error floats have no random bits
globalThis.crypto.getRandomValues(new Float64Array(4));
new TextDecoder('latin1');
// @ts-expect-error the label is a text
new TextDecoder(8);

const latency = new Trend('my_latency', true);
latency.add(12.5, { step: 'login', attempt: 2 });
new Counter('my_count').add(1);
new Gauge('my_gauge').add(1);
new Rate('my_rate').add(true);
// @ts-expect-error a value is needed
latency.add();

const text: RefinedResponse<'text'> = http.get('http://127.0.0.1/', { responseType: 'text' });
same<typeof text.body, string | null>(true);
same<ReturnType<typeof http.get<'binary'>>['body'], ArrayBuffer | null>(true);
const plain = http.post('http://127.0.0.1/', JSON.stringify({ a: 1 }), { headers: { 'Content-Type': 'application/json' } });
plain.json('a.#.b');
http.post('http://127.0.0.1/', { field: 'value', upload: http.file('abc', 'a.txt', 'text/plain') });
http.get(http.url`http://127.0.0.1/items/${1}`, { timeout: '5s', cookies: { a: 'b', c: { value: 'd', replace: true } } });
const [first, second] = http.batch(['http://127.0.0.1/a', ['POST', 'http://127.0.0.1/b', 'body']]);
const named = http.batch({ front: 'http://127.0.0.1/', api: { method: 'GET', url: 'http://127.0.0.1/api' } });
first.status + second.status + named.front.status + named.api.timings.waiting;
http.setResponseCallback(http.expectedStatuses(200, { min: 300, max: 399 }));
http.asyncRequest('GET', 'http://127.0.0.1/').then((r) => r.status);
const jar = http.cookieJar();
jar.set('http://127.0.0.1/', 'a', 'b', { max_age: 60 });
http.get('http://u:p@127.0.0.1/', { auth: 'digest' });
plain.tls_version === http.TLS_1_3 && plain.ocsp.status !== http.OCSP_STATUS_REVOKED;
// @ts-expect-error an unknown way to log in
http.get('http://u:p@127.0.0.1/', { auth: 'kerberos' });
http.post('http://127.0.0.1/', { file: http.file(new Uint8Array([1]), 'a.bin', 'a/b'), list: ['a', 1] });
const page = parseHTML('<a href=/x>go</a>');
const texts: string[] = page.find('a').map((_, link) => link.text().trim());
(page.find('a').get(0) as Elements['a']).href().length;
page.find('form').each((_, form) => form.querySelectorAll('input').map((input) => input.id()));
plain.html('title').text() + plain.clickLink({ selector: '#go' }).status;
plain.submitForm({ fields: { login: 'me', ids: [1, 2] } }).json('id');
// @ts-expect-error a selector is a text
page.find(7);
// @ts-expect-error a misspelt option
plain.clickLink({ select: '#go' });
// @ts-expect-error misspelt parameter
http.get('http://127.0.0.1/', { header: {} });
// @ts-expect-error a body of numbers has no meaning
http.post('http://127.0.0.1/', 12);

const held: boolean = check(plain, { ok: (r) => r.status === 200, constant: true }, { kind: 'x' });
// @ts-expect-error the conditions see the checked value
check(plain, { ok: (r) => r.stauts === 200 });
const result: number = group('outer', () => 1);
group('nothing returned', () => {});
group('branches', () => (held ? 'a' : undefined));
group('outer', async () => 1);
randomSeed(1);
sleep(0.5);
// @ts-expect-error seconds are a number
sleep('1s');

same<typeof exec.scenario.iterationInTest, number>(true);
scenario.name.length;
exec.vu.tags.user = 'a';
exec.vu.metrics.tags.user = 1;
exec.instance.vusActive + exec.vu.idInTest;
if (Math.random() > 2) exec.test.abort('why');
// @ts-expect-error who runs is not for the script to change
exec.vu.idInTest = 1;

same<ReturnType<typeof b64encode>, string>(true);
const bytes: ArrayBuffer = b64decode('YQ');
const back: string = encoding.b64decode('YQ==', 'std', 's');
const hash: string = sha256('a', 'hex');
const raw: ArrayBuffer = crypto.hmac('sha256', 'key', 'data', 'binary');
const mac = createHMAC('sha256', 'key');
mac.update('a');
mac.digest('base64rawurl');
// @ts-expect-error an unknown encoding
sha256('a', 'octal');

timers.clearTimeout(timers.setTimeout(() => {}, 10));
clearInterval(setInterval(() => console.warn('still here'), 1000));
const file: string = open('./data.json');
const binary: ArrayBuffer = open('./data.bin', 'b');
const library = require('./library.js');
library.anything();
// @ts-expect-error a path is text
require(5);
const beside: string = import.meta.resolve('./library.js') + import.meta.url;
// @ts-expect-error a specifier is needed
import.meta.resolve();
// @ts-expect-error there is no DOM here
document.title;
// @ts-expect-error there is no Node here
process.env.HOME;

export function handleSummary(data: SummaryData): SummaryOutput {
  return { stdout: String(data.metrics.http_reqs.values.count), 'out.json': JSON.stringify(data.root_group.checks) };
}

export default function (): void {
  if (!held) fail(`iteration ${__ITER} of VU ${__VU}`);
}

export { texts, result, bytes, back, hash, raw, file, binary, beside };
