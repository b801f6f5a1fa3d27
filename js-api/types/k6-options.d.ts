// Types only: the module exists for `import type { Options } from 'k6/options'` and JSDoc; it exports no values.
declare module 'k6/options' {
  /** `'1m30s'`, `'500ms'`, `'1d'`, or a number of milliseconds. */
  export type Duration = string | number;

  export interface Stage {
    /** Length of the ramp; `'0s'` jumps. */
    duration: Duration;
    /** VUs, or iterations per `timeUnit`, at its end. */
    target: number;
  }

  export interface ScenarioBase {
    /** Delay after the start of the run; `'0s'` by default. */
    startTime?: Duration;
    /** How long iterations in flight may go on at the end; `'30s'` by default. */
    gracefulStop?: Duration;
    /** Name of the exported function to run; `'default'` by default. */
    exec?: string;
    /** Additions to `__ENV` inside the scenario. */
    env?: Record<string, string>;
    /** Tags on every sample of the scenario. */
    tags?: Record<string, string>;
    /** Not in k6: what the scenario's model calls may take, beside the budget of the run. `stop` ends this scenario. */
    budget?: Budget;
  }

  /** Not in k6: a hard limit of what model calls take (docs/cost.md). */
  export interface Budget {
    /** US dollars. */
    usd?: number;
    /** Input and output tokens together. */
    tokens?: number;
    /** Requests to models. */
    requests?: number;
    /** Shares of any limit, above 0 and up to 1, each worth one warning. */
    alertAt?: number | number[];
    /**
     * When a call does not fit any more: start no more iterations (`stop`, the default), end the run at once with exit code
     * 99 (`abort`), or refuse calls and go on (`skip`). A refused call has `errorKind` `budget`.
     */
    onExceed?: 'stop' | 'abort' | 'skip';
  }

  /** `iterations` in total, taken by whichever VU is free. */
  export interface SharedIterations extends ScenarioBase {
    executor: 'shared-iterations';
    vus?: number;
    iterations?: number;
    /** `'10m'` by default; iterations not started by then count as dropped. */
    maxDuration?: Duration;
  }

  /** `iterations` for each VU. */
  export interface PerVuIterations extends ScenarioBase {
    executor: 'per-vu-iterations';
    vus?: number;
    iterations?: number;
    maxDuration?: Duration;
  }

  /** A fixed number of VUs that loop for `duration`: load falls when the system slows down (closed model). */
  export interface ConstantVus extends ScenarioBase {
    executor: 'constant-vus';
    vus?: number;
    /** At least one second. */
    duration: Duration;
  }

  /** As constant-vus, with a number of VUs that follows `stages`. */
  export interface RampingVus extends ScenarioBase {
    executor: 'ramping-vus';
    startVUs?: number;
    stages: Stage[];
    /** How long the iteration of a VU that is ramped down may go on; `'30s'` by default. */
    gracefulRampDown?: Duration;
  }

  /**
   * Not in k6: how the starts of an arrival rate are spread. `uniform`, the default, is k6's even spacing; `poisson` starts them
   * independently of each other; `gamma` draws the gaps with this coefficient of variation (1 is Poisson, 3 is bursty, 0.5 rather even).
   */
  export type Arrival = 'uniform' | 'poisson' | { gamma: number };

  /** Not in k6. */
  export interface ArrivalProcess {
    arrival?: Arrival;
    /** Of `arrival`; by default from `--seed` and the scenario's name, so that runs repeat. */
    seed?: number;
  }

  /** `rate` iterations start per `timeUnit`, however slow the system is (open model). */
  export interface ConstantArrivalRate extends ScenarioBase, ArrivalProcess {
    executor: 'constant-arrival-rate';
    rate: number;
    /** `'1s'` by default. */
    timeUnit?: Duration;
    duration: Duration;
    /** VUs made before the run. An iteration that finds no idle VU is dropped and counted in `dropped_iterations`. */
    preAllocatedVUs: number;
    /** VUs beyond `preAllocatedVUs` are made during the run, up to this; by default none. */
    maxVUs?: number;
  }

