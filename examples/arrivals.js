// Real users do not come at even intervals. Three scenarios with the same mean rate: even, independent of each other, and in bursts.
// The more uneven the arrivals, the longer the queues: compare `ai_ttft` and `ai_schedule_delay` of the three in the summary.
//
//   inrush run --mock examples/arrivals.js
//   inrush run --mock --seed 7 examples/arrivals.js
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

// The number of starts is exact for uniform arrivals only; in the others it varies as it would in real traffic.
/** @type {(arrival: import('k6/options').Arrival) => import('k6/options').ConstantArrivalRate} */
const traffic = (arrival) => ({
  executor: 'constant-arrival-rate',
  rate: 8,
  duration: '8s',
  preAllocatedVUs: 40,
  maxVUs: 80,
  gracefulStop: '10s',
  arrival,
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    even: traffic('uniform'),
    independent: traffic('poisson'), // many users who know nothing of each other
    bursty: { ...traffic({ gamma: 3 }), seed: 42 }, // a coefficient of variation of 3; a schedule of its own that repeats in every run
  },
  thresholds: {
    'ai_ttft{scenario:even}': ['p(95)<2000'],
    'ai_ttft{scenario:independent}': ['p(95)<2000'],
    'ai_ttft{scenario:bursty}': ['p(95)<2000'],
    // From the moment the user came: waiting for a free VU is part of it.
    ai_e2e_intended: ['p(95)<8000'],
  },
};

export default function () {
  const res = llm.stream({ prompt: 'Write one sentence about rivers.', maxTokens: 30 });
  check(res, { answered: (r) => r.ok });
}
