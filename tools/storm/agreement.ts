/**
 * Agreement: whether the recorder and /proc know of the same tasks at this moment. The machine goes on while both are
 * read, so a task counts as left over or missing only when it is so again and again.
 */
import { setTimeout } from 'node:timers/promises';
import type { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { scanTasks } from '../../src/sources/proc.ts';

export interface Agreement {
  /** Tasks that both know. */
  readonly shared: number;
  /** In words: the tasks that only one of them knows. */
  readonly leftOver: readonly string[];
  readonly missing: readonly string[];
}

/** A task that is on its way out is known to the recorder until it is gone, and to /proc no longer. */
const looks = 10;
const lookDelayMs = 50;

/** Compares pid and process of every task. A source may be blind to a change of users. */
export async function agreementOf(reader: HttpReader): Promise<Agreement> {
  let leftOver: Set<string> | undefined;
  let missing: Set<string> | undefined;
  for (let look = 1; ; look++) {
    const before = await recordedTasks(reader);
    const existing = existingTasks();
    const after = await recordedTasks(reader);
    // Known before and after, and not there in between; there, and known neither before nor after.
    const over = [...before].filter((task) => after.has(task) && !existing.has(task));
    const unknown = [...existing].filter((task) => !before.has(task) && !after.has(task));
    leftOver = new Set(over.filter((task) => leftOver?.has(task) ?? true));
    missing = new Set(unknown.filter((task) => missing?.has(task) ?? true));
    if ((leftOver.size === 0 && missing.size === 0) || look === looks) {
      const shared = [...existing].filter((task) => after.has(task)).length;
      return { shared, leftOver: [...leftOver], missing: [...missing] };
    }
    await setTimeout(lookDelayMs);
  }
}

const ownTree = { path: '/', tree: 'tasktrail' };

async function recordedTasks(reader: HttpReader): Promise<Set<string>> {
  const containers = await reader.ask({ kind: 'tree', ...ownTree });
  if (isRefusal(containers)) throw new Error(`reading the tree: ${containers.saw}`);
  const known = new Set<string>();
  for (const { path } of containers) {
    const tasks = await reader.ask({ kind: 'tasks', ...ownTree, path });
    if (isRefusal(tasks)) throw new Error(`reading the tasks of ${path}: ${tasks.saw}`);
    for (const { pid, tgid } of tasks) known.add(nameOf(pid, tgid));
  }
  return known;
}

function existingTasks(): Set<string> {
  return new Set([...scanTasks()].map(({ pid, tgid }) => nameOf(pid, tgid)));
}

function nameOf(pid: number, tgid: number): string {
  return `task ${pid} of process ${tgid}`;
}
