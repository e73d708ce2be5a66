/** A file of LevelDB's is not as it was written. */
export class DamagedError extends Error {
  /** Where that is; of a log file, what is before it is as it was written. */
  readonly at: number;
  /** Of a table: a key that is not behind the first one there that is lost. */
  readonly after: Uint8Array;

  constructor(at: number, what: string, after: Uint8Array = Uint8Array.of()) {
    super(`at byte ${at} ${what}`);
    this.at = at;
    this.after = after;
  }
}
