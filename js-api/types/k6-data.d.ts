declare module 'k6/data' {
  /**
   * A read-only array that all VUs share: stored once per run, however many VUs there are. Reading an element gives a
   * copy, so that changing it changes nothing for others.
   */
  export class SharedArray<T> implements ReadonlyArray<T> {
    /**
     * Only in the init code. `load` is called once per run and name; its result must be an array of JSON values.
     *
     * Throws when `load` throws or returns something other than an array.
     */
    constructor(name: string, load: () => T[]);
    readonly [index: number]: T;
  }
  export interface SharedArray<T> extends ReadonlyArray<T> {}
}
