import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://127.0.0.1:8080';
const loginTime = new Trend('login_time', true);

export const options = {
  scenarios: {
    shoppers: {
      executor: 'ramping-vus',
      stages: [
        { duration: '30s', target: 20 },
        { duration: '1m', target: 20 },
        { duration: '10s', target: 0 },
      ],
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500'],
    checks: ['rate>0.99'],
  },
};

// Runs once; what it returns is handed to every virtual user.
export function setup() {
  return { user: 'demo' };
}

export default function (data) {
  group('login', () => {
    const res = http.post(`${BASE_URL}/login`, JSON.stringify(data), {
      headers: { 'Content-Type': 'application/json' },
      tags: { name: 'login' },
    });
    loginTime.add(res.timings.duration);
    check(res, { 'logged in': (r) => r.status === 200 });
  });
  group('browse', () => {
    const res = http.get(`${BASE_URL}/items`, { tags: { name: 'items' } });
    check(res, { 'has items': (r) => r.status === 200 && r.body.length > 0 });
  });
  sleep(Math.random() * 2);
}

export function teardown(data) {
  console.log(`finished as ${data.user}`);
}
