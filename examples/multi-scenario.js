// Several kinds of traffic at once, each with its own function, schedule, tags and thresholds; with setup and teardown.
//
//   inrush run --mock examples/multi-scenario.js
import ai from 'inrush/ai';
import { check, sleep } from 'k6';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

const llm = ai.model({ provider: 'openai' });

// Stored once for all VUs. With a file: new SharedArray('topics', () => JSON.parse(open('./topics.json')))
const topics = new SharedArray('topics', () => ['the sea', 'the moon', 'old maps', 'bread', 'bicycles']);

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    // Interactive users who read the answer as it appears.
    chat: { executor: 'constant-vus', exec: 'chat', vus: 4, duration: '8s', gracefulStop: '10s', tags: { kind: 'chat' } },
    // A batch job that starts later and wants whole answers.
    batch: {
      executor: 'shared-iterations',
      exec: 'batch',
      startTime: '2s',
      vus: 2,
      iterations: 6,
      maxDuration: '12s',
      env: { MAX_TOKENS: '20' },
      tags: { kind: 'batch' },
    },
    // A probe, once per VU.
    probe: { executor: 'per-vu-iterations', exec: 'probe', vus: 1, iterations: 3, maxDuration: '10s' },
  },
  thresholds: {
    'ai_ttft{scenario:chat}': ['p(95)<2000'],
    'ai_e2e{kind:batch}': ['p(95)<5000'],
    'checks{scenario:probe}': ['rate==1'],
  },
};

// Runs once, before all scenarios; what it returns is given to every function below and to teardown.
export function setup() {
  const prompt = 'Describe %s in one sentence.';
  console.info(`the prompt has ${ai.countTokens(prompt, { model: 'gpt-4o-mini' })} tokens`);
  return { prompt, startedAt: Date.now() };
}

export function chat(data) {
  const topic = topics[exec.scenario.iterationInTest % topics.length];
  let pieces = 0;
  const res = llm.stream(
    { prompt: data.prompt.replace('%s', topic), maxTokens: 40 },
    { onToken: () => void (pieces += 1) }, // ask for a callback only when you need it: it costs time in the VU
  );
  check(res, { answered: (r) => r.ok, 'saw the pieces': (r) => pieces > 0 && r.chunks >= pieces });
  sleep(0.3);
}

export function batch(data) {
  const res = llm.complete({ prompt: data.prompt.replace('%s', topics[0]), maxTokens: Number(__ENV.MAX_TOKENS) });
  check(res, { answered: (r) => r.ok });
}

export function probe() {
  // A user who closes the tab after five tokens. The call keeps its TTFT and has no e2e.
  const res = llm.stream('Count to one hundred.', { abortAfter: { tokens: 5 }, name: 'probe' });
  check(res, { cancelled: (r) => r.finishReason === 'cancelled', 'has a TTFT': (r) => r.ttft !== null });
  sleep(1);
}

export function teardown(data) {
  console.info(`the run took ${((Date.now() - data.startedAt) / 1000).toFixed(1)} s`);
}