  /** As constant-arrival-rate, with a rate that follows `stages` (targets are rates per `timeUnit`). */
  export interface RampingArrivalRate extends ScenarioBase, ArrivalProcess {
    executor: 'ramping-arrival-rate';
    startRate?: number;
    timeUnit?: Duration;
    stages: Stage[];
    preAllocatedVUs: number;
    maxVUs?: number;
  }

  /**
   * VUs that loop, as many as the REST API says (`inrush scale`, `PATCH /v1/status`); `pause` and `resume` work at any time.
   * It has neither `startTime` nor `gracefulStop`.
   */
  export interface ExternallyControlled extends Omit<ScenarioBase, 'startTime' | 'gracefulStop'> {
    executor: 'externally-controlled';
    /** VUs at the start. */
    vus: number;
    /** VUs made before the run; `vus` by default. */
    maxVUs?: number;
    /** `'0'` means until it is stopped. */
    duration: Duration;
  }

  /** Not in k6: what both token rates have. */
  export interface TokenRate extends ScenarioBase {
    /** `'1s'` by default. */
    timeUnit?: Duration;
    /** Which tokens: input and output (`total`, the default), or one of them. */
    count?: 'total' | 'input' | 'output';
    /**
     * Tokens of an iteration as far as you know, for all or by `requestType`: a first guess. Without it a few iterations find out
     * before the rate is taken up.
     */
    estimate?: number | Record<string, number>;
    preAllocatedVUs: number;
    maxVUs?: number;
  }

  /** Not in k6: `rate` tokens per `timeUnit`, by as many iterations as that takes. How large they are is learnt from calls that ended. */
  export interface ConstantTokenRate extends TokenRate {
    executor: 'constant-token-rate';
    rate: number;
    duration: Duration;
  }

  /** As constant-token-rate, with a rate that follows `stages` (targets are tokens per `timeUnit`). */
  export interface RampingTokenRate extends TokenRate {
    executor: 'ramping-token-rate';
    startRate?: number;
    stages: Stage[];
  }

  /** Not in k6: an iteration for every request of a recorded trace, at its time; the request is in `exec.scenario.trace`. */
  export interface TraceReplay extends ScenarioBase {
    executor: 'trace-replay';
    /** The trace, from the script's folder. */
    file: string;
    /** By its first line when left out. */
    format?: 'azure' | 'burstgpt' | 'jsonl' | 'mooncake' | 'qwen' | 'servegen';
    /** The second file of `servegen`, with the lengths of requests. */
    lengths?: string;
    /** Of the formats whose arrivals are drawn (`servegen`). */
    seed?: number;
    /** 2 is twice as fast as recorded; 1 by default. */
    speed?: number;
    /** The part of the recording to replay, from its start. */
    from?: Duration;
    to?: Duration;
    /** How often: a number of passes, or `true` for as long as `duration` says; once by default. */
    loop?: boolean | number;
    /** When no more iterations start; after the last pass by default. */
    duration?: Duration;
    preAllocatedVUs: number;
    maxVUs?: number;
  }

  /** Rising loads: a list, or a range (by a factor of 2 when neither is given). */
  export type SweepLoads =
    | number[]
    | { from: number; to: number; factor?: number }
    | { from: number; to: number; step: number };

  /** What must hold in a step: percentiles such as `{ p95: 800 }` in ms, and shares of calls. */
  export interface SweepObjectives {
    ttft?: Record<string, number>;
    tpot?: Record<string, number>;
    e2e?: Record<string, number>;
    /** At most this share fails. */
    failed?: number;
    /** At least this share meets the `slo` of its model or request. */
    goodput?: number;
  }

  interface SweepBase extends ScenarioBase {
    /** How long iterations start in each step. */
    stepDuration: Duration;
    /** What of each step's beginning does not count; `'auto'` by default. */
    settle?: 'auto' | Duration;
    /** Rest between steps. */
    pause?: Duration;
    slo?: SweepObjectives;
  }

  interface SweepRate {
    timeUnit?: Duration;
    preAllocatedVUs: number;
    maxVUs?: number;
    arrival?: Arrival;
    seed?: number;
  }

  /** Not in k6: rising numbers of looping VUs in steps, for the curve of throughput and latency. */
  export interface ConcurrencySweep extends SweepBase {
    executor: 'concurrency-sweep';
    vus: SweepLoads;
  }

