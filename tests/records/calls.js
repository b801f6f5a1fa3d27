// Calls of two kinds and plain requests, some of which fail: what the records of tests/records are made from.
import ai from 'inrush/ai';
import http from 'k6/http';

export const options = {
  scenarios: {
    chat: { executor: 'per-vu-iterations', vus: 4, iterations: 10 },
    bulk: { executor: 'shared-iterations', vus: 2, iterations: 20, exec: 'bulk' },
  },
};

export default function () {
  ai.stream({ prompt: 'Grüße, "Ada"; one\nline more', maxTokens: 8 }, { tags: { request_type: 'chat', note: 'a;b "c"\n, ü' } });
}

export function bulk() {
  ai.complete({ prompt: 'Hi', maxTokens: 4 }, { tags: { request_type: 'bulk' } });
  http.get(__ENV.INRUSH_BASE_URL.replace('/v1', '/health'));
}
