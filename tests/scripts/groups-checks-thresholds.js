// A small shop: groups, checks, tagged requests, custom metrics, thresholds on sub-metrics.
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const orders = new Counter('orders');
const basket = new Gauge('basket_size');
const errorRate = new Rate('errors');
const wait = new Trend('waiting_time', true);

const BASE = __ENV.BASE;

export const options = {
  vus: 2,
  iterations: 6,
  thresholds: {
    http_req_failed: ['rate<=0.5'],
    'http_req_duration{type:api}': ['p(95)<5000', { threshold: 'max<60000', abortOnFail: true }],
    'http_req_duration{name:login}': ['avg<5000'],
    'checks{group:::shop::cart}': ['rate===1'],
    'orders{kind:book}': ['count==6'],
    errors: ['rate<0.51', 'rate>0.49'],
    waiting_time: ['p(99.9) < 60000', 'med>=0'],
    'group_duration{group:::shop}': ['max<60000'],
  },
};

export default function () {
  group('shop', () => {
    const login = http.post(`${BASE}/echo`, JSON.stringify({ user: 'u' }), {
      headers: { 'Content-Type': 'application/json' },
      tags: { name: 'login', type: 'api' },
    });
    check(login, {
      'status is 200': (r) => r.status === 200,
      'body is echoed': (r) => r.json('body') === '{"user":"u"}',
    });
    wait.add(login.timings.waiting);
    const total = group('cart', () => {
      basket.add(3);
      orders.add(1, { kind: 'book' });
      return check(null, { 'cart is filled': () => true }, { step: 'cart' });
    });
    if (total !== true) throw new Error('group() must return what its function returns');
  });
  const missing = http.get(`${BASE}/status/404`);
  errorRate.add(missing.status >= 400);
  errorRate.add(0);
  check(missing, { 'is not there': (r) => r.status === 200 });
  sleep(0.01);
}
