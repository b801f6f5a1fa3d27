// A ramp in steps: where does the first token begin to be late? With steps each level lasts long enough to be looked at.
//
//   inrush run --mock examples/scenario-ramp.js
import ai from 'inrush/ai';
import { ramp, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    ramp: ramp({ rate: 12, duration: '6s', steps: 4, hold: '1s', iterationTime: '2s', gracefulStop: '10s' }),
  },
  thresholds: thresholds({ ttftIntended: '2s', errors: 0.01 }),
};

export default function () {
  const res = llm.stream({ prompt: 'What comes after eleven?', maxTokens: 12 });
  check(res, { answered: (r) => r.ok });
}
