/**
 * Runs release agents from a worker thread: starting a program can block until its exec (a binary on a hung
 * mount), and the recorder's thread must never wait for that.
 */
import type { Worker } from 'node:worker_threads';
import type { Bytes } from '../../events/bytes.ts';
import type { AgentOutcome, AgentRunner } from '../ports.ts';
import { openWorker } from '../system/worker.ts';

/** What goes to the worker: run this, and answer under this number. */
export interface Order {
  readonly id: number;
  readonly program: Bytes;
  readonly path: Bytes;
}

/** The last word to the worker: it ends, and waits for nobody. */
export type Close = 'close';

export interface Answer {
  readonly id: number;
  readonly outcome: AgentOutcome;
}

/** How a run ends whose thread broke down: nobody can tell what became of the agent. */
const lost: AgentOutcome = { code: 0, signal: 0, error: 'EIO' };

/** A thread that breaks down ends its runs, and the next run gets a new one. */
export function openAgentRunner(open: () => Worker = openAgentWorker): AgentRunner {
  let lastId = 0;
  let current = startThread();

  function startThread(): Thread {
    const worker = open();
    const thread: Thread = { worker, waiting: new Map(), ended: false };
    worker.on('message', ({ id, outcome }: Answer) => {
      thread.waiting.get(id)?.(outcome);
      thread.waiting.delete(id);
    });
    // Its exit follows, and says what it means for us.
    worker.on('error', () => {});
    worker.once('exit', () => {
      thread.ended = true;
      for (const resolve of thread.waiting.values()) resolve(lost);
      thread.waiting.clear();
    });
    return thread;
  }

  return {
    run: (program, path) =>
      new Promise((resolve) => {
        if (current.ended) current = startThread();
        lastId += 1;
        current.waiting.set(lastId, resolve);
        current.worker.postMessage({ id: lastId, program, path } satisfies Order);
      }),
    // The agents themselves go on: they are the machine's business, not the recorder's. The worker has to end by
    // itself: it may be waiting for them, and must not be torn down then.
    close: async () => {
      const { worker, ended, waiting } = current;
      if (ended) return;
      waiting.clear();
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      worker.ref();
      worker.postMessage('close' satisfies Close);
      await exit;
    },
  };
}

interface Thread {
  readonly worker: Worker;
  /** The runs that have not been answered, by number. */
  readonly waiting: Map<number, (outcome: AgentOutcome) => void>;
  ended: boolean;
}

function openAgentWorker(): Worker {
  return openWorker('worker', import.meta.url);
}
