// A few users chat with a model: the smallest useful test.
//
//   inrush run --mock examples/chat.js                       against the built-in mock server, no key needed
//   INRUSH_BASE_URL=https://api.openai.com/v1 INRUSH_MODEL=gpt-4o-mini INRUSH_API_KEY=... inrush run examples/chat.js
import ai from 'inrush/ai';
import { check, sleep } from 'k6';

// Base URL, model name and key come from the environment (INRUSH_BASE_URL, INRUSH_MODEL, INRUSH_API_KEY);
// `--mock` sets the first two. Write them here to fix them: { baseURL: '...', model: '...', apiKey: '...' }.
const llm = ai.model({ provider: 'openai' });

const QUESTIONS = [
  'Why is the sky blue?',
  'Explain recursion to a ten-year-old.',
  'Name three uses of a paper clip.',
  'What is the difference between TCP and UDP?',
];

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    // Five users, each starting the next question when it has read the answer.
    chat: { executor: 'constant-vus', vus: 5, duration: '8s', gracefulStop: '10s' },
  },
  thresholds: {
    ai_req_failed: ['rate<0.01'], // fewer than 1 % of calls fail
    ai_ttft: ['p(95)<2000'], // 95 % of first tokens arrive within 2 s
  },
};

export default function () {
  const question = QUESTIONS[__ITER % QUESTIONS.length];
  const res = llm.stream({ messages: [{ role: 'user', content: question }], maxTokens: 64 });

  // A failed call does not throw: it returns a response with ok = false, an errorKind and a message.
  check(res, {
    'answered': (r) => r.ok,
    'has text': (r) => r.text.length > 0,
    'first token within 2 s': (r) => r.ttft !== null && r.ttft < 2000,
  });

  sleep(0.5); // the user thinks, in seconds
}
