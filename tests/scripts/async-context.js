// What asynchronous work is tagged with, with `--features async-metric-context`.
import { check, group } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const events = new Counter('events');
const { tags, metadata } = exec.vu.metrics;

export const options = {
  iterations: 1,
  thresholds: {
    checks: ['rate==1'],
    // Four groups, each one's events, and three that belong to none.
    'group_duration{group:::alpha}': ['min>=20'],
    'group_duration{group:::beta}': ['min>=10'],
    'group_duration{group:::outer::inner}': ['max>0'],
    'group_duration{group:::fails}': ['min>=1'],
    'events{group:::alpha}': ['count==2'],
    'events{group:::beta}': ['count==2'],
    'events{group:::outer::inner}': ['count==1'],
    'events{group:::fails}': ['count==1'],
    events: ['count==9'],
    'http_reqs{group:::alpha}': ['count==1'],
    'http_reqs{group:::beta}': ['count==1'],
    'checks{group:::setup}': ['rate==1'],
  },
};

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function setup() {
  Promise.resolve().then(() => check(null, { 'a reaction of setup': true }));
  group('warm-up', () => {});
}

async function slow(name, ms) {
  events.add(1);
  await delay(ms);
  const answer = await http.asyncRequest('GET', `${__ENV.BASE}/`);
  events.add(1);
  tags[name] = 'inside';
  return [name, answer.status];
}

// Two chains that take turns; each has its own tags.
async function chain(owner, gate) {
  tags.owner = owner;
  metadata.owner = owner;
  await gate;
  for (const step of ['one', 'two']) {
    tags.step = owner + step;
    await (step === 'one' ? Promise.resolve() : delay(1));
    check(null, { [`${owner} ${step}`]: tags.owner === owner && metadata.owner === owner && tags.step === owner + step });
  }
}

export default async function () {
  const both = await Promise.all([
    group('alpha', () => slow('alpha', 20)),
    group('beta', async () => slow('beta', 10)),
  ]);
  check(both, {
    'values come through': ([a, b]) => a.join() === 'alpha,200' && b.join() === 'beta,200',
    'tags stay inside': () => !('alpha' in tags) && !('beta' in tags),
  });
  events.add(1);

  await group('outer', async () => group('inner', async () => { await null; events.add(1); }));
  const error = await group('fails', async () => { events.add(1); await delay(1); throw new Error('seen'); }).catch((e) => e);
  check(error, { 'errors come through': (e) => e.message === 'seen' });
  // What acts as a promise is one.
  const thenable = group('thenable', () => ({ then(resolve) { resolve('kept'); } }));
  check(await thenable, { 'a thenable': (value) => value === 'kept' });

  let open;
  const gate = new Promise((resolve) => { open = resolve; });
  const chains = [chain('first', gate), chain('second', gate)];
  tags.owner = 'root';
  open();
  await Promise.all(chains);
  check(null, { 'the root kept its own': tags.owner === 'root' && tags.step === undefined && !('step' in tags) });

  setTimeout(() => { check(null, { 'a timer keeps its own': tags.owner === 'root' }); events.add(1); }, 5);
  tags.owner = 'later';
  events.add(1);
}
