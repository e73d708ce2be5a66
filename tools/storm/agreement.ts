/**
 * Agreement: whether the recorder and somebody else say the same of this moment, such as which tasks there are. The
 * machine goes on while both are read, so what only one of them says counts only when it is so again and again.
 */
import { setTimeout } from 'node:timers/promises';
import type { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { scanTasks } from '../../src/sources/proc.ts';

export interface Agreement {
  /** How much both say. */
  readonly shared: number;
  /** In words: what only the recorder says, or does not say. */
  readonly leftOver: readonly string[];
  readonly missing: readonly string[];
}

/** What is said at one moment, a sentence each. */
export type Said = ReadonlySet<string>;

/** A task that is on its way out is known to the recorder until it is gone, and to /proc no longer. */
const looks = 10;
const lookDelayMs = 50;

/** Compares pid and process of every task with /proc. A source may be blind to a change of users. */
export function agreementOf(reader: HttpReader): Promise<Agreement> {
  return agreement(() => recordedTasks(reader), existingTasks);
}

/** Compares what the recorder says with what others do. */
export async function agreement(
  recorded: () => Promise<Said>,
  existing: () => Said | Promise<Said>,
): Promise<Agreement> {
  let leftOver: Set<string> | undefined;
  let missing: Set<string> | undefined;
  for (let look = 1; ; look++) {
    const before = await recorded();
    const between = await existing();
    const after = await recorded();
    // Said before and after, and not so in between; so, and said neither before nor after.
    const over = [...before].filter((one) => after.has(one) && !between.has(one));
    const unknown = [...between].filter((one) => !before.has(one) && !after.has(one));
    leftOver = new Set(over.filter((one) => leftOver?.has(one) ?? true));
    missing = new Set(unknown.filter((one) => missing?.has(one) ?? true));
    if ((leftOver.size === 0 && missing.size === 0) || look === looks) {
      const shared = [...between].filter((one) => after.has(one)).length;
      return { shared, leftOver: [...leftOver], missing: [...missing] };
    }
    await setTimeout(lookDelayMs);
  }
}

async function recordedTasks(reader: HttpReader): Promise<Said> {
  const tasks = await reader.ask({ kind: 'tasks', path: '/', tree: 'tasktrail', below: true });
  if (isRefusal(tasks)) throw new Error(`reading the tasks: ${tasks.saw}`);
  return new Set(tasks.map(({ pid, tgid }) => nameOf(pid, tgid)));
}

function existingTasks(): Said {
  return new Set([...scanTasks()].map(({ pid, tgid }) => nameOf(pid, tgid)));
}

function nameOf(pid: number, tgid: number): string {
  return `task ${pid} of process ${tgid}`;
}
