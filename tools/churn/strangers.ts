/**
 * Strangers: tasks that do something, and were neither seen to be born nor read from /proc. There are machines on which
 * no tracepoint tells of what the threads of process 1 fork, nor of the end of such a thread. The recorder then has a
 * gap, and heals it; a churn can do nothing for it. So the gap is explained by whom it is about, and only if that is
 * none of the churn.
 */
import { readFileSync } from 'node:fs';
import type { GapFact } from '../../events/event.ts';
import type { Observation, Source, TaskSeen } from '../../src/ports.ts';
import { parseStat } from '../../src/sources/proc.ts';
import { PassingSource } from './passing.ts';

/** The names that tasks of a churn have, and the program that they execute. */
const churnNames = new Set(['churn', 'exe', '/proc/thread-self/exe']);

interface Stranger {
  /** Its name or program, as far as what it did tells. */
  readonly name: string;
  /** The parent of its process; undefined where it was gone by then. */
  readonly parentPid: number | undefined;
}

export class StrangerWatch extends PassingSource {
  /** The process of each task that was seen to be born or read. */
  readonly #known = new Map<number, number>();
  readonly #strangers: Map<number, Stranger>;

  /** `strangers` are kept there, by pid, so that they outlive this source. */
  constructor(source: Source, strangers: Map<number, Stranger>) {
    super(source);
    this.#strangers = strangers;
  }

  override drain(see: (observation: Observation) => void): number {
    return super.drain((observation) => {
      this.#note(observation);
      see(observation);
    });
  }

  override *scan(): Generator<TaskSeen> {
    for (const task of super.scan()) {
      this.#known.set(task.pid, task.tgid);
      yield task;
    }
  }

  #note(seen: Observation): void {
    switch (seen.type) {
      case 'fork':
        if (!this.#known.has(seen.parentPid)) this.#meet(seen.parentPid, seen.comm);
        if (this.#known.get(seen.pid) === 1) this.#strangers.set(seen.pid, threadOfInit);
        this.#known.set(seen.pid, seen.tgid);
        break;
      case 'exec':
        if (!this.#known.has(seen.oldPid)) this.#meet(seen.oldPid, seen.program);
        this.#known.delete(seen.oldPid);
        this.#known.set(seen.pid, seen.pid);
        break;
      case 'exit':
        this.#known.delete(seen.pid);
        break;
      default:
    }
  }

  #meet(pid: number, name: string): void {
    this.#strangers.set(pid, { name, parentPid: parentOf(pid) });
  }
}

const threadOfInit: Stranger = { name: 'a thread', parentPid: 1 };

export type Strangers = Map<number, Stranger>;

/** In words, whose doing a gap is; undefined where it may be the churn's or the recorder's. */
export function explanationOf(gap: GapFact, strangers: Strangers): string | undefined {
  const pid = Number(/^(?:unknown )?task (\d+)/.exec(gap.detail)?.[1]);
  const stranger = strangers.get(pid);
  if (gap.reason !== 'nonsense' || stranger === undefined) return undefined;
  const { name, parentPid } = stranger;
  if (churnNames.has(name) || (parentPid !== undefined && parentPid !== 1)) return undefined;
  return parentPid === 1 ? `${name} of process 1, born unseen` : `${name}, born unseen and gone`;
}

function parentOf(pid: number): number | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).parentPid;
  } catch {
    // It is gone, and whose it was is not known any more.
    return undefined;
  }
}
