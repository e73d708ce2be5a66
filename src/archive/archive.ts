/**
 * The archive: answers that need the whole log, made on a worker thread of their own so that the recorder's
 * never waits. This is the recorder's side: it starts the worker, passes chunks on as they are wanted, and
 * tells a worker that follows when the log has grown.
 */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { LogQuery } from '../engine/history.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Archive } from '../http/server.ts';
import type { Clock } from '../ports.ts';
import { openWorker } from '../system/worker.ts';

export type Question = { readonly kind: 'log'; readonly query: LogQuery } | { readonly kind: 'verify' };

/** What the worker starts with. */
export interface Task {
  readonly folder: string;
  readonly question: Question;
}

/** To the worker: one more chunk is wanted, or the log has grown. */
export type Notice = 'more' | 'grown';

/** From the worker: NDJSON lines; how it failed; or that there are no more. */
export type Chunk = { readonly lines: string } | { readonly error: string } | 'end';

/** The log is told to have grown at most this often. */
const growthDelayMs = 20;

export interface OpenArchive extends Archive {
  /** Ends every answer that is still being made, and resolves when no worker reads the log any more. */
  close(): Promise<void>;
}

export function openArchive(folder: string, recorder: Recorder, clock: Clock): OpenArchive {
  const closing = new AbortController();
  const open = new Set<Promise<unknown>>();
  return {
    log: (query, gone) => ask({ kind: 'log', query }, query.follow === true, gone),
    verify: (gone) => ask({ kind: 'verify' }, false, gone),
    close: async () => {
      closing.abort();
      await Promise.all(open);
    },
  };

  async function* ask(question: Question, follow: boolean, gone: AbortSignal): AsyncGenerator<string> {
    // Whatever happened before the question belongs into the answer, and must be where the worker reads.
    recorder.read(() => {});
    await recorder.commit('written');
    const ending = AbortSignal.any([gone, closing.signal]);
    const worker = openWorker('worker', import.meta.url, { folder, question } satisfies Task);
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    open.add(ended);
    const unfollow = follow ? tellGrowth((notice) => worker.postMessage(notice)) : () => {};
    try {
      for (;;) {
        worker.postMessage('more' satisfies Notice);
        const answer = await answerOf(worker, ending);
        if (answer === 'end') return;
        if ('error' in answer) throw new Error(answer.error);
        yield answer.lines;
      }
    } finally {
      unfollow();
      await worker.terminate();
      open.delete(ended);
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
        await recorder.commit('written');
        tell('grown');
      });
    });
    return () => {
      unfollow();
      cancel();
    };
  }
}

/** The next chunk of a worker; rejects when it breaks down instead, or when nobody waits any more. */
async function answerOf(worker: Worker, ending: AbortSignal): Promise<Chunk> {
  const [answer] = (await once(worker, 'message', { signal: ending })) as [Chunk];
  return answer;
}
