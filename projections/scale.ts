/**
 * The scale of lifelines: in which portions the lives of tasks are stored. A *window* is so many events, and its *pieces*
 * are by task ids, so that what it tells of one task is a small value whose place is known from the id.
 */
export interface Scale {
  readonly windowEvents: number;
  readonly pieces: number;
  /** From one roll, which lists all tasks that live, to the next there are at least so many events for each of them. */
  readonly rollPerTask: number;
}

/** The window that holds a seq; window `n`, counted from 0, begins with seq `n * windowEvents + 1`. */
export function windowOf(seq: number, { windowEvents }: Scale): number {
  return Math.floor((seq - 1) / windowEvents);
}

/** The last seq before a window; events in it are told by how far behind that they are. */
export function seqBefore(window: number, { windowEvents }: Scale): number {
  return window * windowEvents;
}

/** The piece that tells of a task. */
export function pieceOf(task: number, { pieces }: Scale): number {
  return task % pieces;
}
