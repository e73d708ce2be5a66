/**
 * Restarts: one daemon is stopped or killed and another follows it, as chance has it, and it is counted what became of
 * them.
 */
import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../src/random.ts';
import type { SuccessiveDaemons } from './successive.ts';

/** How many daemons were stopped in order, killed while they recorded, and killed while they started. */
export interface Restarts {
  readonly stops: number;
  readonly kills: number;
  readonly earlyKills: number;
}

const longestStartMs = 500;
const longestPauseMs = 200;

export class Restarter {
  readonly counts = { stops: 0, kills: 0, earlyKills: 0 };
  readonly #daemons: SuccessiveDaemons;
  readonly #random: Random;
  readonly #asked: () => readonly string[];
  #rounds = 0;

  /** `asked` gives the options of the next daemon, beside those of all. */
  constructor(daemons: SuccessiveDaemons, random: Random, asked: () => readonly string[] = () => []) {
    this.#daemons = daemons;
    this.#random = random;
    this.#asked = asked;
  }

  /** Half of them are stops; of the kills, some hit one that has not begun yet. Resolves when the next one records. */
  async next(): Promise<void> {
    const daemons = this.#daemons;
    const random = this.#random;
    if (this.#rounds % 2 === 0) {
      await daemons.down();
      this.counts.stops += 1;
    } else {
      await daemons.kill();
      this.counts.kills += 1;
    }
    this.#rounds += 1;
    await setTimeout(random.below(longestPauseMs));
    if (random.chance(0.3)) {
      await daemons.start(this.#asked(), random.below(longestStartMs));
      await daemons.kill();
      this.counts.earlyKills += 1;
    }
    await daemons.start(this.#asked());
  }
}
