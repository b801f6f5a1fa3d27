// A sustained peak: three times the ordinary load, for longer than caches, queues and autoscalers can hide.
//
//   inrush run --mock examples/scenario-sustained.js
import ai from 'inrush/ai';
import { sustained, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    peak: sustained({ rate: 3, times: 3, rampUp: '1s', duration: '5s', rampDown: '1s', iterationTime: '2s', gracefulStop: '10s' }),
  },
  thresholds: thresholds({ scenario: 'peak', ttft: '2s', e2e: '10s', errors: 0.01 }),
};

export default function () {
  const res = llm.stream({ prompt: 'What is a peak?', maxTokens: 20 });
  check(res, { answered: (r) => r.ok });
}
