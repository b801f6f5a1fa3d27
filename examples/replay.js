// Calls answered with recordings: the same bytes at the same times in every run, without a provider and without cost.
//
//   inrush run --mock --mock-replay examples/recorded-chat.jsonl examples/replay.js
//
// To record answers of your own, let the mock pass calls on to a provider (--record-to names the file), and run any script
// against it with a real key; keys are not written:
//
//   inrush mock --record https://api.openai.com --record-to examples/recorded-chat.jsonl --listen 127.0.0.1:4010
//   INRUSH_BASE_URL=http://127.0.0.1:4010/v1 INRUSH_MODEL=gpt-4o-mini INRUSH_API_KEY=... inrush run examples/chat.js
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { replay: { executor: 'per-vu-iterations', vus: 2, iterations: 4, maxDuration: '1m' } },
  thresholds: {
    checks: ['rate==1'],
    ai_ttft: ['p(95)<2000'],
  },
};

export default function () {
  // Several recordings of one path take turns; `headers: { 'x-mock-replay': 'recorded-chat.jsonl#2' }` would name one.
  const res = llm.stream({ prompt: 'Why is the sky blue?' });
  check(res, {
    'answered in full': (r) => r.ok && r.finishReason === 'stop',
    'usage as recorded': (r) => r.usage.source === 'provider' && r.usage.outputTokens > 0,
  });
}
