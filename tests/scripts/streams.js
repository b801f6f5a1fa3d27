// STREAMS model calls at once (1,000 by default), TOKENS tokens each: what arrived is counted event by event, whatever the server says
// it sent. The pace is the server's: 50 tokens/s each with --mock-itl 20ms.
//
//   STREAMS=1000 inrush run --mock --mock-ttft 500ms --mock-itl 20ms --mock-usage never --mock-truth-log truth.jsonl streams.js
import ai from 'inrush/ai';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const STREAMS = Number(__ENV.STREAMS || 1000);
const TOKENS = Number(__ENV.TOKENS || 500);

export const options = {
  scenarios: { streams: { executor: 'per-vu-iterations', vus: STREAMS, iterations: 1, maxDuration: '5m' } },
  thresholds: { checks: ['rate==1'], chunks: [`count==${STREAMS * TOKENS}`], ai_output_tokens: [`count==${STREAMS * TOKENS}`] },
};

const chunks = new Counter('chunks');
// Its vocabulary is known, so that tokens are counted from the text when the server states none.
const llm = ai.model({ model: 'gpt-4o', timeout: '4m' });

export default function () {
  const res = llm.stream({ prompt: 'Go on.', maxTokens: TOKENS, ignoreEos: true });
  check(res, { 'the whole answer arrived': (r) => r.ok && r.finishReason === 'length' && r.chunks === TOKENS });
  chunks.add(res.chunks);
}
