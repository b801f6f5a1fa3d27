// Load in tokens instead of requests: limits and capacities of model servers are tokens per minute, and requests differ in size by a
// factor of a hundred. How large they are is learnt while the test runs, for each request type.
//
//   inrush run --mock examples/token-rate.js
import ai from 'inrush/ai';
import { check } from 'k6';

// ignoreEos below makes answers as long as asked for: vLLM, SGLang and llama.cpp offer it, and the mock.
const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    steady: {
      executor: 'constant-token-rate',
      rate: 60000, // tokens per timeUnit
      timeUnit: '1m',
      count: 'output', // 'total' (input and output) by default
      duration: '10s',
      estimate: { short: 30, long: 200 }, // a first guess; without it a few iterations find out
      preAllocatedVUs: 60,
      maxVUs: 120,
      gracefulStop: '15s',
    },
    growing: {
      executor: 'ramping-token-rate',
      startRate: 200,
      stages: [
        { duration: '4s', target: 1500 },
        { duration: '4s', target: 1500 },
        { duration: '2s', target: 0 },
      ],
      preAllocatedVUs: 60,
      gracefulStop: '15s',
    },
  },
  thresholds: {
    // Tokens that were counted / tokens that were due. Over a minute it is within 3 %; this test is short.
    'ai_token_rate_achieved{scenario:steady}': ['value>0.8', 'value<1.2'],
    ai_req_failed: ['rate<0.01'],
  },
};

// Lognormal: most answers are short, a few are very long.
function lognormal(median, sigma) {
  const z = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Math.max(1, Math.min(600, Math.round(median * Math.exp(sigma * z))));
}

export default function () {
  const long = Math.random() < 0.2;
  const maxTokens = long ? lognormal(150, 0.4) : lognormal(25, 0.6);
  const res = llm.stream(
    { prompt: 'Tell me a story.', maxTokens, ignoreEos: true },
    { requestType: long ? 'long' : 'short', headers: { 'x-mock-itl-ms': '4' } },
  );
  check(res, { answered: (r) => r.ok });
}
