/**
 * What is asked of a recording by who only reads it. Two things answer: the daemon over its socket, or the recording
 * opened directly when no daemon runs. Whoever asks need not know which.
 */
import type { Refusal } from '../kernel/errno.ts';
import type { QueueView, Verification } from '../ports.ts';
import type { Entry, LogQuery } from './history.ts';
import type { ContainerView, PathView, RecordingView, TaskView } from './reads.ts';

/** What a person typed to say where; both are text as `textOf` writes it. */
export interface Place {
  /** A path, or a name. */
  readonly path: string;
  /** The name of a tree, or `all`; where it is missing our own and v2. */
  readonly tree?: string | undefined;
}

/** Who records, and where. */
export interface DaemonView {
  readonly daemonPid: number;
  readonly folder: string;
  readonly sizeBytes: number;
  readonly releaseAgent: string;
  /** How the source's queue stands; missing where it has none that could be kept. */
  readonly queue?: QueueGauge;
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
  tree(place: Place): Promise<readonly ContainerView[] | Refusal>;
  /** With `below` also the tasks in the containers below it. */
  tasks(place: Place, below: boolean): Promise<readonly TaskView[] | Refusal>;
  path(pid: number): Promise<PathView | Refusal>;
  log(query: LogQuery): AsyncIterable<Entry>;
  /** Reads and checks the whole log; `progress` is told the last sound seq now and then. */
  verify(progress: (seq: number) => void): Promise<Verification>;
  close(): Promise<void>;
}
