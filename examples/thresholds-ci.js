// A gate for CI: the exit code says whether the service is good enough to ship.
//
//   inrush run --mock examples/thresholds-ci.js                       exit code 0: every threshold holds
//   inrush run --mock -e MAX_TTFT_MS=1 examples/thresholds-ci.js      exit code 99: a threshold is crossed
//   inrush run --mock --summary-export summary.json --out json=samples.json examples/thresholds-ci.js
import ai from 'inrush/ai';
import { check } from 'k6';

const MAX_TTFT_MS = Number(__ENV.MAX_TTFT_MS || 2000);
const llm = ai.model({ provider: 'openai', slo: { ttft: MAX_TTFT_MS, tpot: 200 } });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    gate: {
      executor: 'constant-arrival-rate',
      rate: 5,
      duration: '6s',
      preAllocatedVUs: 20,
      gracefulStop: '10s',
    },
  },
  thresholds: {
    ai_ttft: [`p(95)<${MAX_TTFT_MS}`],
    ai_tpot: ['p(95)<200'],
    ai_slo_met: ['rate>0.95'], // goodput: the share of calls that meet all objectives at once
    checks: ['rate>0.99'],
    // Ends a hopeless run early, but not before there is something to judge.
    ai_req_failed: [{ threshold: 'rate<0.05', abortOnFail: true, delayAbortEval: '3s' }],
  },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
};

export default function () {
  const res = llm.stream({ prompt: 'Give me a haiku about testing.', maxTokens: 40, seed: 7 });
  check(res, {
    answered: (r) => r.ok,
    'ended by itself or at the limit': (r) => r.finishReason === 'stop' || r.finishReason === 'length',
  });
}
