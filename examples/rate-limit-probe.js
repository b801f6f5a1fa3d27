// What an account lets through, found by meeting its limits: see docs/probe.md.
//
//   inrush run --mock --mock-rpm 1200 --mock-limit-rule token-bucket:0.02 examples/rate-limit-probe.js
import ai from 'inrush/ai';

export const options = {
  // Looking for limits uses them up; nothing is sent beyond this.
  budget: { requests: 2000 },
  scenarios: {
    limits: {
      executor: 'rate-limit-probe',
      yes: true,
      lanes: 16,
      // As many served without a refusal mean that there is no limit worth finding.
      maxIterations: 500,
      maxDuration: '2m',
    },
  },
};

// A cheap call of the kind that counts: one word in, one token out.
export default function () {
  ai.stream({ prompt: 'hello', maxTokens: 1 });
}
