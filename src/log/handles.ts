/**
 * Who has a LevelDB open, over all threads of this process. classic-level lets threads share one LevelDB,
 * but frees its block cache as soon as the handle that was opened first is closed; whoever reads after that
 * takes the process down. So the first handle is closed only when it is the only one left.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** One thread's part in an open LevelDB. */
export class Handle {
  readonly #count: Int32Array;
  /** Whether it is this handle that opens LevelDB's files; later ones share what it opened. */
  readonly isFirst: boolean;

  /** To be taken before LevelDB is opened. */
  constructor(folder: string) {
    this.#count = sharedCount(folder);
    this.isFirst = Atomics.add(this.#count, 0, 1) === 0;
  }

  /**
   * Gives the part back; `close` closes LevelDB for this thread. It is left open until the process ends
   * where others would not survive it, which includes threads that were ended without giving theirs back.
   */
  async release(close: () => Promise<void>): Promise<void> {
    const others = Atomics.sub(this.#count, 0, 1) - 1;
    if (this.isFirst && others > 0) return;
    await close();
  }

  /** Gives back the last part that there is, where all other threads that had one are known to have ended. */
  async releaseAlone(close: () => Promise<void>): Promise<void> {
    Atomics.store(this.#count, 0, 0);
    await close();
  }
}

/** The same memory in every thread that was started after the first call. */
function sharedCount(folder: string): Int32Array {
  const key = `tasktrail handles ${folder}`;
  const known: unknown = getEnvironmentData(key);
  if (known instanceof SharedArrayBuffer) return new Int32Array(known);
  const made = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  // Node hands shared memory on to threads; its types leave that out.
  setEnvironmentData(key, made as never);
  return new Int32Array(made);
}
