/**
 * The real clock. This file and `random.ts` are the only ones that may ask the machine for time or chance.
 */
import type { Clock } from './ports.ts';
import { checked, clocks, libc } from './system/libc.ts';

/** The machine's clocks, read exactly, and Node's timers. */
export function realClock(): Clock {
  const reading = new BigInt64Array(2);
  const microseconds = (clock: number): number => {
    checked('reading the clock', libc().clock_gettime(clock, reading));
    return Number(reading[0]) * 1_000_000 + Math.floor(Number(reading[1]) / 1000);
  };
  return {
    bootUs: () => microseconds(clocks.boottime),
    wallUs: () => microseconds(clocks.realtime),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
