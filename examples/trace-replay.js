// Replays a recorded trace: an iteration starts when each request came, and asks for as many tokens as it had. Prompts are made up, with
// the recorded length; blocks that requests had in common (a system prompt, the earlier turns of a conversation) are the same text, so
// that a server's prefix cache finds what it would find in production.
//
//   inrush run --mock examples/trace-replay.js
//   inrush run --mock -e TRACE=/data/AzureLLMInferenceTrace_conv.csv -e SPEED=10 examples/trace-replay.js
import ai from 'inrush/ai';
import { check } from 'k6';
import { scenario } from 'k6/execution';

// ignoreEos below makes answers as long as asked for: vLLM, SGLang and llama.cpp offer it, and the mock.
const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    production: {
      executor: 'trace-replay',
      file: __ENV.TRACE || 'trace.jsonl', // azure, mooncake, burstgpt, ... are told apart by their first line
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

const WORDS =
  'time year people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work government number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city community name'.split(
    ' ',
  );

// Text of so many words, the same for the same id. Such words are one token each in most vocabularies.
function block(id, tokens) {
  let state = (id * 2654435761 + 1) % 4294967296;
  const words = [];
  for (let n = 0; n < tokens; n += 1) {
    state = (state * 1664525 + 1013904223) % 4294967296;
    words.push(WORDS[Math.floor((state / 4294967296) * WORDS.length)]);
  }
  return ` ${words.join(' ')}`;
}

function promptOf(row) {
  // Without blocks every request is a text of its own.
  if (!row.hashIds || row.hashIds.length === 0) return block(row.index + 1000000, row.inputTokens);
  return row.hashIds
    .map((id, n) => block(id, Math.min(row.blockTokens, row.inputTokens - n * row.blockTokens)))
    .join('');
}

export default function () {
  const row = scenario.trace;
  const res = llm.stream(
    { prompt: promptOf(row), maxTokens: Math.max(1, row.outputTokens), ignoreEos: true },
    { requestType: row.requestType, turn: row.turn, headers: { 'x-mock-itl-ms': '5' } },
  );
  check(res, {
    answered: (r) => r.ok,
    'as long as recorded': (r) => !r.ok || r.usage.outputTokens === Math.max(1, row.outputTokens),
    // A chat template adds a few tokens.
    'asked as much as recorded': (r) => !r.ok || Math.abs(r.usage.inputTokens - row.inputTokens) <= 8 + row.inputTokens / 50,
  });
}
