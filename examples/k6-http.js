// Plain HTTP, as any k6 script has it: this file knows nothing about models and runs in k6 as well.
//
// The paths are helpers of the mock server; `--mock` sets INRUSH_BASE_URL to its address, which ends in /v1.
//
//   inrush run --mock examples/k6-http.js
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const BASE = (__ENV.INRUSH_BASE_URL || 'http://127.0.0.1:8080/v1').replace(/\/v1\/?$/, '');

const waiting = new Trend('echo_waiting', true); // true: the values are milliseconds
const bytesRead = new Counter('bytes_read');

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    browse: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: '2s', target: 5 },
        { duration: '3s', target: 5 },
        { duration: '1s', target: 0 },
      ],
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    'http_req_duration{name:echo}': ['p(95)<500'],
    checks: ['rate>0.99'],
  },
};

export default function () {
  group('echo', () => {
    const res = http.post(`${BASE}/echo`, JSON.stringify({ user: __VU }), {
      headers: { 'Content-Type': 'application/json' },
      tags: { name: 'echo' },
    });
    waiting.add(res.timings.waiting);
    check(res, {
      'status is 200': (r) => r.status === 200,
      'the method came back': (r) => r.json('method') === 'POST',
    });
  });

  group('errors and redirects', () => {
    // A 404 we expect must not count as failed.
    const missing = http.get(`${BASE}/status/404`, { responseCallback: http.expectedStatuses(404) });
    check(missing, { 'status is 404': (r) => r.status === 404 });

    const moved = http.get(`${BASE}/redirect/2`, { tags: { name: 'redirect' } });
    check(moved, { 'the redirects were followed': (r) => r.status === 200 });
  });

  // Several requests at once; the responses come back in the same order.
  const [delayed, zipped] = http.batch([`${BASE}/delay/50`, ['GET', `${BASE}/gzip`]]);
  check(delayed, { 'the delay was kept': (r) => r.timings.duration >= 50 });
  check(zipped, { 'gzip was decoded': (r) => r.status === 200 && r.json() !== undefined });

  const bytes = http.get(`${BASE}/bytes/20000`, { responseType: 'binary' });
  bytesRead.add(bytes.body.byteLength);
  check(bytes, { 'all bytes arrived': (r) => r.body.byteLength === 20000 });

  sleep(0.2);
}
