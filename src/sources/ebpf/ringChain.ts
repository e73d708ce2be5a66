/**
 * The ring chain: the rings of successive generations, read as one queue. All but the last are whole, nothing is written
 * into them any more; each is read to its end, and then the next from its beginning (`hooks.ts` says why that is the
 * order in which things happened). Where the next one mirrors other hierarchies, an observation says so between the two.
 */
import assert from 'node:assert/strict';
import type { Observation } from '../../ports.ts';
import type { Decoder } from './decoder.ts';
import type { Generation } from './installation.ts';
import type { Ring } from './ring.ts';

/** A ring with what reads it. */
export interface ChainedRing {
  /** Names it among all rings that any machine had. */
  readonly name: string;
  readonly ring: Ring;
  readonly decoder: Decoder;
  readonly generation: Generation;
}

export class RingChain {
  /** Oldest first. */
  readonly #rings: ChainedRing[];
  readonly #isKept: boolean;
  readonly #drop: (ring: ChainedRing) => void;
  /** Which one is being read. */
  #reading = 0;

  /**
   * There is at least one. With `isKept` a ring that has been read stays until `dropBefore`. `drop` is called for each
   * that is done with; it is closed by then.
   */
  constructor(rings: readonly ChainedRing[], isKept: boolean, drop: (ring: ChainedRing) => void) {
    assert(rings.length > 0, 'a chain has a ring');
    this.#rings = [...rings];
    this.#isKept = isKept;
    this.#drop = drop;
  }

  /** The one that is being read. */
  get reading(): ChainedRing {
    return this.#at(this.#reading);
  }

  /** The one that is being written. */
  get newest(): ChainedRing {
    return this.#at(this.#rings.length - 1);
  }

  /** The newest time of all observations so far: BOOTTIME, microseconds. */
  get bootUs(): number {
    return Math.max(...this.#rings.map(({ decoder }) => decoder.bootUs));
  }

  named(name: string): ChainedRing | undefined {
    return this.#rings.find((one) => one.name === name);
  }

  /** Hands over what is queued at the call, of `limit` records at most; returns how many observations that was. */
  drain(see: (observation: Observation) => void, limit = Number.POSITIVE_INFINITY): number {
    let count = 0;
    let left = limit;
    const seeCounted = (observation: Observation): void => {
      count += 1;
      see(observation);
    };
    for (;;) {
      const { ring, decoder, generation } = this.reading;
      left -= ring.drain((words, at) => decoder.decode(words, at, seeCounted), left);
      if (this.reading === this.newest || ring.position < ring.written) return count;
      this.#reading += 1;
      tellMirrors(generation, this.reading.generation, seeCounted);
      if (!this.#isKept) this.dropBefore(this.reading);
    }
  }

  /** Goes on reading at a position of one of the rings. */
  skipTo(to: ChainedRing, position: number): void {
    this.#reading = this.#rings.indexOf(to);
    to.ring.skipTo(position);
  }

  /** All that has been read may be written over. */
  freeRead(): void {
    for (const { ring } of this.#rings.slice(0, this.#reading + 1)) ring.free(ring.position);
  }

  /** The rings before this one, which have been read, are not needed any more. */
  dropBefore(first: ChainedRing): void {
    const count = this.#rings.indexOf(first);
    assert(count <= this.#reading, 'a ring is read before it is dropped');
    this.#reading -= count;
    for (const one of this.#rings.splice(0, count)) {
      one.ring.close();
      this.#drop(one);
    }
  }

  close(): void {
    for (const { ring } of this.#rings) ring.close();
  }

  #at(index: number): ChainedRing {
    const one = this.#rings[index];
    assert(one, 'a chain has a ring');
    return one;
  }
}

function tellMirrors(before: Generation, after: Generation, see: (observation: Observation) => void): void {
  const { hierarchies, sinceUs } = after;
  const isSame =
    hierarchies.length === before.hierarchies.length &&
    hierarchies.every((one) => before.hierarchies.includes(one));
  if (!isSame) see({ type: 'mirrors', bootUs: sinceUs, hierarchies });
}
