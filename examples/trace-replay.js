// Replays a recorded trace: an iteration starts when each request came, and asks for as many tokens as it had. Prompts are made up, with
// exactly the recorded length; blocks that requests had in common (a system prompt, the earlier turns of a conversation) are the same text,
// so that a server's prefix cache finds what it would find in production.
//
//   inrush run --mock examples/trace-replay.js
//   inrush run --mock -e TRACE=/data/AzureLLMInferenceTrace_conv.csv -e SPEED=10 examples/trace-replay.js
import ai from 'inrush/ai';
import { trace } from 'inrush/data';
import { check } from 'k6';
import { scenario } from 'k6/execution';

// ignoreEos below makes answers as long as asked for: vLLM, SGLang and llama.cpp offer it, and the mock.
const llm = ai.model({ provider: 'openai' });
const file = __ENV.TRACE || 'trace.jsonl'; // azure, mooncake, burstgpt, ... are told apart by their first line
const requests = trace(file, { model: llm });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    production: {
      executor: 'trace-replay',
      file,
      speed: Number(__ENV.SPEED || 1), // 2: twice as fast as recorded
      to: '8s', // only the first 8 s of the recording
      preAllocatedVUs: 40,
      maxVUs: 80,
      gracefulStop: '15s',
    },
  },
  thresholds: {
    dropped_iterations: ['count==0'],
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{request_type:first}': ['p(95)<3000'],
    'ai_ttft{request_type:later}': ['p(95)<3000'],
  },
};

export default function () {
  const request = requests.at(scenario.trace.index); // its requestType becomes the tag request_type
  const res = llm.stream({ ...request, ignoreEos: true }, { turn: request.turn, headers: { 'x-mock-itl-ms': '5' } });
  check(res, {
    answered: (r) => r.ok,
    'as long as recorded': (r) => !r.ok || r.usage.outputTokens === request.maxTokens,
    // OpenAI's chat template adds seven tokens to a single message.
    'asked as much as recorded': (r) => !r.ok || Math.abs(r.usage.inputTokens - request.inputTokens) <= 8,
  });
}
