/**
 * The kernel's two clocks that go on from the start of the machine: BOOTTIME, and MONOTONIC, which stands still while
 * the machine is suspended (clock_gettime(2)). Some of the kernel's messages carry the one, and everything of ours the
 * other.
 */
import { checked, clocks, libc } from './libc.ts';

export interface BootClock {
  /** BOOTTIME, microseconds. */
  readonly bootUs: number;
  /** How far MONOTONIC is behind it, microseconds, exact to one or two. */
  readonly suspendedUs: number;
}

export function readBootClock(): BootClock {
  const reading = new BigInt64Array(2);
  const nanoseconds = (clock: number): bigint => {
    checked('reading the clock', libc().clock_gettime(clock, reading));
    return (reading[0] ?? 0n) * 1_000_000_000n + (reading[1] ?? 0n);
  };
  const before = nanoseconds(clocks.boottime);
  const monotonic = nanoseconds(clocks.monotonic);
  const after = nanoseconds(clocks.boottime);
  return {
    bootUs: Number(after / 1000n),
    suspendedUs: Math.round(Number((before + after) / 2n - monotonic) / 1000),
  };
}
