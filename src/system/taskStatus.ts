/**
 * What /proc says of a thread beside what its messages say (proc_pid_status(5)): its groups, and whether it counts
 * tasks as this process does.
 */
import { readFileSync } from 'node:fs';
import { hasCode } from './errno.ts';

export interface ThreadStatus {
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** It is in our pid namespace, and not in one below. */
  readonly sharesPids: boolean;
}

/** A thread that is gone is in no groups, and shares nothing. */
export function statusOfThread(tid: number): ThreadStatus {
  try {
    return parseStatus(readFileSync(`/proc/${tid}/status`, 'latin1'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return { groups: [], sharesPids: false };
    throw error;
  }
}

function parseStatus(text: string): ThreadStatus {
  return {
    groups: numbersOf(text, 'Groups'),
    // A number for each namespace from ours down to its own.
    sharesPids: numbersOf(text, 'NSpid').length === 1,
  };
}

function numbersOf(text: string, field: string): number[] {
  const [, line = ''] = new RegExp(`^${field}:(.*)$`, 'm').exec(text) ?? [];
  return line.split(/\s+/).filter(Boolean).map(Number);
}
