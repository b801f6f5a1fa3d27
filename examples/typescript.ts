// TypeScript runs as it is: types are stripped when the script is loaded (they are not checked; use tsc for that, with
// the declarations of js-api/). Errors point at the lines of this file.
//
//   inrush run --mock examples/typescript.ts
import ai, { type Model, type StreamResponse } from 'inrush/ai';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import type { Options, SummaryData, SummaryOutput } from 'k6/options';

enum Tone {
  Plain = 'plainly',
  Pirate = 'like a pirate',
}

interface Question {
  topic: string;
  tone: Tone;
}

const QUESTIONS: readonly Question[] = [
  { topic: 'gravity', tone: Tone.Plain },
  { topic: 'the tides', tone: Tone.Pirate },
];

const llm: Model = ai.model({ provider: 'openai' });
const length = new Trend('answer_characters');

export const options: Options = {
  scenarios: { questions: { executor: 'per-vu-iterations', vus: 3, iterations: 3, maxDuration: '15s' } },
  thresholds: { checks: ['rate>0.99'] },
};

function ask({ topic, tone }: Question): StreamResponse {
  return llm.stream({ prompt: `Explain ${topic} ${tone}.`, maxTokens: 40 });
}

export default function (): void {
  const res = ask(QUESTIONS[__ITER % QUESTIONS.length]!);
  length.add(res.text.length);
  check(res, { answered: (r: StreamResponse) => r.ok });
}

// Writes a summary of its own beside the usual table of checks.
export function handleSummary(data: SummaryData): SummaryOutput {
  const ttft = data.metrics['ai_ttft']?.values ?? {};
  const calls = data.metrics['ai_requests']?.values['count'] ?? 0;
  return { stdout: `${calls} calls, TTFT median ${ttft['med']?.toFixed(1)} ms, p95 ${ttft['p(95)']?.toFixed(1)} ms\n` };
}
