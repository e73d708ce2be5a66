/**
 * The archive: answers that need the whole log, made on a worker thread of their own so that the recorder's
 * never waits. This is the recorder's side: it starts the worker, passes chunks on as they are wanted, and
 * tells a worker that follows when the log has grown.
 */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { LogQuery } from '../engine/history.ts';
import type { Instant } from '../engine/instant.ts';
import type { PastQuestion } from '../engine/past.ts';
import type { VerifyQuery } from '../engine/reader.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Archive } from '../http/server.ts';
import type { Clock } from '../ports.ts';
import { openWorker } from '../system/worker.ts';

export type Errand =
  | { readonly kind: 'log'; readonly query: LogQuery }
  | {
      readonly kind: 'past';
      readonly question: PastQuestion;
      readonly instant: Instant;
      /** Wall-clock microseconds. */
      readonly endUs: number;
    }
  | { readonly kind: 'verify'; readonly query: VerifyQuery }
  | { readonly kind: 'export' };

/** What the worker starts with. */
export interface Task {
  readonly folder: string;
  readonly errand: Errand;
}

/** To the worker: one more chunk is wanted, or the log has grown. */
export type Notice = 'more' | 'grown';

/** From the worker: NDJSON lines, or bytes of an export; how it failed; or that there are no more. */
export type Chunk =
  | { readonly lines: string }
  | { readonly bytes: Uint8Array }
  | { readonly error: string }
  | 'end';

/** The log is told to have grown at most this often. */
const growthDelayMs = 20;
/** Each answer has a thread and its own view of the log. */
const answerLimit = 8;

export interface OpenArchive extends Archive {
  /** Ends every answer that is still being made, and resolves when no worker reads the log any more. */
  close(): Promise<void>;
}

/** `open` starts the worker for a task. */
export function openArchive(
  folder: string,
  recorder: Recorder,
  clock: Clock,
  open: (task: Task) => Worker = openArchiveWorker,
): OpenArchive {
  const closing = new AbortController();
  const exits = new Set<Promise<unknown>>();
  let answers = 0;
  return {
    log: (query, gone) => run({ kind: 'log', query }, query.follow === true, gone),
    past: (question, instant, gone) =>
      run({ kind: 'past', question, instant, endUs: clock.wallUs() }, false, gone),
    verify: (query, gone) => run({ kind: 'verify', query }, false, gone),
    export: (gone) => run<Uint8Array>({ kind: 'export' }, false, gone),
    close: async () => {
      closing.abort();
      await Promise.all(exits);
    },
  };

  /** What kind of chunks there are follows from the errand. */
  function run<Piece extends string | Uint8Array = string>(
    errand: Errand,
    follow: boolean,
    gone: AbortSignal,
  ): AsyncGenerator<Piece> | undefined {
    if (answers >= answerLimit) return undefined;
    return counted(errand, follow, gone) as AsyncGenerator<Piece>;
  }

  /** Counts from the first chunk that is asked for, which is when anything is done. */
  async function* counted(
    errand: Errand,
    follow: boolean,
    gone: AbortSignal,
  ): AsyncGenerator<string | Uint8Array> {
    answers += 1;
    try {
      yield* answer(errand, follow, AbortSignal.any([gone, closing.signal]));
    } finally {
      answers -= 1;
    }
  }

  async function* answer(
    errand: Errand,
    follow: boolean,
    ending: AbortSignal,
  ): AsyncGenerator<string | Uint8Array> {
    // Whatever happened before the question belongs into the answer, and must be where the worker reads.
    recorder.read(() => {});
    // Where there is no room for it, what is recorded can be told all the same.
    if (!recorder.isFull) await recorder.commit('written').catch(tolerating(recorder));
    ending.throwIfAborted();
    const worker = open({ folder, errand });
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    exits.add(exit);
    const broken = breakdownOf(worker);
    const unfollow = follow ? tellGrowth((notice) => worker.postMessage(notice)) : () => {};
    try {
      for (;;) {
        worker.postMessage('more' satisfies Notice);
        const chunk = await Promise.race([chunkOf(worker, ending), broken]);
        if (chunk === 'end') return;
        if ('error' in chunk) throw new Error(chunk.error);
        yield 'bytes' in chunk ? chunk.bytes : chunk.lines;
      }
    } finally {
      unfollow();
      await worker.terminate();
      exits.delete(exit);
    }
  }

  function tellGrowth(tell: (notice: Notice) => void): () => void {
    let due = false;
    let cancel = (): void => {};
    const unfollow = recorder.follow(() => {
      if (due) return;
      due = true;
      cancel = clock.after(growthDelayMs, async () => {
        due = false;
        try {
          await recorder.commit('written');
        } catch {
          // The log has failed, and its owner knows: it grows no more.
          return;
        }
        tell('grown');
      });
    });
    return () => {
      unfollow();
      cancel();
    };
  }
}

/** A commit that finds no room has failed, and the log has not. */
function tolerating(recorder: Recorder): (error: unknown) => void {
  return (error) => {
    if (!recorder.isFull) throw error;
  };
}

/** The next chunk of a worker; rejects when nobody waits any more. */
async function chunkOf(worker: Worker, ending: AbortSignal): Promise<Chunk> {
  const [chunk] = (await once(worker, 'message', { signal: ending })) as [Chunk];
  return chunk;
}

/** Rejects when a worker breaks down, which it may do at any time, also while nobody waits for a chunk. */
function breakdownOf(worker: Worker): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    worker.on('error', (error) => reject(new Error(`the answer broke off: ${error.message}`)));
    worker.once('exit', () => reject(new Error('the answer broke off: its thread has ended')));
  });
  // It is told with the next chunk that is asked for.
  broken.catch(() => {});
  return broken;
}

function openArchiveWorker(task: Task): Worker {
  return openWorker('worker', import.meta.url, task);
}
