// An async default function with timers, and requests that overlap.
import http from 'k6/http';
import { check, sleep } from 'k6';
import { setTimeout as later } from 'k6/timers';

export const options = { vus: 2, iterations: 4, thresholds: { checks: ['rate==1'], iterations: ['count==4'] } };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export default async function () {
  const order = [];
  later(() => order.push('timer'), 20);
  const cancelled = setTimeout(() => order.push('never'), 1);
  clearTimeout(cancelled);
  let ticks = 0;
  const interval = setInterval(() => { if (++ticks === 3) clearInterval(interval); }, 5);
  Promise.resolve().then(() => order.push('microtask'));
  order.push('sync');
  const [a, b] = await Promise.all([http.asyncRequest('GET', `${__ENV.BASE}/slow/30`), http.asyncRequest('GET', `${__ENV.BASE}/json`)]);
  await pause(60);
  sleep(0.01);
  for await (const n of (async function* () { yield 1; yield 2; })()) order.push(n);
  check(order, {
    order: (o) => o.join() === 'sync,microtask,timer,1,2',
    ticks: () => ticks === 3,
    responses: () => a.body === 'slow' && b.json('s') === 'text',
  });
}
