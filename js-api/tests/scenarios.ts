// Type tests of `inrush/scenarios`. A line after @ts-expect-error must not compile.
import scenarios, { baseline, burst, outage, ramp, soak, spike, sustained, thresholds } from 'inrush/scenarios';
import type { Options } from 'k6/options';

const drill = outage({ rate: 5, before: '3s', duration: '2s', after: 5000 });

export const options: Options = {
  scenarios: {
    quiet: baseline({ vus: 2, duration: '1m', exec: 'chat', tags: { kind: 'chat' } }),
    crowd: spike({ rate: 2, times: [3, 5, 10], arrival: 'poisson', iterationTime: '2s' }),
    peak: sustained({ rate: 2, times: 1.5, budget: { usd: 1 } }),
    waves: burst({ rate: 30, timeUnit: '1m', arrival: { gamma: 2 }, cycles: 3 }),
    grow: ramp({ vus: 20, from: 2, steps: 9, hold: '1m', gracefulRampDown: '5s' }),
    long: scenarios.soak({ rate: 1, duration: '8h' }),
    drill,
  },
  thresholds: {
    ...thresholds({ scenario: 'crowd', ttft: 800, percentile: 99, errors: 0.01, dropped: 0 }),
    ...thresholds({ recovery: '10s', target: 'primary', failovers: 1 }),
  },
};

export const window: string = drill.env.OUTAGE;

// @ts-expect-error how much is not said
baseline({ duration: '1m' });
// @ts-expect-error a rate or VUs, not both
soak({ rate: 1, vus: 1 });
// @ts-expect-error a closed load has no arrivals
spike({ vus: 1, arrival: 'poisson' });
// @ts-expect-error there is no such option
burst({ rate: 1, period: '1m' });
// @ts-expect-error there is no such target
thresholds({ latency: 800 });
