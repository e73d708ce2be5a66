/**
 * The polling source: looks at /proc again and again, for where the kernel tells us nothing. What is found at one look
 * and not at another has been born or has ended in between; when, how, and what came and went unseen, nobody knows.
 */
import { readlinkSync } from 'node:fs';
import type { Clock, HierarchySeen, Observation, Source, TaskSeen } from '../ports.ts';
import { messageOf } from '../system/errno.ts';
import type { CommandLines } from './commandLines.ts';
import { hidesTasks } from './hiddenTasks.ts';
import { lookAtTask, readBootId, scanTasks } from './proc.ts';
import { SourceError } from './sourceError.ts';

export interface PollingSourceOptions {
  readonly clock: Clock;
  /** From the end of one look to the next, at least 1. */
  readonly intervalMs: number;
  /** How command lines are told; they are not, where not given. */
  readonly commandLines?: CommandLines | undefined;
}

/** Opens the source. Throws a `SourceError` where /proc does not show what is here. */
export function openPollingSource(options: PollingSourceOptions): Source {
  requireOwnProc();
  return new PollingSource(options);
}

class PollingSource implements Source {
  readonly mirrors = [];
  readonly name = 'polling';
  readonly blind: string;
  readonly bootId = readBootId();
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #commandLines: CommandLines | undefined;
  /** The tasks that the last look found: their starts by their pids. */
  #found = new Map<number, number>();
  #lookedUs: number;
  /** Somebody knows of a task that the last look has not found. */
  #isBehind = false;
  #cancelWake = (): void => {};

  constructor({ clock, intervalMs, commandLines }: PollingSourceOptions) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#commandLines = commandLines;
    this.#lookedUs = clock.bootUs();
    this.blind = blindnessOf(intervalMs);
  }

  /** Looks, where it is time to. */
  drain(see: (observation: Observation) => void): number {
    if (this.#dueMs() > 0 && !this.#isBehind) return 0;
    // A pid can be read twice, when it is another task's by the second time.
    const tasks = new Map<number, TaskSeen>();
    for (const task of this.scan()) tasks.set(task.pid, task);
    see({ type: 'looked', bootUs: this.#clock.bootUs(), tasks: [...tasks.values()] });
    return 1;
  }

  lost(): number {
    return 0;
  }

  *scan(): Generator<TaskSeen> {
    const found = new Map<number, number>();
    for (const task of scanTasks([], this.#commandLines)) {
      found.set(task.pid, task.startTicks);
      yield task;
    }
    this.#found = found;
    this.#isBehind = false;
    this.#lookedUs = this.#clock.bootUs();
  }

  hierarchies(): readonly HierarchySeen[] {
    return [];
  }

  look(pid: number): TaskSeen | undefined {
    const seen = lookAtTask(pid);
    if (seen !== undefined && this.#found.get(pid) !== seen.startTicks) this.#isBehind = true;
    return seen;
  }

  wake(callback: () => void): void {
    this.#cancelWake();
    this.#cancelWake = this.#clock.after(Math.max(1, Math.ceil(this.#dueMs())), callback);
  }

  close(): void {
    this.#cancelWake();
  }

  /** How long the next look may wait. */
  #dueMs(): number {
    return this.#intervalMs - (this.#clock.bootUs() - this.#lookedUs) / 1000;
  }
}

/** A /proc that was mounted in another pid namespace shows other pids than those that we and our clients have. */
function requireOwnProc(): void {
  try {
    const shown = readlinkSync('/proc/self');
    if (shown === String(process.pid)) return;
    throw new SourceError(
      `polling cannot be used: /proc was mounted in another pid namespace and shows this process, ${process.pid}, as ${shown}; mount one in this namespace`,
    );
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new SourceError(`polling cannot be used without /proc: ${messageOf(error)}`, { cause: error });
  }
}

/** What is not seen, in words. */
function blindnessOf(intervalMs: number): string {
  return [
    `what lives between two looks at /proc, which are ${intervalMs / 1000} s apart`,
    'when a task was born or ended, and how it ended: all that is inferred',
    'programs that are executed, but for a changed name',
    "the machine's own cgroups",
    'CPU time and memory of what exits',
    'kills for want of memory',
    ...(hidesTasks() ? ["other users' tasks, which /proc hides here (hidepid)"] : []),
  ].join('; ');
}
