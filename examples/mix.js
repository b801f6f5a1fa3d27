// Traffic as it is: mostly short chats, some long documents with a shared system prompt, a few fixed questions. Lengths are drawn from
// distributions, shares are kept exactly, and every request is tagged with its kind.
//
//   inrush run --mock examples/mix.js
import ai from 'inrush/ai';
import { dist, mix, synthetic } from 'inrush/data';
import { check } from 'k6';

const llm = ai.model();

// Documents share one of three system prompts of 400 tokens, as tenants of one application do: a prefix cache can help.
const documents = synthetic({
  inputTokens: dist.lognormal({ median: 1500, p95: 6000, min: 500, max: 12000 }),
  outputTokens: dist.uniform(20, 60),
  sharedPrefix: { tokens: 400, groups: 3, role: 'system' },
  model: llm,
});

const requests = mix({
  chat: { weight: 80, inputTokens: dist.lognormal({ median: 60, p95: 300, min: 5 }), outputTokens: dist.uniform(5, 40), model: llm },
  document: { weight: 15, from: documents },
  question: { weight: 5, prompt: 'Which of our offices are open on Sunday?', maxTokens: 16 },
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { traffic: { executor: 'constant-arrival-rate', rate: 20, timeUnit: '1s', duration: '5s', preAllocatedVUs: 20, maxVUs: 60 } },
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{request_type:chat}': ['p(95)<2000'],
    'ai_ttft{request_type:document}': ['p(95)<3000'],
    // Five of a hundred requests, when none is dropped.
    'ai_requests{request_type:question}': ['count>=4'],
  },
};

export default function () {
  const request = requests.next();
  const res = llm.stream({ ...request, temperature: 0 });
  check(res, { answered: (r) => r.ok });
}
