// `k6/metrics`: names, values, tags, and what is refused.
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { eq, throws, done } from './eq.js';

export const options = { throw: true };
const all = { counter: new Counter('my_counter'), gauge: new Gauge('my_gauge'), rate: new Rate('my_rate'), trend: new Trend('my_trend', true) };
const again = new Counter('my_counter');
const initial = [];
const refused = (what, f, text) => { try { f(); initial.push([what, 'nothing was thrown']); } catch (e) { if (!String(e).includes(text)) initial.push([what, String(e)]); } };
refused('another type', () => new Gauge('my_counter'), 'already');
refused('another unit', () => new Trend('my_trend'), 'already');
for (const name of ['', 'a', '1abc', 'with space', 'dash-ed', 'dot.ted', 'ü_name', `x${'y'.repeat(129)}`]) refused(name, () => new Counter(name), 'name');
const longest = new Counter(`x${'y'.repeat(128)}`);
refused('a name of k6', () => new Trend('http_reqs'), 'already');
const same = new Counter('http_reqs');

export default function () {
  eq('in the init context', initial, []);
  eq('names', Object.values(all).map((m) => m.name), ['my_counter', 'my_gauge', 'my_rate', 'my_trend']);
  eq('classes', [all.counter instanceof Counter, all.gauge instanceof Counter, again.name, longest.name.length, same.name], [true, false, 'my_counter', 129, 'http_reqs']);
  throws('the name is fixed', () => { 'use strict'; all.counter.name = 'other'; }, '');
  eq('and stays', all.counter.name, 'my_counter');
  throws('too late', () => new Counter('late'), 'init context');
  for (const metric of Object.values(all)) {
    for (const value of [0.75, 8, true, false, '6.5']) eq(`${metric.name} ${value}`, metric.add(value), true);
    eq('with tags', metric.add(1, { a: 1, b: 'two', c: true }), true);
    for (const value of [null, undefined, NaN, 'text', { v: 1 }, all.counter]) throws(`${metric.name} ${value}`, () => metric.add(value), 'value');
    throws('nothing', () => metric.add(), 'value');
  }
  done();
}
