declare module 'k6' {
  /** Named conditions: a function of the value, or a value whose truthiness counts. Functions must not be async. */
  export interface Checkers<T> {
    [name: string]: ((value: T) => unknown) | string | number | boolean | null | undefined;
  }

  /**
   * Evaluates each condition, records one sample of the metric `checks` for each (tag `check` = its name), and returns
   * whether all held. A condition that throws ends the iteration; one that fails does not.
   */
  export function check<T>(value: T, sets: Checkers<T>, tags?: { [name: string]: string | number | boolean }): boolean;

  /** Ends the iteration by throwing an error with this message. The exit code of the run stays as it is. */
  export function fail(message?: string): never;

  /**
   * Runs `fn` and returns what it returns; the samples inside carry the tag `group` (`::outer::inner`), and
   * `group_duration` records its length. An async function is refused, unless `--features async-metric-context` is on: its
   * labels follow it then, and the group ends when its promise is settled.
   */
  export function group<R>(name: string, fn: () => R): R;

  /** Makes `Math.random()` of this VU reproducible. */
  export function randomSeed(seed: number): void;

  /** Blocks this VU for so many **seconds** (fractions allowed). Other VUs go on. */
  export function sleep(seconds: number): void;
}
