declare module 'k6/metrics' {
  /** Tags of one sample; values are turned into strings. */
  export interface Tags {
    [name: string]: string | number | boolean;
  }

  /** What all custom metrics share. Create them in the init code: elsewhere the constructor throws. */
  export abstract class Metric {
    /**
     * @param name 2 to 129 letters, digits and underscores, not starting with a digit.
     * @param isTime The values are milliseconds and are printed as times.
     */
    constructor(name: string, isTime?: boolean);
    readonly name: string;
    /** Records a value. A value that is not a finite number is refused with a warning (with `throw: true` it throws). */
    add(value: number | boolean, tags?: Tags): void;
  }

  /** A sum. Thresholds: `count`, `rate` (per second). */
  export class Counter extends Metric {}
  /** The latest value, with its least and greatest. Thresholds: `value`. */
  export class Gauge extends Metric {}
  /** The share of values that are not zero (or true). Thresholds: `rate`, from 0 to 1. */
  export class Rate extends Metric {}
  /** A distribution. Thresholds: `avg`, `min`, `max`, `med`, `p(N)`. */
  export class Trend extends Metric {}
}
