/**
 * The keeper: makes out of a log's tail what is kept for good, block by block, and now and then a snapshot of the world
 * behind a block. It reads and computes; who writes what it makes is for its caller to see to.
 */

import type { World } from '../../projections/world.ts';
import { openWorld } from '../engine/openWorld.ts';
import { snapshotKey } from '../log/keys.ts';
import type { LevelReader } from '../log/levelReader.ts';
import { type Batch, Sealer } from '../log/sealer.ts';

/**
 * Snapshots are at least so many events apart, and so many times as many as tasks live: what they take up stays a small
 * part of the log, however large the world is.
 */
export interface Distance {
  readonly events: number;
  readonly perTask: number;
}

export const usualDistance: Distance = { events: 100_000, perTask: 8 };

export class Keeper {
  readonly #sealer: Sealer;
  readonly #world: World;
  readonly #distance: Distance;
  #snapshotSeq: number;

  /** Goes on where the last block, and the last snapshot, of a recording are. */
  static async open(reader: LevelReader, distance = usualDistance): Promise<Keeper> {
    const sealer = await Sealer.open(reader);
    const world = await openWorld(reader, sealer.sealedSeq);
    let snapshotSeq = 0;
    for await (const { seq } of reader.snapshots(sealer.sealedSeq)) {
      snapshotSeq = seq;
      break;
    }
    return new Keeper(sealer, world, snapshotSeq, distance);
  }

  constructor(sealer: Sealer, world: World, snapshotSeq: number, distance: Distance) {
    this.#sealer = sealer;
    this.#world = world;
    this.#snapshotSeq = snapshotSeq;
    this.#distance = distance;
  }

  get sealedSeq(): number {
    return this.#sealer.sealedSeq;
  }

  /**
   * What is to be written next, in one piece; undefined while the tail has not enough. What was given out before must be
   * written by then.
   */
  async next(): Promise<Batch | undefined> {
    const sealing = await this.#sealer.next();
    if (sealing === undefined) return undefined;
    const { events, puts, dels, sealedSeq } = sealing;
    for (const event of events) this.#world.apply(event);
    if (!this.#isDue(sealedSeq)) return { puts, dels, sealedSeq };
    this.#snapshotSeq = sealedSeq;
    return { puts: [...puts, ...this.#snapshot(sealedSeq)], dels, sealedSeq };
  }

  #isDue(seq: number): boolean {
    const { events, perTask } = this.#distance;
    return seq - this.#snapshotSeq >= Math.max(events, perTask * this.#world.hierarchy.taskCount);
  }

  #snapshot(seq: number): Batch['puts'] {
    const parts = Object.entries<Uint8Array>(this.#world.save());
    return parts.map(([name, bytes]) => [snapshotKey(seq, name), bytes] as const);
  }
}
