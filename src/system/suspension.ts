/**
 * How long the machine has been suspended since it was started: what BOOTTIME counts and MONOTONIC does not
 * (clock_gettime(2)). Some of the kernel's messages carry the one, and everything of ours the other.
 */
import { checked, clocks, libc } from './libc.ts';

/** Microseconds, exact to one or two. */
export function suspendedUs(): number {
  const reading = new BigInt64Array(2);
  const nanoseconds = (clock: number): bigint => {
    checked('reading the clock', libc().clock_gettime(clock, reading));
    return (reading[0] ?? 0n) * 1_000_000_000n + (reading[1] ?? 0n);
  };
  const before = nanoseconds(clocks.boottime);
  const monotonic = nanoseconds(clocks.monotonic);
  const after = nanoseconds(clocks.boottime);
  return Math.round(Number((before + after) / 2n - monotonic) / 1000);
}
