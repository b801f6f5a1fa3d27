// Streaming with k6/x/sse, the community extension of k6: existing scripts run unchanged.
//
// For models `inrush/ai` is shorter and measures better: there TTFT is taken where the bytes are read, here (as in k6) when
// the VU gets to run the handler. This script computes TTFT and tokens by hand, as such scripts usually do.
//
//   inrush run --mock examples/sse.js
import sse from 'k6/x/sse';
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const BASE = __ENV.INRUSH_BASE_URL || 'http://127.0.0.1:8080/v1';
const MODEL = __ENV.INRUSH_MODEL || 'gpt-4o-mini';

const ttft = new Trend('script_ttft', true);
const tokens = new Counter('script_tokens');

/** @type {import('k6/options').Options} */
export const options = {
  vus: 3,
  duration: '6s',
  thresholds: { script_ttft: ['p(95)<3000'], checks: ['rate>0.99'] },
};

export default function () {
  const body = JSON.stringify({
    model: MODEL,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 40,
    messages: [{ role: 'user', content: 'Tell me a short joke.' }],
  });
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${__ENV.INRUSH_API_KEY || 'none'}` };

  const started = Date.now();
  let first = 0;
  let done = false;

  const res = sse.open(`${BASE}/chat/completions`, { method: 'POST', headers, body, timeout: '30s' }, (client) => {
    client.on('event', (event) => {
      if (event.data === '[DONE]') {
        done = true;
        client.close();
        return;
      }
      const chunk = JSON.parse(event.data);
      if (!first && chunk.choices?.[0]?.delta?.content) {
        first = Date.now();
        ttft.add(first - started);
      }
      if (chunk.usage) tokens.add(chunk.usage.completion_tokens);
    });
    client.on('error', (e) => {
      console.error(e.error());
      client.close();
    });
  });

  check(res, {
    'status is 200': (r) => r && r.status === 200,
    'the stream ended properly': () => done,
  });
}
