// How does TTFT grow with the prompt? Requests of exactly 1,000, 10,000 and 100,000 tokens, mixed, with a report for each size.
//
// `mix` keeps the shares and names each request's kind; the tag `request_type` gives each size its own rows in the summary and its own
// thresholds. The prompts are made-up English, counted by the model's tokenizer, and no two are the same: no prefix cache helps.
//
//   inrush run --mock examples/long-context.js
import ai from 'inrush/ai';
import { mix } from 'inrush/data';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

// Of every ten requests seven are short, two are long and one is huge.
const requests = mix({
  '1K': { weight: 7, inputTokens: 1_000, outputTokens: 30, model: llm },
  '10K': { weight: 2, inputTokens: 10_000, outputTokens: 30, model: llm },
  '100K': { weight: 1, inputTokens: 100_000, outputTokens: 30, model: llm },
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    sizes: {
      executor: 'constant-arrival-rate',
      rate: 3,
      timeUnit: '1s',
      duration: '8s',
      preAllocatedVUs: 8,
      maxVUs: 24,
      gracefulStop: '15s',
    },
  },
  // In milliseconds.
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{request_type:1K}': ['p(95)<2000'],
    'ai_ttft{request_type:10K}': ['p(95)<3000'],
    'ai_ttft{request_type:100K}': ['p(95)<8000'],
    'ai_e2e{request_type:100K}': ['p(95)<12000'],
  },
};

export default function () {
  const res = llm.stream(requests.next(), { timeout: '30s' });
  check(res, { answered: (r) => r.ok });
}
