// The baseline: an even, ordinary load. Save its figures; every other shape is judged against them.
//
//   inrush run --mock examples/scenario-baseline.js
//   INRUSH_MODEL=any inrush inspect examples/scenario-baseline.js      shows the scenario that the preset makes
import ai from 'inrush/ai';
import { baseline, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { baseline: baseline({ rate: 4, duration: '6s', gracefulStop: '10s' }) },
  thresholds: thresholds({ ttft: '2s', errors: 0.01, dropped: 0 }),
};

export default function () {
  const res = llm.stream({ prompt: 'Name a river.', maxTokens: 20 });
  check(res, { answered: (r) => r.ok });
}