  /** Not in k6: rising arrival rates in steps. */
  export interface RateSweep extends SweepBase, SweepRate {
    executor: 'rate-sweep';
    /** Iterations per `timeUnit`. */
    rates: SweepLoads;
  }

  interface SearchBase extends SweepBase {
    executor: 'capacity-search';
    from: number;
    to: number;
    slo: SweepObjectives;
    /** The search ends when the bounds are this close, in shares of the lower one; 0.05 by default. */
    precision?: number;
    /** How often a step that is not clear is repeated; 2 by default. */
    repeats?: number;
  }

  /** Not in k6: searches the highest number of VUs, or the highest rate, that meets objectives. */
  export type CapacitySearch = (SearchBase & { by: 'vus' }) | (SearchBase & SweepRate & { by: 'rate' });

  /** Not in k6: looks for the limits that the iterations' requests meet. It needs a `budget`, here or of the test. */
  export interface RateLimitProbe extends ScenarioBase {
    executor: 'rate-limit-probe';
    /** Limits are used up on purpose: say that this is meant. */
    yes: true;
    /** What to look for; `['requests']` by default. */
    find?: ('requests' | 'concurrency')[];
    /** VUs at full speed; 16 by default. */
    lanes?: number;
    /** Most VUs at once while looking for concurrency; 64 by default. */
    maxConcurrency?: number;
    /** Iterations without a refusal after which there is no limit worth finding; 5000 by default. */
    maxIterations?: number;
    /** The longest to look for one limit; 15 minutes by default. */
    maxDuration?: Duration;
    /** Pause between two searches; a minute by default. */
    settle?: Duration;
  }

  export type Scenario =
    | SharedIterations
    | PerVuIterations
    | ConstantVus
    | RampingVus
    | ConstantArrivalRate
    | RampingArrivalRate
    | ExternallyControlled
    | ConstantTokenRate
    | RampingTokenRate
    | TraceReplay
    | ConcurrencySweep
    | RateSweep
    | CapacitySearch
    | RateLimitProbe;

  /** `'p(95)<500'`, `'rate<0.01'`, `'count>100'`, ...; as an object it can end the run early. */
  export type Threshold = string | { threshold: string; abortOnFail?: boolean; delayAbortEval?: Duration };

  /** A run's options. Precedence: defaults < `--config` file < these < environment < command line. */
  export interface Options {
    /** Shortcut: VUs of a single scenario. */
    vus?: number;
    /** Shortcut: constant-vus for so long. */
    duration?: Duration;
    /** Shortcut: shared-iterations. */
    iterations?: number;
    /** Shortcut: ramping-vus. */
    stages?: Stage[];
    /** Named scenarios; not together with the shortcuts. */
    scenarios?: Record<string, Scenario>;
    /** By metric or `metric{tag:value}`. An unmet threshold makes the exit code 99. */
    thresholds?: Record<string, Threshold | Threshold[]>;

    /** Not in k6: what the run's model calls may take. */
    budget?: Budget;

    /** Wait after the initialisation until the run is resumed through the REST API. */
    paused?: boolean;
    /** The part of the test this instance runs, e.g. `'0:1/3'`, and the boundaries of all parts, e.g. `'0,1/3,2/3,1'`. */
    executionSegment?: string;
    executionSegmentSequence?: string;
    setupTimeout?: Duration;
    teardownTimeout?: Duration;
    handleSummaryTimeout?: Duration;
    noSetup?: boolean;
    noTeardown?: boolean;
    /** An iteration that ends earlier waits for the rest of this. */
    minIterationDuration?: Duration;
    /**
     * Not in k6: the beginning of the run that summary and thresholds leave out; outputs get it with the tag `phase`. A time,
     * `'100 iterations'`, or `'auto'`: until the durations of iterations and their number stop changing.
     */
    warmUp?: Duration | { iterations: number };
    /** Not in k6: the planned end of the run that they leave out: a time, or iterations. */
    coolDown?: Duration | { iterations: number };
    /** Failed requests and model calls throw instead of returning a response with an error. */
    throw?: boolean;

