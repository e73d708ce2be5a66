/**
 * What is asked of a recording by who only reads it. Two things answer: the daemon over its socket, or the recording
 * opened directly when no daemon runs. Whoever asks need not know which.
 */
import type { Refusal } from '../kernel/errno.ts';
import type { QueueView, Verification } from '../ports.ts';
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
}

export interface MountView {
  /** As whoever mounted it named it: he may be in another mount namespace. */
  readonly mountPoint: string;
  /** The tree of containers, or for each task the path of the one that it is in. */
  readonly shown: 'tree' | 'proc';
}

/** A queue, and how fast it has filled in the last seconds. */
export interface QueueGauge extends QueueView {
  readonly bytesPerSecond: number;
}

/** Without a daemon, only the folder and its size are known of what a daemon tells. */
export type Status = RecordingView & Partial<DaemonView>;

export interface Reader {
  /** Whether it is a daemon that answers, and things go on; false where the recording was opened directly. */
  readonly live: boolean;
  status(): Promise<Status>;
  /** Asks about now. */
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q> | Refusal>;
  /** Asks about an instant of the past. Unclear where the recording has none such. */
  askPast<Q extends PastQuestion>(question: Q, instant: Instant): Promise<PastAnswer<Q> | Unclear>;
  log(query: LogQuery): AsyncIterable<Entry>;
  /** Reads and checks the whole log; `progress` is told the last sound seq now and then. */
  verify(progress: (seq: number) => void): Promise<Verification>;
  close(): Promise<void>;
}
