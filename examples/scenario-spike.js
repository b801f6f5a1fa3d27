// Spikes of three, five and ten times the ordinary load, with time to recover between them. (spike.js writes one by hand.)
//
//   inrush run --mock examples/scenario-spike.js
import ai from 'inrush/ai';
import { spike, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    spike: spike({
      rate: 2,
      times: [3, 5, 10],
      before: '1s',
      rise: '500ms',
      duration: '1s',
      fall: '500ms',
      after: '1s',
      iterationTime: '2s', // VUs are made for 20 calls per second that last so long
      gracefulStop: '10s',
    }),
  },
  // From the moment a call should have begun, so that a queue in front of the model counts.
  thresholds: thresholds({ ttftIntended: '3s', errors: 0.05 }),
};

export default function () {
  const res = llm.stream({ prompt: 'Suggest a name for a dog.', maxTokens: 15 });
  check(res, { answered: (r) => r.ok });
}
