/**
 * What the workload says on its standard output, one line each, at the moment at which a person would have been told:
 * the shim writes it down in its place among the operations.
 */
export type Note =
  /** A log is open, up to here. */
  | { readonly kind: 'opened'; readonly seq: number; readonly timeUs: number; readonly hash: string }
  /** So many facts more are about to be appended. */
  | { readonly kind: 'append'; readonly count: number }
  /** Everything up to here is promised to survive. */
  | { readonly kind: 'answered'; readonly seq: number }
  /** The chain has this hash here, whatever survives. */
  | { readonly kind: 'head'; readonly seq: number; readonly hash: string };

export function lineOf(note: Note): string {
  return `${JSON.stringify(note)}\n`;
}

/** The note in a line. It is the workload's own: nobody else writes there. */
export function noteIn(line: string): Note {
  return JSON.parse(line) as Note;
}
