/**
 * Hidden tasks: whether /proc shows us only our own, as its mount option `hidepid` asks for (proc(5)).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { hasCode } from '../system/errno.ts';

/** Whether tasks of other users are hidden from this process. */
export function hidesTasks(): boolean {
  if (!isRestricted(readFileSync('/proc/self/mountinfo', 'latin1'))) return false;
  // Root is shown everything, and so is the group that the option `gid` names. Init is always somebody else's.
  try {
    readdirSync('/proc/1/task');
    return false;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EPERM', 'EACCES')) return true;
    throw error;
  }
}

/** Reads the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): whether /proc is mounted with the option. */
export function isRestricted(mountinfo: string): boolean {
  return mountinfo
    .split('\n')
    .filter((line) => line.split(' ')[4] === '/proc')
    .some((line) => /[ ,]hidepid=(?!0|off)/.test(line));
}
