// What goes wrong in an iteration ends that iteration only, and is logged.
import { check, fail, group } from 'k6';
import { Counter } from 'k6/metrics';

const reached = new Counter('reached');

export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 7 } } };

export default function () {
  reached.add(1);
  switch (__ITER) {
    case 0: throw new TypeError('plain');
    case 1: return group('outer', () => { throw new Error('in a group'); });
    case 2: check(null, { throwing: () => { throw new Error('in a check'); } }); break;
    case 3: return fail('given up');
    case 4: Promise.reject(new Error('nobody listens')); return;
    case 5: throw 'a string';
    default: check(null, { 'the group was left': () => true });
  }
  reached.add(100);
}
