// Type tests of inrush/data. A line after @ts-expect-error must not compile; every other line must.
import ai from 'inrush/ai';
import data, { dataset, dist, mix, synthetic, trace, type Dataset } from 'inrush/data';
import { scenario } from 'k6/execution';

const llm = ai.model();

const rows: Dataset<{ id: number; q: string }> = dataset('rows.jsonl');
const texts = dataset<string>('rows.csv', { field: 'q', sample: 'weighted', weight: 'w', delimiter: ';' });
const talks = data.dataset('talks.json', { format: 'sharegpt', turns: { min: 2 } });
const once = dataset<{ id: number } | null>('rows.json', { repeat: false, sample: 'shuffle', seed: 1 });
// @ts-expect-error there is no such format
dataset('x', { format: 'xml' });
// @ts-expect-error a misspelt option
dataset('x.csv', { fields: 'q' });
// @ts-expect-error weights are in a field
dataset('x.csv', { sample: 'weighted', weight: 5 });

const lengths = dist.lognormal({ median: 400, p95: 2000, max: 8000 });
const n: number = lengths.sample() + dist.histogram({ 8: 1, 16: 3 }).sample() + dist.uniform({ min: 1, max: 2 }).sample();
// @ts-expect-error either sigma or p95
dist.lognormal({ median: 400 });
// @ts-expect-error a bin needs a weight
dist.histogram([{ from: 1, to: 2 }]);

const prompts = synthetic({ inputTokens: lengths, outputTokens: 100, sharedPrefix: { tokens: 200, groups: 4, role: 'system' }, model: llm });
const chats = synthetic({ inputTokens: 50, turns: dist.uniform(2, 5), thinkTime: 2000 });
// @ts-expect-error how long they are must be said
synthetic({ outputTokens: 5 });
// @ts-expect-error there is no such role
synthetic({ inputTokens: 5, sharedPrefix: { tokens: 2, role: 'tool' } });

const recorded = trace('mooncake.jsonl', { model: llm, corpus: 'book.txt' });
const ended: null | { at: number } = trace('x.csv', { format: 'azure', repeat: false }).next();
synthetic({ inputTokens: dist.fromTrace('x.csv', { max: 8000 }), outputTokens: dist.fromTrace('x.csv') });
// @ts-expect-error there is no such format
trace('x.csv', { format: 'aws' });

const requests = mix(
  {
    short: { weight: 7, inputTokens: 100, temperature: 0 },
    long: { weight: 2, from: prompts, maxTokens: 9 },
    fixed: { prompt: 'hello' },
  },
  { seed: 1 },
);
// @ts-expect-error a weight is a number
mix({ short: { weight: '7', prompt: 'x' } });

export default function (): void {
  const row = rows.next();
  console.log(row.q, rows.at(-1)?.id, once.next()?.id, texts.length, [...texts][0].length, n);
  llm.stream({ prompt: texts.next() });
  const talk = talks.next();
  llm.stream(talk);
  llm.session({ system: talk.system }).say(talk.turns[0].content ?? '');
  const prompt = prompts.next();
  llm.stream({ ...prompt, temperature: 0 });
  // @ts-expect-error synthetic prompts are no conversations unless turns are given
  prompt.turns;
  for (const turn of chats.next().turns) console.log(turn.content.length, (turn.thinkTime ?? 0) / 1000);
  const past = recorded.at(scenario.trace?.index ?? 0);
  llm.stream(past, { turn: past.turn });
  console.log(past.at.toFixed(1), past.session, recorded.length, ended);
  const request = requests.next();
  const kind: 'short' | 'long' | 'fixed' = request.requestType;
  llm.stream(request);
  console.log(kind, prompts.tokenizer.source);
}
