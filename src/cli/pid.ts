/**
 * Pids as they are typed.
 */
import { usageFailure } from './failure.ts';

const limit = 2 ** 31 - 1;

/** The number that was typed. */
export function parsePid(typed: string): number {
  const pid = /^[0-9]{1,10}$/.test(typed) ? Number(typed) : 0;
  if (pid < 1 || pid > limit) {
    throw usageFailure(`'${typed}' is no pid: a pid is a whole number from 1 to ${limit}`);
  }
  return pid;
}
