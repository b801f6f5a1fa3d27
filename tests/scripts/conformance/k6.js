// The module `k6`: what counts as a passed check, what groups tag, what fails and how.
import { check, fail, group, randomSeed, sleep } from 'k6';
import exec from 'k6/execution';
import { eq, throws, done } from './eq.js';

export default function () {
  // Every value as a literal, as the result of a function, and as the function's argument.
  const truth = [[0, false], [1, true], [-1, true], ['', false], ['true', true], ['false', true], [true, true], [false, false], [null, false], [undefined, false], [{}, true], [[], true], [NaN, false]];
  for (const [value, want] of truth) {
    const text = String(JSON.stringify(value));
    eq(`literal ${text}`, check(null, { literal: value }), want);
    eq(`result ${text}`, check(null, { result: () => value }), want);
    eq(`argument ${text}`, check(value, { argument: (v) => v }), want);
  }
  eq('all must hold', [check(1, { a: true, b: true }), check(1, { a: true, b: false })], [true, false]);
  eq('no checks in it', [check(1, {}), check(null, 77)], [true, true]);
  eq('a list', check(null, [true]), true);
  eq('tags', check(null, { tagged: true }, { a: 1, b: '2' }), true);
  throws('no checks', () => check(5), 'no checks provided');
  throws('a name with ::', () => check(null, { '::': true }), "'::'");
  throws('an async check', () => check(1, { a: async () => {} }), 'async functions');
  let second = false;
  throws('the first that throws ends it', () => check(null, { a() { throw new Error('first error'); }, b() { second = true; } }), 'first error');
  eq('the second did not run', second, false);

  eq('group gives what its function gave', group('g', () => 7), 7);
  eq('group tag', [group('the shop', () => exec.vu.tags.group), group('a', () => group('b', () => exec.vu.tags.group)), exec.vu.tags.group], ['::the shop', '::a::b', '']);
  throws('group with ::', () => group('::', () => {}), "'::'");
  throws('async group', () => group('x', async () => {}), 'async functions');
  throws('group that throws', () => group('x', () => { throw new Error('inside'); }), 'inside');
  eq('left all the same', exec.vu.tags.group, '');
  throws('fail', () => fail('given up'), 'given up');
  throws('fail without a text', () => fail(), '');
  const start = Date.now();
  sleep(0.1);
  sleep('0.05');
  sleep(0);
  eq('slept', Date.now() - start >= 149, true);
  randomSeed(4711);
  const first = [Math.random(), Math.random(), Math.random()];
  randomSeed(4711);
  eq('the same again', [Math.random(), Math.random(), Math.random()], first);
  randomSeed(815);
  eq('others with another seed', Math.random() === first[0], false);
  done();
}
