/**
 * The thread that asks.
 */
import { readlinkSync } from 'node:fs';

/** Its id, as gettid(2) gives it. */
export function threadId(): number {
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}
