// A first load test of a language model: how long users wait for the first token, how fast the rest comes, how much fails.
//
//   inrush run --mock script.js                                            against a mock in the same process
//   INRUSH_BASE_URL=https://host/v1 INRUSH_API_KEY=... inrush run script.js   against a real endpoint
import ai from 'inrush/ai';
import { check, sleep } from 'k6';

const llm = ai.model({ provider: 'openai', model: __ENV.INRUSH_MODEL || 'gpt-4o-mini' });

export const options = {
  scenarios: {
    chat: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: '10s', target: 5 },
        { duration: '20s', target: 5 },
      ],
    },
  },
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    ai_ttft: ['p(95)<2000'], // milliseconds to the first token
    checks: ['rate>0.99'],
  },
};

export default function () {
  const res = llm.stream({ prompt: 'Explain in two sentences why the sky is blue.', maxTokens: 80 });
  check(res, { answered: (r) => r.ok });
  sleep(1);
}
