/**
 * The archivist's side of the recorder: it wakes the thread that turns the log's tail into what is kept, when there is
 * enough of it, and now and then has it remove what may not be kept any longer; and it has the log write what that thread
 * makes. Nobody waits for any of it but a close. Where nothing can be kept for good, the tail grows until the next start, and
 * retention goes on for as long as the thread does.
 */
import type { Worker } from 'node:worker_threads';
import type { Situation } from '../log/retention.ts';
import type { Batch } from '../log/sealer.ts';
import type { Clock } from '../ports.ts';
import { openWorker } from '../system/worker.ts';

/** What the thread is told: the log has grown; what may be kept; what it made is stored; or that it is to end. */
export type Notice = 'grown' | { readonly retain: Situation } | 'stored' | 'end';

/** What the thread tells: something to be stored; what retention came to; that it has nothing to do; or how it failed. */
export type Told = Batch | { readonly retained: Retained } | 'idle' | { readonly error: string };

/** What became of the limits. */
export interface Retained {
  /** An open release holds up what they ask for. */
  readonly isHeld: boolean;
  /** Those up to this seq have done so for too long. */
  readonly staleSeq?: number;
}

/** The log, as far as this reads and writes it. */
export interface Shelf {
  readonly folder: string;
  readonly seq: number;
  readonly sealedSeq: number;
  store(batch: Batch): Promise<void>;
}

export interface Retention {
  /** As it is now; undefined where there is no limit. */
  situation(): Situation | undefined;
  /** Open releases up to this seq are not waited for any longer. */
  giveUp(seq: number): void;
}

export interface ArchivistOptions {
  readonly log: Shelf;
  readonly clock: Clock;
  /** Calls back after each event that is appended; returns what ends it. */
  follow(grown: () => void): () => void;
  /** What is kept, and for how long. */
  readonly retention: Retention;
  /** Nothing can be kept for good, as when what was read is not what was recorded. Called once. */
  onFailure(error: Error): void;
  readonly open?: (folder: string) => Worker;
}

/** So many events are left in the tail before anything is done. */
const worthwhileEvents = 4096;
/** The thread is woken at most this often. */
const wakeDelayMs = 500;
/** The limits are looked at as often, and soon after the start. */
const retainDelayMs = 5 * 60 * 1000;
const firstRetainDelayMs = 10_000;

export interface Archivist {
  /** An open release holds up retention, as it was when that was last looked at. */
  readonly isHeld: boolean;
  /** Why nothing is kept for good any more, in words; empty while all is well. */
  readonly failure: string;
  /** Resolves when the thread has stored what it was at, and reads the log no more. */
  close(): Promise<void>;
}

export function openArchivist(options: ArchivistOptions): Archivist {
  const { log, clock, retention, onFailure, open = openArchivistWorker } = options;
  let worker: Worker | undefined;
  let exit: Promise<unknown> = Promise.resolve();
  let isBusy = false;
  let cancel: (() => void) | undefined;
  let closing = false;
  let isRetentionDue = false;
  let isHeld = false;
  let failure = '';
  let isDead = false;

  const unfollow = options.follow(() => {
    cancel ??= clock.after(wakeDelayMs, wake);
  });
  let cancelRetention = clock.after(firstRetainDelayMs, retain);
  wake();
  return {
    get isHeld() {
      return isHeld;
    },
    get failure() {
      return failure;
    },
    close,
  };

  function wake(): void {
    cancel = undefined;
    if (closing || isBusy || isDead) return;
    const notice = work();
    if (notice === undefined) return;
    isBusy = true;
    worker ??= start();
    tell(notice);
  }

  function work(): Notice | undefined {
    const situation = isRetentionDue && log.sealedSeq > 0 ? retention.situation() : undefined;
    isRetentionDue = false;
    if (situation) return { retain: situation };
    return failure !== '' || log.seq - log.sealedSeq < worthwhileEvents ? undefined : 'grown';
  }

  function retain(): void {
    isRetentionDue = true;
    cancelRetention = clock.after(retainDelayMs, retain);
    wake();
  }

  function start(): Worker {
    const started = open(log.folder);
    started.on('message', (told: Told) => void take(told));
    started.on('error', fail);
    started.once('exit', () => {
      isDead = true;
      fail(new Error('the thread that does it has ended'));
    });
    exit = new Promise((resolve) => started.once('exit', resolve));
    return started;
  }

  async function take(told: Told): Promise<void> {
    if (told === 'idle') {
      isBusy = false;
      if (isRetentionDue) wake();
      return;
    }
    if ('retained' in told) {
      isHeld = told.retained.isHeld;
      if (told.retained.staleSeq !== undefined) retention.giveUp(told.retained.staleSeq);
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
    if (closing || failure !== '') return;
    failure = error.message;
    onFailure(error);
  }

  async function close(): Promise<void> {
    closing = true;
    unfollow();
    cancel?.();
    cancelRetention();
    // From here on somebody waits for it, and the process has to live that long.
    worker?.ref();
    tell('end');
    await exit;
  }
}

function openArchivistWorker(folder: string): Worker {
  return openWorker('archivistWorker', import.meta.url, folder);
}
