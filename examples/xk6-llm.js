// A script as written for the community extension xk6-llm: it runs here unchanged. New scripts had better use inrush/ai.
//
//   inrush run --mock examples/xk6-llm.js
import llm from 'k6/x/llm';
import { check } from 'k6';

// Without base_url: INRUSH_BASE_URL (which --mock sets), else the extension's default, a local Ollama.
const client = new llm.Client({
  model: 'granite4.1:3b',
  slo: { ttft_ms: 2000, e2el_ms: 20000 },
  cost: { usd_per_million_input_tokens: 0.15, usd_per_million_output_tokens: 0.6 },
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { chat: { executor: 'per-vu-iterations', vus: 3, iterations: 2, maxDuration: '60s' } },
  thresholds: { llm_ttft: ['p(95)<2000'], llm_goodput: ['rate>0.9'], llm_errors: ['count==0'] },
};

export default async function () {
  const session = new llm.Session(client, { system: 'Be brief.' });
  for (const text of ['Write a haiku about Poisson arrivals.', 'Now one about queues.']) {
    const res = await session.send({ content: text, max_tokens: 16, temperature: 0 });
    check(res, {
      'has text': (r) => r.content.length > 0,
      'gaps between chunks': (r) => r.itl_ms.length === r.chunks - 1,
    });
  }
}
