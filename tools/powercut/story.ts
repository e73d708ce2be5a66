/**
 * The story that a recording under test tells: which facts come next follows from a seed, so that whoever holds an
 * image against it needs to be told no more than how many there were.
 */

import type { Stamped } from '../../src/ports.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { randomStamped } from '../../test/support/facts.ts';

export class Story {
  readonly #random: Random;
  #timeUs: number;

  /** Goes on after a log's head. */
  constructor(seed: number, timeUs: number) {
    this.#random = seededRandom(seed);
    this.#timeUs = timeUs;
  }

  next(count: number): Stamped[] {
    const facts = randomStamped(this.#random, count, this.#timeUs);
    this.#timeUs = facts.at(-1)?.timeUs ?? this.#timeUs;
    return facts;
  }
}
