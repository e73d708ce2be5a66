/**
 * Latency: how long the recording thread takes from an event to its being written, with nothing else going on and with
 * a history that goes through the whole log on a thread beside it.
 */
import { setTimeout } from 'node:timers/promises';
import type { Chunk, Task } from '../../../src/archive/archive.ts';
import { openLevelLog } from '../../../src/log/openLog.ts';
import type { EventLog } from '../../../src/ports.ts';
import { openWorker } from '../../../src/system/worker.ts';
import { quantileOf } from '../table.ts';
import type { LongLog } from './long.ts';

/** 99 of 100 took no longer, microseconds. */
export interface CaptureLatency {
  readonly idleUs: number;
  readonly busyUs: number;
}

const pauseMs = 2;
const eventsAtOnce = 10;
/** Each query goes through so many entries, which is more than a second's work. */
const heavyLimit = 200_000;
const archive = new URL('../../../src/archive/archive.ts', import.meta.url).href;

/** Each of the four turns, two of either kind, takes so many seconds. */
export async function captureLatency({ folder }: LongLog, seconds: number): Promise<CaptureLatency> {
  const log = await openLevelLog({ folder });
  try {
    const idle: number[] = [];
    const busy: number[] = [];
    for (const isBusy of [false, true, true, false]) {
      const query = isBusy ? new Query(folder) : undefined;
      if (query) await query.begun;
      (isBusy ? busy : idle).push(...(await capture(log, seconds)));
      await query?.end();
    }
    return { idleUs: quantileOf(idle, 0.99), busyUs: quantileOf(busy, 0.99) };
  } finally {
    await log.close();
  }
}

async function capture(log: EventLog, seconds: number): Promise<number[]> {
  const taken: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    await setTimeout(pauseMs);
    const startMs = performance.now();
    const fact = { type: 'stall', lengthUs: 1 } as const;
    const { timeUs } = log.head;
    log.append(Array.from({ length: eventsAtOnce }, () => ({ fact, timeUs, skewUs: 0 })));
    await log.commit('written');
    taken.push((performance.now() - startMs) * 1000);
  }
  return taken;
}

/** The archive's own thread, asked for much of the log again and again. */
class Query {
  readonly begun: Promise<void>;
  #asking: Promise<void>;
  #ended = false;

  constructor(folder: string) {
    const task: Task = {
      folder,
      errand: { kind: 'log', query: { limit: heavyLimit } },
    };
    const { promise, resolve } = withResolver();
    this.begun = promise;
    this.#asking = this.#ask(task, resolve);
  }

  /** Resolves when no thread reads the log any more. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#asking;
  }

  async #ask(task: Task, begun: () => void): Promise<void> {
    while (!this.#ended) {
      const worker = openWorker('worker', archive, task);
      await new Promise<void>((resolve, reject) => {
        worker.once('error', reject).once('online', begun);
        worker.on('message', (chunk: Chunk) => {
          if (chunk === 'end') resolve();
          else if ('error' in chunk) reject(new Error(chunk.error));
          else worker.postMessage('more');
        });
        worker.postMessage('more');
      });
      await worker.terminate();
    }
  }
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
