// A spike: quiet traffic, a sudden crowd, quiet again. Does the service recover, and how long does it take?
//
//   inrush run --mock examples/spike.js
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: 2,
      timeUnit: '1s',
      preAllocatedVUs: 60,
      maxVUs: 120,
      gracefulStop: '10s',
      stages: [
        { duration: '3s', target: 2 }, // quiet
        { duration: '1s', target: 25 }, // the crowd arrives
        { duration: '3s', target: 25 }, // and stays
        { duration: '1s', target: 2 }, // and leaves
        { duration: '3s', target: 2 }, // recovery
      ],
    },
  },
  thresholds: {
    ai_req_failed: ['rate<0.05'],
    ai_ttft: ['p(95)<3000'],
  },
};

export default function () {
  const res = llm.stream({ prompt: 'Suggest a name for a cat.', maxTokens: 30 }, { timeout: '15s' });
  const answered = check(res, { answered: (r) => r.ok });
  // Under a spike the kind of failure matters: refused (rate_limited, overloaded) or broken (interrupted, timeout).
  if (!answered) console.warn(`${res.errorKind}: ${res.error}`);
}