    /** Tags on every sample of the run. */
    tags?: Record<string, string>;
    /** Which system tags are recorded, e.g. `['status', 'method', 'name']`. */
    systemTags?: string[];
    /** Columns of trends in the summary; `['avg', 'min', 'med', 'max', 'p(90)', 'p(95)']` by default. */
    summaryTrendStats?: string[];
    summaryTimeUnit?: 's' | 'ms' | 'us' | null;

    /** Requests per second of the whole process; 0 = no limit. Prefer an arrival-rate executor. */
    rps?: number;
    maxRedirects?: number;
    userAgent?: string;
    /** Requests in flight of one `http.batch`, in all (20) and per host (6). */
    batch?: number;
    batchPerHost?: number;
    httpDebug?: 'headers' | 'full';
    insecureSkipTLSVerify?: boolean;
    tlsVersion?: TlsVersion | { min?: TlsVersion; max?: TlsVersion };
    /** Offered for TLS 1.2, by IANA's or OpenSSL's names; TLS 1.3 brings its own. */
    tlsCipherSuites?: string[];
    /** Client certificates as PEM texts; `domains` without entries stands for all hosts. */
    tlsAuth?: { domains?: string[]; cert: string; key: string; password?: string }[];
    /** Addresses to connect from, one per VU in turn: `'10.0.0.7,10.0.1.0-10.0.1.9,10.0.2.0/24'`. */
    localIPs?: string;
    noConnectionReuse?: boolean;
    noVUConnectionReuse?: boolean;
    noCookiesReset?: boolean;
    discardResponseBodies?: boolean;
    /** `host[:port]` or `*.domain` -> `ip[:port]`. */
    hosts?: Record<string, string>;
    blacklistIPs?: string[];
    blockHostnames?: string[];
    dns?: {
      ttl?: Duration;
      select?: 'first' | 'random' | 'roundRobin';
      policy?: 'preferIPv4' | 'preferIPv6' | 'onlyIPv4' | 'onlyIPv6' | 'any';
    };
    /** Unknown options are a warning, so scripts may carry options of other tools. */
    cloud?: Record<string, unknown>;
    ext?: Record<string, unknown>;
  }

  /** What `handleSummary(data)` is given. */
  export interface SummaryData {
    root_group: SummaryGroup;
    options: { summaryTrendStats: string[]; summaryTimeUnit: string; noColor: boolean };
    state: { isStdOutTTY: boolean; isStdErrTTY: boolean; testRunDurationMs: number };
    metrics: Record<string, SummaryMetric>;
    /** What `setup()` returned. */
    setup_data?: any;
    /** Not in k6: of every scenario with a token rate. */
    token_rates?: TokenRateResult[];
  }

  /** What became of a token rate. */
  export interface TokenRateResult {
    scenario: string;
    count: 'total' | 'input' | 'output';
    timeUnitMs: number;
    /** Tokens per `timeUnit`: what was asked for, and what the iterations that were started took. */
    target: number;
    achieved: number;
    targetTokens: number;
    achievedTokens: number;
    /** achieved / target; null when nothing was due. */
    share: number | null;
    iterations: number;
    /** Iterations that took none: failed, or without a call. */
    withoutTokens: number;
    /** Mean tokens of an iteration by the request type of its first call. */
    sizes: { requestType: string | null; iterations: number; mean: number }[];
  }

  export interface SummaryGroup {
    name: string;
    path: string;
    id: string;
    groups: SummaryGroup[];
    checks: { name: string; path: string; id: string; passes: number; fails: number }[];
  }

  export interface SummaryMetric {
    type: 'counter' | 'gauge' | 'rate' | 'trend';
    /** `time` values are milliseconds, `data` values bytes. */
    contains: 'default' | 'time' | 'data';
    /** counter: count, rate; gauge: value, min, max; rate: rate, passes, fails; trend: `summaryTrendStats`. */
    values: Record<string, number>;
    thresholds?: Record<string, { ok: boolean }>;
  }

  /** What `handleSummary` returns: what to write, by `stdout`, `stderr` or path. Undefined = the usual summary. */
  export type SummaryOutput = Record<string, string | ArrayBuffer>;

  export type TlsVersion = 'tls1.0' | 'tls1.1' | 'tls1.2' | 'tls1.3' | '';
}
