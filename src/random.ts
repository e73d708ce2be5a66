/**
 * Randomness, injected: a generator that a seed makes repeatable, for simulations and tests, and the
 * machine's own, for where nothing is to be repeated. Only this file touches the real one.
 */
import { getRandomValues } from 'node:crypto';

/** A stream of random choices. */
export interface Random {
  /** The next 32 bits: an integer from 0 to 2³²−1. */
  bits(): number;
  /** An integer from 0 to `limit` − 1; `limit` is from 1 to 2³². */
  below(limit: number): number;
  /** True with this probability (0–1). */
  chance(probability: number): boolean;
  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T;
}

/**
 * The stream that belongs to `seed`, an integer from 0 to 2³²−1: the same on every machine, for ever.
 * The algorithm is sfc32 (Doty-Humphrey's "small fast counting" generator, 128 bits of state); the rounds
 * thrown away at the start let neighbouring seeds part.
 */
export function seededRandom(seed: number): Random {
  let a = 0;
  let b = seed | 0;
  let c = 0x2545f491;
  let counter = 1;
  const bits = () => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let round = 0; round < 15; round++) bits();
  return randomFrom(bits);
}

/** The machine's own randomness: never the same twice. */
export const realRandom: Random = randomFrom(() => {
  const word = new Uint32Array(1);
  getRandomValues(word);
  return word[0] ?? 0;
});

function randomFrom(bits: () => number): Random {
  const below = (limit: number) => Math.floor((bits() / 2 ** 32) * limit);
  return {
    bits,
    below,
    chance: (probability) => bits() < probability * 2 ** 32,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
  };
}
