/**
 * Quiet: measurements that have the machine to themselves. A run waits until nobody else is busy, and is done again
 * where somebody was busy in it after all.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';

export interface Run {
  /** Processor time that the run itself used, whoever spent it, in microseconds. */
  readonly ownUs: number;
  /** Something came in between that has nothing to do with what is measured. */
  readonly disturbed?: boolean;
}

/** What the kernel's own threads may take of all processors: a storm gives them a twentieth to do. */
const othersShare = 0.08;
const attempts = 4;
const probeMs = 500;
const usPerTick = 10_000;

export class Quiet {
  readonly #patienceMs: number;
  /** How many runs were taken as they were, because the machine would not be quiet. */
  disturbed = 0;

  /** A run waits for a quiet machine at most this long, each time it is tried; 0 does not even look. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  async run<R extends Run>(run: () => Promise<R>): Promise<R> {
    for (let left = attempts; ; left--) {
      const still = await this.#stillness();
      const [result, share] = await withOthersShare(run);
      if (share <= othersShare && result.disturbed !== true) return result;
      // Where the machine would not be still at all, nobody waits for that again.
      if (left > 1 && (still || result.disturbed === true)) continue;
      this.disturbed += 1;
      return result;
    }
  }

  /** True when nobody is busy, false when that would take too long. */
  async #stillness(): Promise<boolean> {
    if (this.#patienceMs === 0) return false;
    const endMs = performance.now() + this.#patienceMs;
    do {
      const [, share] = await withOthersShare(() => setTimeout(probeMs, { ownUs: 0 }));
      if (share <= othersShare) return true;
    } while (performance.now() < endMs);
    return false;
  }
}

/** What a run comes to, and the part (0–1) of all processors that others used meanwhile. */
async function withOthersShare<R extends Run>(run: () => Promise<R>): Promise<[R, number]> {
  const before = { busyUs: busyUs(), ms: performance.now() };
  const result = await run();
  const availableUs = (performance.now() - before.ms) * 1000 * availableParallelism();
  return [result, (busyUs() - before.busyUs - result.ownUs) / availableUs];
}

/** Processor time that all of the machine has used since it was started: neither idle nor waiting (proc_stat(5)). */
function busyUs(): number {
  const [firstLine = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const [, user, nice, system, , , interrupts, softInterrupts, stolen] = firstLine.split(/\s+/).map(Number);
  const ticks = [user, nice, system, interrupts, softInterrupts, stolen];
  return ticks.reduce<number>((sum, part) => sum + (part ?? 0), 0) * usPerTick;
}
