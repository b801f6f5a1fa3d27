declare module 'k6/secrets' {
  /** A source of secrets, named with `--secret-source=...,name=NAME`. */
  export interface SecretSource {
    /**
     * The secret of this name. From now on its value is shown as `***SECRET_REDACTED***` in logs, outputs and the summary.
     *
     * Rejects when the run has no such source or the source no such secret.
     */
    get(name: string): Promise<string>;
  }
  const secrets: SecretSource & {
    /** The source of this name; asking it for a secret fails when there is none. */
    source(name: string): SecretSource;
  };
  export default secrets;
}
