// A team's own report: files and standard output from handleSummary.
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';

const size = new Trend('size');

export const options = {
  iterations: 4,
  summaryTrendStats: ['min', 'p(50)', 'count', 'p(99.9)'],
  thresholds: { size: ['max<4', 'min>=1'], iterations: ['count==4'] },
};

export function setup() { return { from: 'setup' }; }

export default function () {
  group('g', () => check(1, { one: (v) => v === 1, two: (v) => v === 2 }));
  size.add(__ITER + 1);
}

export function handleSummary(data) {
  return {
    stdout: `passed: ${data.root_group.groups[0].checks[0].passes}\n`,
    'out/report.json': JSON.stringify(data),
    'bytes.bin': new Uint8Array([1, 2, 3]).buffer,
  };
}
