// Two targets behind one model: when the first fails, the second answers. After some failures in a row the first is passed by for a
// cooldown, then probed by a single call. The summary says how often calls were passed on, when an outage was noticed, and how long it took.
//
//   inrush run --mock examples/failover.js
//
// The header makes the embedded mock fail for the primary from its second to its fourth second; other servers ignore it.
import ai from 'inrush/ai';
import { check, sleep } from 'k6';

const primary = ai.model({ tags: { target: 'primary' }, headers: { 'x-mock-outage': '2s:4s' } });
const secondary = ai.model({ tags: { target: 'secondary' } });

const llm = ai.failover([primary, secondary], {
  on: ['overloaded', 'server', 'connection', 'ttft_timeout'],
  failures: 3, // in a row, over all VUs
  cooldown: '1s',
  ttftBudget: '5s', // a first token that takes longer is cancelled, and the next target asked
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { users: { executor: 'constant-vus', vus: 4, duration: '7s', gracefulStop: '10s' } },
  thresholds: {
    ai_req_failed: ['rate==0'], // nobody notices the outage
    ai_failovers: ['count>0'],
    'ai_recovery_time{target:primary}': ['max<6000'], // from its first failure to its first answer afterwards
  },
};

export default function () {
  const res = llm.stream({ prompt: 'Say something.', maxTokens: 8 }, { retry: { attempts: 2, backoff: 200 } });
  check(res, {
    answered: (r) => r.ok,
    'by one of the two': (r) => r.target === 'primary' || r.target === 'secondary',
    // What the user waited for is the total; ttft is that of the attempt which answered.
    'total is not shorter': (r) => r.ttftTotal !== null && r.ttft !== null && r.ttftTotal >= r.ttft,
  });
  sleep(0.1);
}
