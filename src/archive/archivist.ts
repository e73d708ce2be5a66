/**
 * The archivist's side of the recorder: it wakes the thread that turns the log's tail into what is kept, when there is
 * enough of it, and has the log write what that thread makes. Nobody waits for any of it but a close.
 */
import type { Worker } from 'node:worker_threads';
import type { Batch } from '../log/sealer.ts';
import type { Clock } from '../ports.ts';
import { openWorker } from '../system/worker.ts';

/** What the thread is told: the log has grown; what it made is stored; or that it is to end. */
export type Notice = 'grown' | 'stored' | 'end';

/** What the thread tells: something to be stored; that it has nothing to do; or how it failed. */
export type Told = Batch | 'idle' | { readonly error: string };

/** The log, as far as this reads and writes it. */
export interface Shelf {
  readonly folder: string;
  readonly seq: number;
  readonly sealedSeq: number;
  store(batch: Batch): Promise<void>;
}

export interface ArchivistOptions {
  readonly log: Shelf;
  readonly clock: Clock;
  /** Calls back after each event that is appended; returns what ends it. */
  follow(grown: () => void): () => void;
  /** The thread cannot go on: what it read is not what was recorded. Called once. */
  onFailure(error: Error): void;
  readonly open?: (folder: string) => Worker;
}

/** So many events are left in the tail before anything is done. */
const worthwhileEvents = 4096;
/** The thread is woken at most this often. */
const wakeDelayMs = 500;

export interface Archivist {
  /** Resolves when the thread has stored what it was at, and reads the log no more. */
  close(): Promise<void>;
}

export function openArchivist(options: ArchivistOptions): Archivist {
  const { log, clock, onFailure, open = openArchivistWorker } = options;
  let worker: Worker | undefined;
  let exit: Promise<unknown> = Promise.resolve();
  let isBusy = false;
  let cancel: (() => void) | undefined;
  let closing = false;

  const unfollow = options.follow(() => {
    cancel ??= clock.after(wakeDelayMs, wake);
  });
  wake();
  return { close };

  function wake(): void {
    cancel = undefined;
    if (closing || isBusy || log.seq - log.sealedSeq < worthwhileEvents) return;
    isBusy = true;
    worker ??= start();
    tell('grown');
  }

  function start(): Worker {
    const started = open(log.folder);
    started.on('message', (told: Told) => void take(told));
    started.on('error', fail);
    exit = new Promise((resolve) => started.once('exit', resolve));
    return started;
  }

  async function take(told: Told): Promise<void> {
    if (told === 'idle') {
      isBusy = false;
      return;
    }
    if ('error' in told) {
      fail(new Error(told.error));
      return;
    }
    try {
      await log.store(told);
    } catch {
      // The log has failed, and its owner knows. The thread waits for an answer until it is told to end.
      return;
    }
    tell('stored');
  }

  function tell(notice: Notice): void {
    worker?.postMessage(notice);
  }

  function fail(error: Error): void {
    if (!closing) onFailure(error);
  }

  async function close(): Promise<void> {
    closing = true;
    unfollow();
    cancel?.();
    // From here on somebody waits for it, and the process has to live that long.
    worker?.ref();
    tell('end');
    await exit;
  }
}

function openArchivistWorker(folder: string): Worker {
  return openWorker('archivistWorker', import.meta.url, folder);
}
