// The same scenario for several providers: only `provider` changes. Each has its page in docs/providers.
//
//   inrush run --mock examples/providers.js                          one mock, three APIs in OpenAI's dialect
//   inrush run -e PROVIDERS=anthropic:claude-haiku-4-5,groq:llama-3.3-70b-versatile examples/providers.js
//
// Keys come from each provider's own variable (ANTHROPIC_API_KEY, GROQ_API_KEY, ...).
import ai from 'inrush/ai';
import { check } from 'k6';

const models = (__ENV.PROVIDERS || 'openai:gpt-4o-mini,vllm:my-model,openrouter:openai/gpt-4o-mini').split(',').map((entry) => {
  const [provider, ...model] = entry.split(':');
  return ai.model({ provider, model: model.join(':'), tags: { target: provider } });
});

export const options = {
  vus: 2,
  iterations: 6,
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{provider:openai}': ['p(95)<5000'],
  },
};

export default function () {
  const llm = models[(__VU + __ITER) % models.length];
  const res = llm.stream({ system: 'Be brief.', prompt: 'Why is the sky blue?', maxTokens: 40 });
  check(res, {
    'answered in full': (r) => r.ok && (r.finishReason === 'stop' || r.finishReason === 'length'),
    'counted by the provider': (r) => r.usage.source === 'provider',
  });
  // What the server says of itself, where it does: beside our own figures, never instead.
  if (res.server) console.log(`${llm.provider}: ttft ${res.ttft} ms, by its own account ${res.server.ttft} ms`);
  if (res.rateLimit.requests.remaining === 0) console.warn(`${llm.provider}: the limit on requests is used up`);
}
