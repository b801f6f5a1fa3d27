// A conversation of several turns: the model sees the whole history each time, as in a chat window. Long conversations are cut to
// a number of tokens. The tag `turn` tells first turns from later ones, whose prompts are longer but may come from the server's cache.
//
//   inrush run --mock examples/sessions.js
import ai from 'inrush/ai';
import { check, sleep } from 'k6';

const llm = ai.model();

const TURNS = ['I want to visit Rome for three days.', 'What should I see first?', 'And where do I eat?', 'Sum it up in one sentence.'];

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { talk: { executor: 'per-vu-iterations', vus: 4, iterations: 1, maxDuration: '60s' } },
  thresholds: {
    ai_req_failed: ['rate<0.01'],
    'ai_ttft{turn:1}': ['p(95)<2000'],
    'ai_ttft{turn:4}': ['p(95)<2000'],
  },
};

export default function () {
  const talk = llm.session({ system: 'You are a travel guide. Be brief.', maxHistoryTokens: 2000, maxTokens: 24 });

  for (const text of TURNS) {
    const res = talk.say(text);
    check(res, { answered: (r) => r.ok && r.text.length > 0 });
    // A failed turn leaves the history as it was: it may be said again, or the conversation given up.
    if (!res.ok) break;
    sleep(0.2); // the user reads
  }

  check(talk, {
    'four turns': (t) => t.turn === 4,
    'history of questions and answers': (t) => t.history.length === 8,
  });
  // Share of the prompts that the server did not have to compute again; null when it does not say.
  console.log(`turns: ${talk.turn}, tokens: ${talk.usage.inputTokens} in, ${talk.usage.outputTokens} out, cached share: ${talk.cachedShare}`);
}
