// Counting tokens without a server: prompts of an exact length, and who counted what an answer had.
//
//   inrush run --mock examples/tokens.js
//   inrush tokens --model gpt-4o README.md                              the same on the command line
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model({ model: 'gpt-4o-mini' });
// An open model: ai.model({ model: 'my-llama', tokenizer: './tokenizer.json' })

const text = 'The quick brown fox jumps over the lazy dog, naïve and unhurried. '.repeat(40);
// Built once per VU: a prompt of exactly 200 tokens.
const prompt = ai.truncate(text, 200, { model: llm });

/** @type {import('k6/options').Options} */
export const options = { vus: 2, iterations: 4, thresholds: { checks: ['rate==1'] } };

export default function () {
  const ids = llm.encode(prompt);
  check(ids, {
    '200 tokens': (i) => i.length === 200 && llm.countTokens(prompt) === 200,
    'there and back': (i) => llm.decode(i) === prompt,
  });
  /** @type {import('inrush/ai').Message[]} */
  const messages = [{ role: 'user', content: prompt }];
  const res = llm.stream({ messages, maxTokens: 20 });
  check(res, {
    answered: (r) => r.ok,
    // The chat template adds a few tokens to the text.
    'the server counts as we do': (r) => r.usage.inputTokens === llm.countTokens(messages),
    'the server counted': (r) => r.usage.source === 'provider',
  });
}
