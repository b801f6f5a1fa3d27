// Users who talk: two to four questions each, with time to read and type between them. The history grows with every turn, so later
// questions have longer prompts; the tag `turn` tells them apart.
//
//   inrush run --mock examples/conversations.js
import ai from 'inrush/ai';
import { dist, synthetic } from 'inrush/data';
import { check, sleep } from 'k6';

const llm = ai.model();

const users = synthetic({
  turns: dist.uniform(2, 4),
  inputTokens: dist.lognormal({ median: 40, p95: 160, min: 5 }), // of each question
  outputTokens: dist.uniform(10, 30),
  thinkTime: dist.lognormal({ median: 300, p95: 900, max: 1500 }), // ms; of real people some ten seconds
  model: llm,
});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { talks: { executor: 'per-vu-iterations', vus: 5, iterations: 1, maxDuration: '60s' } },
  thresholds: { ai_req_failed: ['rate<0.01'], 'ai_ttft{turn:1}': ['p(95)<2000'], 'ai_ttft{turn:2}': ['p(95)<2000'] },
};

export default function () {
  const user = users.next();
  const talk = llm.session({ system: 'You are a helpful assistant.' });
  for (const turn of user.turns) {
    sleep((turn.thinkTime ?? 0) / 1000);
    const res = talk.say({ content: turn.content, maxTokens: turn.outputTokens });
    check(res, { answered: (r) => r.ok });
    if (!res.ok) break;
  }
}
