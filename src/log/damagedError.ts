/** A file of LevelDB's is not as it was written. */
export class DamagedError extends Error {
  /** Where that is; of a log file, what is before it is as it was written. */
  readonly at: number;

  constructor(at: number, what: string) {
    super(`at byte ${at} ${what}`);
    this.at = at;
  }
}
