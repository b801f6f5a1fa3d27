// A soak: an even load for hours, to find what leaks, fills up or degrades. Here for seconds; -e DURATION=8h for real.
//
//   inrush run --mock examples/scenario-soak.js
import ai from 'inrush/ai';
import { soak, thresholds } from 'inrush/scenarios';
import { check, sleep } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    soak: soak({ vus: 3, rampUp: '1s', duration: __ENV.DURATION || '5s', rampDown: '1s', gracefulStop: '10s' }),
  },
  thresholds: thresholds({ ttft: '2s', errors: 0.001 }),
};

export default function () {
  const res = llm.stream({ prompt: 'What is patience?', maxTokens: 15 });
  check(res, { answered: (r) => r.ok });
  sleep(0.3);
}
