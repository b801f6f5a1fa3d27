// A hard cap on what a run may take: what does not fit any more is not sent, and the run ends in order.
//
//   inrush estimate examples/budget.js                                  what it would take, before anything is called
//   inrush run --mock examples/budget.js
//   inrush run --mock --budget-requests 5 examples/budget.js            flags replace single limits
import ai from 'inrush/ai';
import { check } from 'k6';

// The price is known for most public models; your own server's is yours to say (USD per million tokens).
const llm = ai.model({ price: { input: 0.15, output: 0.6, cachedInput: 0.075 } });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    chat: { executor: 'constant-vus', vus: 4, duration: '20s', gracefulStop: '5s' },
    // A scenario may have less: its calls are refused when that is used up, and count for the run's budget too.
    probe: {
      executor: 'constant-arrival-rate',
      rate: 2,
      duration: '6s',
      preAllocatedVUs: 4,
      exec: 'probe',
      budget: { requests: 5, onExceed: 'skip' },
    },
  },
  budget: { usd: 0.01, tokens: 3000, requests: 500, alertAt: [0.5, 0.8], onExceed: 'stop' },
  thresholds: { ai_cost: ['count<=0.01'], checks: ['rate==1'] },
};

export default function () {
  // maxTokens is what is reserved: without it the model's own limit would be, and few calls would fit at a time.
  const res = llm.stream({ prompt: 'Name three rivers.', maxTokens: 40 });
  check(res, { 'answered, or kept back by the budget': (r) => r.ok || r.errorKind === 'budget' });
}

export function probe() {
  const res = llm.complete({ prompt: 'ping', maxTokens: 5 });
  check(res, { 'answered, or kept back by the budget': (r) => (r.ok ? r.cost > 0 : r.errorKind === 'budget') });
}
