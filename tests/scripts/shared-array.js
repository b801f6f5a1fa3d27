// Users from a file, parsed once; elements are copies.
import { SharedArray } from 'k6/data';
import { check } from 'k6';
import exec from 'k6/execution';

const users = new SharedArray('users', function () {
  console.log('parsing users');
  return JSON.parse(open('./users.json')).users;
});
const rows = new SharedArray('rows', () => open('./rows.csv').trim().split('\n').slice(1).map((l) => l.split(',')));

export const options = { scenarios: { s: { executor: 'shared-iterations', vus: 3, iterations: 9 } }, thresholds: { checks: ['rate==1'] } };

export default function () {
  const user = users[exec.scenario.iterationInTest % users.length];
  check(user, {
    'has a name': (u) => ['ann', 'bob', 'cyd'].includes(u.name),
    'length': () => users.length === 3 && rows.length === 2,
    'iterable': () => [...users].length === 3 && users.map((u) => u.name).join() === 'ann,bob,cyd',
    'csv': () => rows[1][1] === 'y2',
    'out of range': () => users[99] === undefined,
    'find': () => users.find((u) => u.name === 'bob').tags[0] === 'x',
    'elements are copies': () => { const i = users.findIndex((u) => u.name === 'ann'); users[i].name = 'z'; users[i].tags.push(1); return users[i].name === 'ann' && users[i].tags.length === 0; },
    'the array is read-only': () => { try { users[0] = 1; } catch (e) { return true; } return users[0].name === 'ann'; },
    'for of': () => { let n = 0; for (const u of users) n += u.name.length; return n === 9; },
  });
}
