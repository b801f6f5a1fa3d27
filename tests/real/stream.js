// The script of the real-server test: streams a few answers from llama.cpp and reports what inrush measured.
// check.py starts it, and compares every figure with the server's own (see README.md in this folder).
import ai from 'inrush/ai';
import { check } from 'k6';
import exec from 'k6/execution';

const CALLS = Number(__ENV.CALLS || 8);
const TOKENS = Number(__ENV.TOKENS || 128);

// provider, base URL and model come from the environment: INRUSH_BASE_URL and INRUSH_MODEL.
const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    real: { executor: 'shared-iterations', vus: 1, iterations: CALLS, maxDuration: '2m' },
  },
  thresholds: { ai_req_failed: ['rate==0'], checks: ['rate==1'] },
};

export default function () {
  const call = exec.scenario.iterationInTest;
  const res = llm.stream(
    {
      messages: [{ role: 'user', content: `Question ${call}: why is the sky blue?` }],
      maxTokens: TOKENS,
      ignoreEos: true,
      temperature: 0.8,
      seed: call + 1,
    },
    { headers: { 'x-call': String(call) }, timeout: '60s' },
  );
  check(res, {
    'the call succeeded': (r) => r.ok,
    'it ended at the token limit': (r) => r.finishReason === 'length',
  });
  // One line of JSON per call; check.py finds it by its marker.
  console.log(
    'REAL ' +
      JSON.stringify({
        call,
        ok: res.ok,
        error: res.error,
        text: res.text,
        chunks: res.chunks,
        usage: res.usage,
        ttft: res.ttft,
        tpot: res.tpot,
        e2e: res.e2e,
        itl: res.itl,
      }),
  );
}

/** @param {import('k6/options').SummaryData} data */
export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify(data.metrics) };
}
