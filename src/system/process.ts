/**
 * Other processes: whether one still runs.
 */
import { readFileSync } from 'node:fs';
import { hasCode } from './errno.ts';

/** Whether there is a process of this pid that has not ended; one whose parent has not asked for it yet has. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The state stands behind the name, which may hold anything.
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}
