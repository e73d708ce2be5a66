/**
 * Outages: what each of them keeps of what no sync has made durable. Some keep nothing of it, some all, some whatever
 * was done up to a moment, and most keep any of it.
 */
import type { Random } from '../../src/random.ts';
import type { Keeping } from './disk.ts';
import { everything } from './file.ts';

interface Change {
  readonly at: number;
}

const all: Keeping = { ...everything, names: ({ length }) => length };
const nothing: Keeping = { sizes: () => 0, writes: () => 0, names: () => 0 };

export { all as keepsAll };

/** One outage after the operation `at`. */
export function outage(random: Random, at: number): Keeping {
  const kind = random.below(10);
  if (kind === 0) return nothing;
  if (kind === 1) return all;
  if (kind <= 4) return keepsUntil(at - random.below(Math.min(at, 1 + random.below(500)) + 1));
  return keepsAny(random);
}

function keepsUntil(last: number): Keeping {
  const count = (changes: readonly Change[]): number => changes.filter(({ at }) => at <= last).length;
  return { sizes: count, writes: count, names: count };
}

/** Keeps each sector's newest state with one probability, else any older one. */
function keepsAny(random: Random): Keeping {
  const probability = random.pick([0.05, 0.5, 0.95]);
  const some = ({ length }: readonly Change[]): number =>
    random.chance(probability) ? length : random.below(length + 1);
  return { sizes: some, writes: some, names: some };
}
