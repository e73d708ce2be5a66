/**
 * What is asked of a recording by who only reads it. Two things answer: the daemon over its socket, or the recording
 * opened directly when no daemon runs. Whoever asks need not know which.
 */
import type { Refusal } from '../kernel/errno.ts';
import type { Noted, QueueView, Verification } from '../ports.ts';
import type { HeadView } from './head.ts';
import type { Entry, LogQuery } from './history.ts';
import type { Instant, Unclear } from './instant.ts';
import type { PastAnswer, PastQuestion } from './past.ts';
import type { AnswerTo, Question, RecordingView } from './reads.ts';

/** Who records, and where. */
export interface DaemonView {
  readonly daemonPid: number;
  readonly folder: string;
  readonly sizeBytes: number;
  /** How the source's queue stands; missing where it has none that could be kept. */
  readonly queue?: QueueGauge;
  /** What it shows as a filesystem, and where. */
  readonly mounts: readonly MountView[];
  readonly retention: RetentionView;
  readonly keptFrom?: KeptView;
  /** The disk is full, and nothing is recorded until there is room; missing where it is not. */
  readonly isFull?: true;
  /** Why what is recorded is not sealed, nor its beginning removed, until the next start; missing while that goes on. */
  readonly unsealed?: string;
  /** The folders in the recording's own, the oldest first, that hold what was not sound of it once; missing: none. */
  readonly setAside?: readonly string[];
}

export interface MountView {
  /** As whoever mounted it named it: he may be in another mount namespace. */
  readonly mountPoint: string;
  /** The tree of containers, or for each task the path of the one that it is in. */
  readonly shown: 'tree' | 'proc';
}

/** What may be kept of the recording; what is absent is no limit. */
export interface RetentionView {
  readonly ageMs?: number;
  readonly sizeBytes?: number;
  /** Where that is so for the size of the filesystem: the share of it, from 0 to 1. */
  readonly sizeShare?: number;
  /** What is left free of the filesystem. */
  readonly freeBytes?: number;
  readonly freeShare?: number;
  /** A release that is not settled holds it up. */
  readonly isHeld: boolean;
}

/** Where what is kept of the recording begins, once its beginning has been removed. */
export interface KeptView {
  readonly seq: number;
  readonly time: string;
}

/** A queue, and how fast it has filled in the last seconds. */
export interface QueueGauge extends QueueView {
  readonly bytesPerSecond: number;
}

/** Without a daemon, only the folder, its size and what is kept are known of what a daemon tells. */
export type Status = RecordingView & Partial<DaemonView>;

/** What of a log is to be checked, and against what. */
export interface VerifyQuery {
  /** A head that was noted: the log must have passed it. */
  readonly expect?: Noted;
  /** Begins at the checkpoint before this instant instead of at the first event. */
  readonly since?: Instant;
}

export interface Reader {
  /** Whether it is a daemon that answers, and things go on; false where the recording was opened directly. */
  readonly live: boolean;
  status(): Promise<Status>;
  /** Asks about now. */
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q> | Refusal>;
  /** Asks about an instant of the past. Unclear where the recording has none such. */
  askPast<Q extends PastQuestion>(question: Q, instant: Instant): Promise<PastAnswer<Q> | Unclear>;
  log(query: LogQuery): AsyncIterable<Entry>;
  /** Where the log ends; of a daemon, everything that had happened when it was asked is on disk. */
  head(): Promise<HeadView>;
  /** Reads and checks the log, all of it unless less is asked for; `progress` is told the last sound seq now and then. */
  verify(progress: (seq: number) => void, query?: VerifyQuery): Promise<Verification>;
  /** The bytes of an export file. Whether they are whole is for their reader to see. */
  export(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
