// Shapes of load as plain scenario objects (docs/scenarios.md has a picture of each).
declare module 'inrush/scenarios' {
  import { Budget, Duration, Scenario } from 'k6/options';

  /** What every scenario has; it goes into the scenario as it is. */
  export interface Common {
    exec?: string;
    startTime?: Duration;
    gracefulStop?: Duration;
    env?: Record<string, string>;
    tags?: Record<string, string>;
    budget?: Budget;
  }

  /** Open load: so many iterations start per `timeUnit`, however slow the system gets. */
  export interface ByRate {
    rate: number;
    /** `'1s'` by default. */
    timeUnit?: Duration;
    /** How the starts are spread; `'uniform'` by default. */
    arrival?: 'uniform' | 'poisson' | { gamma: number };
    /** Of `arrival`; by default runs repeat. */
    seed?: number;
    /** How long an iteration may last; VUs are made for that many at the peak. `'5s'` by default. */
    iterationTime?: Duration;
    /** By default peak rate x `iterationTime`. */
    preAllocatedVUs?: number;
    /** By default twice as many. */
    maxVUs?: number;
    vus?: never;
    gracefulRampDown?: never;
  }

  /** Closed load: so many users, each of whom waits for an answer before the next request. */
  export interface ByVus {
    vus: number;
    gracefulRampDown?: Duration;
    rate?: never;
    timeUnit?: never;
    arrival?: never;
    seed?: never;
    iterationTime?: never;
    preAllocatedVUs?: never;
    maxVUs?: never;
  }

  /** The ordinary load, as a rate or as VUs; never both. */
  export type Load = Common & (ByRate | ByVus);

  /** An even, ordinary load. `duration`: `'5m'`. */
  export function baseline(options: Load & { duration?: Duration }): Scenario;

  /** One or more sudden crowds of `times` (5) the ordinary load; a list makes one after the other, e.g. `[3, 5, 10]`. */
  export function spike(
    options: Load & {
      times?: number | number[];
      /** Ordinary load before the first one; `'1m'`. */
      before?: Duration;
      /** How long the crowd takes to arrive; `'5s'`. */
      rise?: Duration;
      /** How long it stays; `'30s'`. */
      duration?: Duration;
      /** How long it takes to leave; `'5s'`. */
      fall?: Duration;
      /** Ordinary load after each one: the recovery; `'1m'`. */
      after?: Duration;
    },
  ): Scenario;

  /** A peak of `times` (3) the ordinary load that lasts for `duration` (`'15m'`). */
  export function sustained(
    options: Load & { times?: number; rampUp?: Duration; duration?: Duration; rampDown?: Duration },
  ): Scenario;

  /** `cycles` (5) of ordinary load for `off` (`'20s'`) and `times` (5) as much for `on` (`'10s'`); it ends quiet. */
  export function burst(
    options: Load & { times?: number; on?: Duration; off?: Duration; cycles?: number },
  ): Scenario;

  /**
   * An even load around a window in which a provider fails: `before` (`'1m'`), `duration` (`'1m'`), `after` (`'2m'`).
   * `env.OUTAGE` of the scenario is the window, e.g. `'60000ms:120000ms'`, in the form of the mock's header `x-mock-outage`.
   */
  export function outage(
    options: Load & { before?: Duration; duration?: Duration; after?: Duration },
  ): Scenario & { env: Record<string, string> & { OUTAGE: string } };

  /** An even load for `duration` (`'2h'`), after `rampUp` (`'2m'`) and before `rampDown` (`'1m'`). */
  export function soak(options: Load & { rampUp?: Duration; duration?: Duration; rampDown?: Duration }): Scenario;

  /** From `from` (0) to the load within `duration` (`'5m'`), evenly or in `steps`; then `hold` (`'0s'`). */
  export function ramp(
    options: Load & { from?: number; duration?: Duration; steps?: number; hold?: Duration },
  ): Scenario;

  export interface Targets {
    /** Only samples of this scenario. */
    scenario?: string;
    /** Limits of the percentile of latencies: milliseconds or a duration. The `...Total` ones include retries and failover. */
    ttft?: Duration;
    ttftIntended?: Duration;
    ttftTotal?: Duration;
    tpot?: Duration;
    e2e?: Duration;
    e2eTotal?: Duration;
    /** 95 by default. */
    percentile?: number;
    /** The error budget: failed calls as a share of all, 0 to 1. */
    errors?: number;
    /** Most iterations that may be dropped. */
    dropped?: number;
    /** Longest recovery of a failover's target. */
    recovery?: Duration;
    /** Of this target only. */
    target?: string;
    /** Least calls that went on to another target. */
    failovers?: number;
  }

  /** Targets as `thresholds` of options: `{ ttft: 800 }` is `{ ai_ttft: ['p(95)<800'] }`. */
  export function thresholds(targets: Targets): Record<string, string[]>;

  const scenarios: {
    baseline: typeof baseline;
    burst: typeof burst;
    outage: typeof outage;
    ramp: typeof ramp;
    soak: typeof soak;
    spike: typeof spike;
    sustained: typeof sustained;
    thresholds: typeof thresholds;
  };
  export default scenarios;
}
