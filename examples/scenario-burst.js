// Bursts: quiet and crowded times in turn, as batch jobs, cron and page loads make them.
//
//   inrush run --mock examples/scenario-burst.js
import ai from 'inrush/ai';
import { burst, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    burst: burst({ rate: 2, times: 6, on: '1s', off: '1s', cycles: 3, iterationTime: '2s', gracefulStop: '10s' }),
  },
  thresholds: thresholds({ ttft: '2s', errors: 0.01 }),
};

export default function () {
  const res = llm.stream({ prompt: 'Count to three.', maxTokens: 12 });
  check(res, { answered: (r) => r.ok });
}
