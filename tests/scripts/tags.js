// Tags of the VU, of a scenario and of one call, seen by thresholds.
import http from 'k6/http';
import exec from 'k6/execution';
import { group } from 'k6';
import { Counter } from 'k6/metrics';

const hits = new Counter('hits');

export const options = {
  scenarios: {
    mobile: { executor: 'per-vu-iterations', vus: 1, iterations: 2, tags: { device: 'phone' }, exec: 'visit' },
    desktop: { executor: 'per-vu-iterations', vus: 1, iterations: 3, tags: { device: 'pc' }, exec: 'visit' },
  },
  thresholds: {
    'hits{device:phone}': ['count==2'],
    'hits{device:pc,part:search}': ['count==3'],
    'hits{scenario:mobile}': ['count==2'],
    'http_reqs{name:item}': ['count==5'],
    'http_reqs{device:phone,part:search}': ['count==4'],
    'http_reqs{group:::buy}': ['count==5'],
    'iterations{device:pc}': ['count==3'],
  },
};

export function visit() {
  exec.vu.tags.part = 'search';
  hits.add(1);
  http.get(`${__ENV.BASE}/status/200?${exec.scenario.iterationInTest}`, { tags: { name: 'item' } });
  group('buy', () => http.get(`${__ENV.BASE}/status/200`));
  delete exec.vu.tags.part;
}
