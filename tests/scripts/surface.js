// What k6, k6/timers, k6/execution, k6/metrics and k6/data promise, call by call.
import k6, { check, fail, group, randomSeed, sleep } from 'k6';
import exec, { instance, scenario, test as run, vu } from 'k6/execution';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import metrics from 'k6/metrics';
import { SharedArray } from 'k6/data';
import timers, { clearInterval as stop, clearTimeout as cancel, setInterval as every, setTimeout as later } from 'k6/timers';

export const options = {
  scenarios: {
    named: { executor: 'per-vu-iterations', vus: 2, iterations: 2, exec: 'named', tags: { kind: 'x' }, env: { WHO: 'me' } },
    alone: { executor: 'shared-iterations', vus: 1, iterations: 1, exec: 'alone', startTime: '0s' },
  },
  tags: { team: 'qa' },
  thresholds: {
    checks: ['rate==1'],
    'seen{team:qa,kind:x}': ['count==8'],
    'seen{team:qa,own:yes}': ['count==4'],
    share: ['rate==0.75'],
    level: ['value==3'],
    times: ['avg==2', 'med==2', 'min==1', 'max==3', 'p(50)==2', 'p(100)==3'],
  },
};

const thrown = (f) => { try { f(); } catch (e) { return String(e.message || e); } return 'nothing thrown'; };
// A check's name must not contain the separator of groups.
const hold = (name, ok) => check(null, { [name.replaceAll('::', ': :')]: () => ok });
const equal = (name, got, want) => hold(`${name}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`, JSON.stringify(got) === JSON.stringify(want));
const matches = (name, got, pattern) => hold(`${name}: ${got}, want ${pattern}`, pattern.test(got));

const seen = new Counter('seen');
const level = new Gauge('level');
const share = new Rate('share');
const times = new Trend('times', true);
const plain = new metrics.Trend('plain');
const initErrors = {
  check: thrown(() => check(1, { a: true })),
  group: thrown(() => group('g', () => {})),
  vu: thrown(() => exec.vu.idInTest),
  scenario: thrown(() => exec.scenario.name),
  add: thrown(() => seen.add(1)),
  name: thrown(() => new Counter('a b')),
  empty: thrown(() => new Counter('')),
  short: thrown(() => new Counter('x')),
  other: thrown(() => new Gauge('seen')),
  array: thrown(() => new SharedArray('', () => [])),
  noFunction: thrown(() => new SharedArray('n')),
  noArray: thrown(() => new SharedArray('o', () => ({}))),
};
const again = new Counter('seen');
sleep(0.001);
const first = new SharedArray('once', () => [{ a: 1 }, { a: 2 }]);
const second = new SharedArray('once', () => { throw new Error('made once'); });

export function setup() {
  return { vu: exec.vu.idInTest, scenario: thrown(() => exec.scenario.name), inSetup: __VU, nested: { list: [1, { b: null }], undef: undefined, date: new Date(0) } };
}

