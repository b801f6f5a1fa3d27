// A drill: the primary provider fails for a while and the secondary takes over. How many calls had to move, how many were lost, and
// how long until the primary is used again?
//
//   inrush run --mock examples/scenario-outage.js
//
// The header makes the embedded mock fail for the primary in that window; with real providers, cut the primary off at that time
// (at the gateway, the firewall, or by revoking its key).
import ai from 'inrush/ai';
import { outage, thresholds } from 'inrush/scenarios';
import { check } from 'k6';

const drill = outage({ rate: 6, before: '2s', duration: '2s', after: '4s', iterationTime: '2s', gracefulStop: '10s' });

const primary = ai.model({ tags: { target: 'primary' }, headers: { 'x-mock-outage': drill.env.OUTAGE } });
const secondary = ai.model({ tags: { target: 'secondary' } });
const llm = ai.failover([primary, secondary], { failures: 3, cooldown: '1s' });

const ERROR_BUDGET = 0.01; // calls that may fail although there are two providers

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { drill },
  thresholds: thresholds({ errors: ERROR_BUDGET, ttftTotal: '3s', failovers: 1, recovery: '10s', target: 'primary' }),
};

export default function () {
  const res = llm.stream({ prompt: 'Are you there?', maxTokens: 10 });
  check(res, { answered: (r) => r.ok });
}

export function handleSummary(data) {
  const value = (metric, name) => data.metrics[metric]?.values[name] ?? 0;
  const calls = value('ai_requests', 'count');
  const lines = [
    `failover rate   ${((100 * value('ai_failovers', 'count')) / calls).toFixed(1)} % of ${calls} calls were passed on`,
    `recovery time   ${(value('ai_recovery_time', 'max') / 1000).toFixed(1)} s from the first failure to the first answer afterwards`,
    `error budget    ${((100 * value('ai_req_failed', 'rate')) / ERROR_BUDGET).toFixed(0)} % used`,
  ];
  return { stdout: `${lines.join('\n')}\n` };
}
