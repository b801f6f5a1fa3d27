// How does TTFT grow with the prompt? Requests with about 1,000, 10,000 and 100,000 tokens of context, mixed.
//
// `requestType` tags every sample of a call, so that each size has its own rows in the summary and its own thresholds.
//
//   inrush run --mock examples/long-context.js
import ai from 'inrush/ai';
import { check } from 'k6';
import exec from 'k6/execution';

const llm = ai.model({ provider: 'openai' });

// About ten tokens a sentence. The text is made once per VU, in the init code, and never while the clock runs.
const SENTENCE = 'The quick brown fox jumps over the lazy dog. ';
const context = (tokens) => SENTENCE.repeat(Math.round(tokens / 10));

// Of every ten requests seven are short, two are long and one is huge. Thresholds in milliseconds.
const TYPES = {
  '1K': { share: 7, prompt: context(1_000) },
  '10K': { share: 2, prompt: context(10_000) },
  '100K': { share: 1, prompt: context(100_000) },
};
const SCHEDULE = Object.entries(TYPES).flatMap(([type, { share }]) => Array(share).fill(type));

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    mix: {
      executor: 'constant-arrival-rate',
      rate: 4,
      timeUnit: '1s',
      duration: '8s',
      preAllocatedVUs: 16,
      maxVUs: 32,
      gracefulStop: '15s',
    },
  },
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{request_type:1K}': ['p(95)<2000'],
    'ai_ttft{request_type:10K}': ['p(95)<3000'],
    'ai_ttft{request_type:100K}': ['p(95)<8000'],
  },
};

export default function () {
  // A fixed rotation instead of chance: every run sends the same mixture.
  const type = SCHEDULE[exec.scenario.iterationInTest % SCHEDULE.length];
  const res = llm.stream(
    {
      system: 'Answer from the document.',
      messages: [{ role: 'user', content: `${TYPES[type].prompt}\n\nSummarise the document in one sentence.` }],
      maxTokens: 30,
    },
    { requestType: type, timeout: '30s' },
  );
  check(res, { answered: (r) => r.ok });
}