export function named(data) {
  equal('setup data', data, { vu: 0, scenario: data.scenario, inSetup: 0, nested: { list: [1, { b: null }], date: '1970-01-01T00:00:00.000Z' } });
  matches('no scenario in setup', data.scenario, /scenario/);
  matches('check in init', initErrors.check, /init context/);
  matches('group in init', initErrors.group, /init context/);
  matches('vu in init', initErrors.vu, /init context/);
  matches('scenario in init', initErrors.scenario, /init context|scenario/);
  matches('add in init', initErrors.add, /init context/);
  matches('metric name', initErrors.name, /name/);
  matches('empty metric name', initErrors.empty, /name/);
  matches('short metric name', initErrors.short, /name/);
  matches('metric of another type', initErrors.other, /already/);
  matches('array without a name', initErrors.array, /name/);
  matches('array without a function', initErrors.noFunction, /function/);
  matches('no array', initErrors.noArray, /array/);
  matches('metric in an iteration', thrown(() => new Counter('late')), /init context/);
  matches('array in an iteration', thrown(() => new SharedArray('late', () => [])), /init context/);

  equal('identity', [exec.vu.idInTest === __VU, exec.vu.idInInstance === __VU, exec.vu.iterationInInstance === __ITER, vu.iterationInScenario], [true, true, true, __ITER]);
  equal('scenario', [scenario.name, scenario.executor, typeof scenario.startTime, scenario.startTime <= Date.now(), scenario.progress >= 0 && scenario.progress <= 1], ['named', 'per-vu-iterations', 'number', true, true]);
  equal('instance', [instance.vusActive >= 1, instance.vusInitialized >= 3, instance.iterationsCompleted >= 0, instance.iterationsInterrupted, instance.currentTestRunDuration > 0], [true, true, true, 0, true]);
  equal('options', [run.options.scenarios.named.executor, run.options.scenarios.named.vus, run.options.tags.team], ['per-vu-iterations', 2, 'qa']);
  equal('env', __ENV.WHO, 'me');
  equal('default exports', [typeof k6.check, typeof exec.test.abort, typeof timers.setTimeout, typeof metrics.Rate], ['function', 'function', 'function', 'function']);

  equal('tags', [vu.tags.team, vu.tags.kind, vu.metrics.tags.scenario, vu.tags.nothing], ['qa', 'x', 'named', undefined]);
  vu.metrics.tags.number = 5;
  equal('tag of a number', vu.tags.number, '5');
  vu.metrics.metadata.trace = 'abc';
  equal('metadata', vu.metrics.metadata.trace, 'abc');
  matches('tag of an object', thrown(() => { 'use strict'; vu.tags.bad = {}; }), /tag|string/);
  delete vu.tags.number;
  delete vu.metrics.metadata.trace;
  equal('deleted', [vu.tags.number, 'number' in vu.tags, Object.keys(vu.tags).includes('team')], [undefined, false, true]);

  seen.add(1);
  again.add(true, { own: 'yes' });
  level.add(3);
  equal('names', [seen.name, level.name, share.name, times.name], ['seen', 'level', 'share', 'times']);
  // What is no number is left out.
  [true, 1, 'x', 1, 0].forEach((v) => share.add(v));
  [1, 2, 3].forEach((v) => times.add(v));
  plain.add('4');
  equal('no number', [null, undefined, 'many', {}, NaN].map((v) => seen.add(v)), [false, false, false, false, false]);

  equal('check returns', [check(5, { a: (v) => v === 5, b: true }), check(5, {}), check(5, { c: 1, d: () => 'x' })], [true, true, true]);
  matches('check throws', thrown(() => check(1, { 'passes before': () => true, get 'from a getter'() { throw new Error('got'); } })), /got/);
  equal('a promise is true', check(1, { promise: () => Promise.resolve(false) }), true);
  equal('a group gives its promise', group('p', () => Promise.resolve(1)) instanceof Promise, true);
  matches('async check', thrown(() => check(1, { async: async () => true })), /async/);
  equal('group returns', [group('g', () => 7), group('outer', () => group('inner', () => vu.tags.group)), vu.tags.group], [7, '::outer::inner', '']);
  matches('group throws', thrown(() => group('h', () => { throw new Error('inside'); })), /inside/);
  equal('group is left', vu.tags.group, '');
  matches('async group', thrown(() => group('a', async () => {})), /async/);
  matches('group name', thrown(() => group('a::b', () => {})), /::/);
  matches('group function', thrown(() => group('a')), /function/);
  matches('check name', thrown(() => check(1, { 'a::b': true })), /::/);
  matches('fail', thrown(() => fail('because')), /^because$/);
  randomSeed(1);
  const random = [Math.random(), Math.random()];
  randomSeed(1);
  equal('seeded', [Math.random(), Math.random()], random);
  const before = Date.now();
  sleep(0.05);
  sleep('0.01');
  check(before, { 'sleep sleeps': (b) => Date.now() - b >= 55 });

  equal('shared', [first.length, second.length, second[1].a, first.map((e) => e.a), [...first].length, Array.isArray(first.slice(0)), first[5], first instanceof SharedArray], [2, 2, 2, [1, 2], 2, true, undefined, false]);
  matches('read-only', thrown(() => { 'use strict'; first.push(1); }), /SharedArray|immutable|read|extend|assign/);
}

export async function alone() {
  const order = [];
  const ids = [later(() => order.push('second'), 20), later((a, b) => order.push(a + b), 5, 'fi', 'rst'), setTimeout(() => order.push('never'), 1)];
  cancel(ids[2]);
  cancel(undefined); cancel(12345); clearInterval();
  equal('ids', ids.map((id) => typeof id), ['number', 'number', 'number']);
  let n = 0;
  const id = every((step) => { n += step; if (n >= 6) stop(id); }, 1, 2);
  queueMicrotask(() => order.push('micro'));
  later(() => { order.push('zero'); Promise.resolve().then(() => order.push('after zero')); }, 0);
  later(() => order.push('next'), 0);
  order.push('sync');
  matches('no function', thrown(() => setTimeout('code', 1)), /function/);
  matches('nothing', thrown(() => every()), /function/);
  await new Promise((resolve) => later(resolve, 60));
  equal('order', order, ['sync', 'micro', 'zero', 'after zero', 'next', 'first', 'second']);
  equal('interval', n, 6);
  const settled = await Promise.allSettled([Promise.resolve(1), Promise.reject(new Error('no')), (async () => { throw 5; })()]);
  equal('settled', settled.map((s) => s.value ?? String(s.reason)), [1, 'Error: no', '5']);
  equal('race', await Promise.race([new Promise((r) => setTimeout(r, 1000, 'slow')), new Promise((r) => setTimeout(r, 1, 'fast'))]), 'fast');
  // Holds the iteration: what is started and not awaited still runs.
  later(() => console.log('RAN AFTER THE FUNCTION'), 10);
}

export function teardown(data) {
  console.log(`teardown: ${data.nested.list.length} ${thrown(() => exec.scenario.name) !== 'nothing thrown'} ${__VU}`);
}
