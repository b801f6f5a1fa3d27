// The same scenario for several providers: only `provider` changes. Each has its page in docs/providers.
//
//   inrush run --mock examples/providers.js                          one mock, which speaks the API of each
//   inrush run -e PROVIDERS=anthropic:claude-haiku-4-5,groq:llama-3.3-70b-versatile examples/providers.js
//
// Keys come from each provider's own variable (ANTHROPIC_API_KEY, GROQ_API_KEY, ...).
import ai from 'inrush/ai';
import { check } from 'k6';
import exec from 'k6/execution';

const everyApi = 'anthropic:claude-haiku-4-5,azure-openai:my-deployment,bedrock:amazon.nova-lite-v1:0,cohere:command-a-03-2025,gemini:gemini-2.5-flash,ollama:llama3.2,openai:gpt-4o-mini,openai-responses:gpt-4o-mini,tgi:my-model,vllm:my-model';
const models = (__ENV.PROVIDERS || everyApi).split(',').map((entry) => {
  const [provider, ...model] = entry.split(':');
  return ai.model({ provider, model: model.join(':'), tags: { target: provider } });
});

export const options = {
  vus: 2,
  iterations: 20,
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{provider:openai}': ['p(95)<5000'],
  },
};

export default function () {
  const llm = models[exec.scenario.iterationInTest % models.length];
  const res = llm.stream({ prompt: 'Why is the sky blue? Be brief.', maxTokens: 40 });
  check(res, {
    'answered in full': (r) => r.ok && (r.finishReason === 'stop' || r.finishReason === 'length'),
    'counted by the provider': (r) => r.usage.source === 'provider',
  });
  // What the server says of itself, where it does: beside our own figures, never instead.
  if (res.server?.total) console.log(`${llm.provider}: e2e ${res.e2e} ms, by its own account ${res.server.total} ms`);
  if (res.rateLimit.requests.remaining === 0) console.warn(`${llm.provider}: the limit on requests is used up`);
}
