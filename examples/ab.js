// Two providers under the same traffic: every request goes to both, in turn first to one and then to the other, so that neither
// always finds warm caches or the quieter moment. Each has its thresholds, and the end says who was ahead.
//
//   inrush run --mock examples/ab.js
//   inrush run -e A=openai:gpt-4o-mini -e B=anthropic:claude-haiku-4-5 examples/ab.js
import ai from 'inrush/ai';
import { dist, synthetic } from 'inrush/data';
import { check } from 'k6';
import exec from 'k6/execution';
import { Rate } from 'k6/metrics';

const model = (text, variant, headers) => {
  const [provider, ...name] = text.split(':');
  return ai.model({ provider, model: name.join(':'), tags: { variant }, headers });
};
// Against the mock, B is the slower one.
const a = model(__ENV.A || 'openai:gpt-4o-mini', 'a', __ENV.A ? {} : { 'x-mock-ttft-ms': '120' });
const b = model(__ENV.B || 'anthropic:claude-haiku-4-5', 'b', __ENV.B ? {} : { 'x-mock-ttft-ms': '180' });

const prompts = synthetic({ inputTokens: dist.lognormal({ median: 200, p95: 800, min: 20 }), outputTokens: 30, seed: 1 });
const aFirst = new Rate('a_had_the_first_token_first');

export const options = {
  scenarios: { pairs: { executor: 'constant-arrival-rate', rate: 8, timeUnit: '1s', duration: '6s', preAllocatedVUs: 20, arrival: 'poisson' } },
  thresholds: {
    'ai_ttft{variant:a}': ['p(95)<2000'],
    'ai_ttft{variant:b}': ['p(95)<2000'],
    'ai_req_failed{variant:a}': ['rate<0.01'],
    'ai_req_failed{variant:b}': ['rate<0.01'],
  },
};

export default function () {
  const request = prompts.next();
  const order = exec.scenario.iterationInTest % 2 === 0 ? [a, b] : [b, a];
  const results = order.map((llm) => llm.stream(request));
  const [first, second] = order[0] === a ? results : results.slice().reverse();
  check(first, { 'a answered': (r) => r.ok });
  check(second, { 'b answered': (r) => r.ok });
  if (first.ok && second.ok) aFirst.add(first.ttft < second.ttft);
}
