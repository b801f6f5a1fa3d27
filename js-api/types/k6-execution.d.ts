declare module 'k6/execution' {
  import type { Options } from 'k6/options';

  /** This process. */
  export interface Instance {
    /** Milliseconds since the scenarios started. */
    readonly currentTestRunDuration: number;
    readonly iterationsCompleted: number;
    readonly iterationsInterrupted: number;
    /** VUs that run an iteration now. */
    readonly vusActive: number;
    readonly vusInitialized: number;
  }

  /** The scenario that runs this iteration. Reading it in the init code, `setup` or `teardown` throws. */
  export interface ScenarioInfo {
    readonly name: string;
    readonly executor: string;
    /** When the scenario started: milliseconds since 1970. */
    readonly startTime: number;
    /** From 0 to 1. */
    readonly progress: number;
    /** Number of the iteration in the scenario and this process, from 0. */
    readonly iterationInInstance: number;
    /** Number of the iteration in the scenario, from 0; no two iterations of a test share it. */
    readonly iterationInTest: number;
    /** Not in k6: the recorded request this iteration stands for; undefined except in `trace-replay`. */
    readonly trace?: TraceRow;
  }

  /** A request of a trace. */
  export interface TraceRow {
    /** Its number in the trace, from 0. */
    index: number;
    /** When it came: seconds from the start of the trace. */
    at: number;
    inputTokens: number;
    /** 0 when the request failed as it was recorded. */
    outputTokens: number;
    /** Its conversation, and its number there from 1. */
    session?: string;
    turn?: number;
    requestType?: string;
    model?: string;
    /** Ids of the blocks of its prompt, in order; equal ids are equal text. The last block may be shorter than `blockTokens`. */
    hashIds?: number[];
    blockTokens?: number;
  }

  /** This virtual user. */
  export interface VuInfo {
    readonly idInInstance: number;
    /** From 1. */
    readonly idInTest: number;
    /** Iterations this VU has run before this one. */
    readonly iterationInInstance: number;
    readonly iterationInScenario: number;
    /** Tags on every later sample of this VU; assign or delete them freely. */
    readonly tags: Record<string, string | number | boolean>;
    readonly metrics: {
      readonly tags: Record<string, string | number | boolean>;
      readonly metadata: Record<string, string | number | boolean>;
    };
  }

  export interface TestInfo {
    /** Ends the run now; teardown and the summary still happen. Exit code 108. */
    abort(message?: string): never;
    /** Lets the run go on and marks it as failed. Exit code 110. */
    fail(message?: string): void;
    /** The merged options. Empty values are null. */
    readonly options: Options;
  }

  export const instance: Instance;
  export const scenario: ScenarioInfo;
  export const vu: VuInfo;
  export const test: TestInfo;

  const execution: { instance: Instance; scenario: ScenarioInfo; vu: VuInfo; test: TestInfo };
  export default execution;
}
