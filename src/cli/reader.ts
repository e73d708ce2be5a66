/**
 * What a command that only reads asks for. Two things answer: the daemon over its socket, or a recording
 * opened directly when no daemon runs. A command need not know which.
 */

import type { Entry, LogQuery } from '../engine/history.ts';
import type { ContainerView, PathView, RecordingView, TaskView } from '../engine/reads.ts';
import type { Verification } from '../engine/verify.ts';
import type { DaemonView } from '../http/api.ts';
import type { Refusal } from '../kernel/errno.ts';

/** What a person typed to say where; both are text as `textOf` writes it. */
export interface Place {
  /** A path, or a name. */
  readonly path: string;
  /** The name of a tree, or `all`; where it is missing our own and v2. */
  readonly tree?: string | undefined;
}

export interface Reader {
  /** The daemon that answers; undefined when the recording was opened directly. */
  readonly live: boolean;
  status(): Promise<RecordingView & Partial<DaemonView>>;
  tree(place: Place): Promise<readonly ContainerView[] | Refusal>;
  /** With `below` also the tasks in the containers below it. */
  tasks(place: Place, below: boolean): Promise<readonly TaskView[] | Refusal>;
  path(pid: number): Promise<PathView | Refusal>;
  log(query: LogQuery): AsyncIterable<Entry>;
  /** Reads and checks the whole log; `progress` is told the last sound seq now and then. */
  verify(progress: (seq: number) => void): Promise<Verification>;
  close(): Promise<void>;
}
