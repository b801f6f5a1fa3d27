// Failover between two providers. Each is a server of its own here, started by
//
//   inrush run --mock=examples/mock/two-providers.yaml examples/failover-two-servers.js
//
// which lets the first one fail for a while: see the timeline in that file, and docs/failover.md.
import ai from 'inrush/ai';

const main = __ENV.INRUSH_MOCK_MAIN_URL || __ENV.INRUSH_BASE_URL;
const backup = __ENV.INRUSH_MOCK_BACKUP_URL || __ENV.INRUSH_BASE_URL;

const llm = ai.failover(
  [ai.model({ baseURL: main, tags: { target: 'main' } }), ai.model({ baseURL: backup, tags: { target: 'backup' } })],
  { on: ['overloaded', 'rate_limited', 'interrupted'], failures: 3, cooldown: '500ms' },
);

export const options = {
  scenarios: {
    users: { executor: 'constant-arrival-rate', rate: 10, timeUnit: '1s', duration: '6s', preAllocatedVUs: 20 },
  },
  thresholds: { ai_req_failed: ['rate==0'] },
};

export default function () {
  llm.stream({ prompt: 'Say hello.', maxTokens: 10 });
}
