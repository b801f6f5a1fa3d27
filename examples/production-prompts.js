// Prompts of real users, without the users: a production log that `inrush sanitize` has cleaned, sent at the pace it was recorded.
//
//   inrush sanitize examples/data/production-log.jsonl --out examples/data/prompts.jsonl --field user.name
//   inrush run --mock examples/production-prompts.js
import ai from 'inrush/ai';
import { check, sleep } from 'k6';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

const llm = ai.model({ provider: 'openai' });

// A line each: { at: seconds since the first request, inputTokens, outputTokens, messages }.
const prompts = new SharedArray('prompts', () =>
  open('./data/prompts.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)),
);

/** @type {import('k6/options').Options} */
export const options = {
  // A VU for each request, so that none waits for another's answer.
  scenarios: { replay: { executor: 'per-vu-iterations', vus: prompts.length, iterations: 1, maxDuration: '30s' } },
  thresholds: { ai_req_failed: ['rate==0'], ai_ttft: ['p(95)<2000'] },
};

export default function () {
  const prompt = prompts[exec.scenario.iterationInTest];
  sleep(Math.max(0, prompt.at - (Date.now() - exec.scenario.startTime) / 1000));
  // As long an answer as the user got.
  const res = llm.stream({ messages: prompt.messages, maxTokens: Math.max(1, prompt.outputTokens) });
  check(res, { answered: (r) => r.ok });
}
