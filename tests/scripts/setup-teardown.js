// Data from setup() reaches every VU as a copy of its own, and teardown() as setup() returned it.
import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 3, iterations: 2 } }, thresholds: { checks: ['rate==1'] } };

export function setup() {
  const res = http.get(`${__ENV.BASE}/json`);
  return { token: res.json('s'), list: [1, 2, 3], nested: { when: new Date(0), nothing: undefined, nan: NaN } };
}

export default function (data) {
  check(data, {
    'token arrives': (d) => d.token === 'text',
    'what JSON cannot hold is gone': (d) => d.nested.when === '1970-01-01T00:00:00.000Z' && !('nothing' in d.nested) && d.nested.nan === null,
    'no other VU wrote here': (d) => d.list.length === 3 + exec.vu.iterationInScenario,
  });
  data.list.push('mine');
}

export function teardown(data) {
  if (data.list.length !== 3) throw new Error(`teardown got ${JSON.stringify(data)}`);
  console.log(`teardown saw ${data.token}`);
}
