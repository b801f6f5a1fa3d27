// Prompts from a file: read once, in memory once for all virtual users, each row taken once before any comes again.
//
//   inrush run --mock examples/dataset.js
import ai from 'inrush/ai';
import { dataset } from 'inrush/data';
import { check } from 'k6';

const llm = ai.model();

// jsonl, json, csv, ShareGPT; paths are those of open(). The order is drawn by the seed: every run asks the same.
const questions = dataset('./questions.jsonl', { sample: 'shuffle', seed: 7 });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { ask: { executor: 'shared-iterations', vus: 4, iterations: 24, maxDuration: '60s' } },
  thresholds: { ai_req_failed: ['rate<0.01'], checks: ['rate==1'] },
};

export default function () {
  const row = questions.next(); // { topic, question, passage }
  const res = llm.stream({ prompt: row.question, maxTokens: 40 }, { requestType: row.topic });
  check(res, { answered: (r) => r.ok });
}
