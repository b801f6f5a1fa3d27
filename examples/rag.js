// Retrieval-augmented generation: embed the question, find the nearest passages, answer from them. Each step has its own thresholds, and
// the whole chain one more: what the user waits for.
//
//   inrush run --mock examples/rag.js
import ai from 'inrush/ai';
import { dataset } from 'inrush/data';
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';

const embedder = ai.model({ model: 'text-embedding-3-small' });
const llm = ai.model();
const questions = dataset('./questions.jsonl', { field: 'question', sample: 'shuffle', seed: 1 });

// Stands for the vector store: replace `retrieve` by a call of yours (http.post(...)).
const PASSAGES = [...dataset('./questions.jsonl', { field: 'passage' })];

const retrieval = new Trend('rag_retrieval', true);
const firstWord = new Trend('rag_time_to_first_token', true);

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { rag: { executor: 'constant-arrival-rate', rate: 4, timeUnit: '1s', duration: '5s', preAllocatedVUs: 8, maxVUs: 24 } },
  thresholds: {
    'ai_e2e{request_type:embed}': ['p(95)<1000'],
    rag_retrieval: ['p(95)<500'],
    'ai_ttft{request_type:generate}': ['p(95)<2000'],
    rag_time_to_first_token: ['p(95)<3500'],
    ai_req_failed: ['rate<0.01'],
  },
};

// The index is embedded once, before the load begins.
export function setup() {
  const res = embedder.embed({ input: PASSAGES, dimensions: 64 }, { requestType: 'index' });
  if (!res.ok) throw new Error(`the passages cannot be embedded: ${res.error}`);
  return { vectors: res.embeddings };
}

const nearness = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

function retrieve(vector, vectors, count) {
  const ranked = vectors.map((v, i) => [nearness(vector, v), i]).sort((a, b) => b[0] - a[0]);
  return ranked.slice(0, count).map(([, i]) => PASSAGES[i]);
}

export default function (index) {
  const question = questions.next();
  const start = Date.now();

  const embedded = group('embed', () => embedder.embed({ input: question, dimensions: 64 }));
  if (!check(embedded, { embedded: (r) => r.ok && r.embeddings.length === 1 })) return;

  const before = Date.now();
  const passages = retrieve(embedded.embeddings[0], index.vectors, 3);
  retrieval.add(Date.now() - before);

  const asked = Date.now();
  const res = group('generate', () =>
    llm.stream(
      { system: 'Answer from the passages only.', prompt: `${passages.join('\n')}\n\nQuestion: ${question}`, maxTokens: 40 },
      { requestType: 'generate' },
    ),
  );
  if (check(res, { answered: (r) => r.ok })) firstWord.add(asked - start + res.ttft);
}
