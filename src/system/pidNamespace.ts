/**
 * Pids of other pid namespaces (pid_namespaces(7)): a process in a namespace below ours has numbers of its own for
 * tasks, and the kernel tells which of ours they are.
 */
import { closeSync, openSync } from 'node:fs';
import { hasCode } from './errno.ts';
import { libc } from './libc.ts';
import { statusOfThread } from './taskStatus.ts';

/** NS_GET_PID_FROM_PIDNS (include/uapi/linux/nsfs.h), since Linux 6.11. */
const pidFromNamespace = 0x8004_b706;

/** Whether a live thread counts tasks as this process does. It does so for all of its life, or never. */
export function sharesPids(tid: number): boolean {
  return statusOfThread(tid).sharesPids;
}

/**
 * Our pid of the task that a live thread means by a number. Undefined where no such task exists, and where the kernel
 * is too old to tell.
 */
export function pidMeant(tid: number, number: number): number | undefined {
  if (sharesPids(tid)) return number;
  try {
    const namespace = openSync(`/proc/${tid}/ns/pid`, 'r');
    try {
      const pid = libc().ioctl(namespace, pidFromNamespace, number);
      return pid > 0 ? pid : undefined;
    } finally {
      closeSync(namespace);
    }
  } catch (error) {
    // The thread is gone, and with it what it meant.
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
