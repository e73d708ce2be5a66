/**
 * The result of checking a log from its first event on.
 */
export interface Verification {
  /** Sound events, counted from the first. */
  readonly events: number;
  readonly commits: number;
  /** The last sound seq. */
  readonly seq: number;
  /** The chain's hash there, 64 hex digits. */
  readonly hash: string;
  /** From this seq on the log is not to be trusted, and why; absent when all of it is sound. */
  readonly unsound?: { readonly seq: number; readonly why: string };
}
