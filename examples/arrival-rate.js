// Open load: 10 requests start every second, however slow the server gets.
//
// With `constant-vus` a slow server receives fewer requests, and the test hides the very problem it looks for. An arrival
// rate keeps its schedule; `ai_ttft_intended` counts from the moment a request was meant to start.
//
//   inrush run --mock examples/arrival-rate.js
//   inrush run --mock -e RATE=50 examples/arrival-rate.js
import ai from 'inrush/ai';
import { check } from 'k6';

const RATE = Number(__ENV.RATE || 10);
const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate: RATE, // iterations per timeUnit
      timeUnit: '1s',
      duration: '8s', // 8 s x 10/s = exactly 80 iterations
      // VUs must cover rate x seconds per call. An iteration that finds no idle VU is dropped, and counted.
      preAllocatedVUs: RATE * 4,
      maxVUs: RATE * 8,
      gracefulStop: '10s',
    },
  },
  thresholds: {
    dropped_iterations: ['count==0'], // the schedule was kept
    ai_req_failed: ['rate<0.01'],
    ai_ttft_intended: ['p(95)<2000'],
  },
};

export default function () {
  const res = llm.stream({ prompt: 'Write one sentence about the sea.', maxTokens: 40 });
  check(res, { answered: (r) => r.ok });
}
