/**
 * Runs release agents from a worker thread: starting a program can block until its exec (a binary on a hung
 * mount), and the recorder's thread must never wait for that.
 */
import { once } from 'node:events';
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

export function openAgentRunner(): AgentRunner {
  const worker = openWorker('worker', import.meta.url);
  const waiting = new Map<number, (outcome: AgentOutcome) => void>();
  let lastId = 0;
  worker.on('message', ({ id, outcome }: Answer) => {
    waiting.get(id)?.(outcome);
    waiting.delete(id);
  });
  return {
    run: (program, path) =>
      new Promise((resolve) => {
        lastId += 1;
        waiting.set(lastId, resolve);
        worker.postMessage({ id: lastId, program, path } satisfies Order);
      }),
    // The agents themselves go on: they are the machine's business, not the recorder's. The worker has to end by
    // itself: it may be waiting for them, and must not be torn down then.
    close: async () => {
      const ended = once(worker, 'exit');
      worker.ref();
      worker.postMessage('close' satisfies Close);
      await ended;
    },
  };
}
