/**
 * Doers: who did something, as events name them.
 */
import type { By } from '../../events/event.ts';
import type { Hierarchy } from '../../projections/hierarchy.ts';

/** Whoever did what only a look at the machine shows to be done. */
export const nobody: By = { task: 0, pid: 0, uid: 0, gid: 0 };

/** Whoever gave a command, or was seen doing something, with the id of the task if it is known. */
export function byOf(state: Hierarchy, { pid, uid, gid }: Omit<By, 'task'>): By {
  return { task: state.taskByPid(pid)?.id ?? 0, pid, uid, gid };
}
