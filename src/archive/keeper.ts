/**
 * The keeper: makes out of a log's tail what is kept for good, block by block, with the lifelines of tasks, and now and
 * then a snapshot of the world behind a block. It reads and computes; who writes what it makes is for its caller to see to.
 */

import { DecodeError, RowWriter } from '../../events/rows.ts';
import { Lifelines } from '../../projections/lifelines.ts';
import { readRollDistance } from '../../projections/passages.ts';
import { type Scale, seqBefore, windowOf } from '../../projections/scale.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import type { World } from '../../projections/world.ts';
import { NotKept } from '../engine/kept.ts';
import { isLoadable, openWorld } from '../engine/openWorld.ts';
import { withChecksum } from '../log/checked.ts';
import { crc32 } from '../log/crc32.ts';
import { UnsoundLogError } from '../log/errors.ts';
import { pieceKey, snapshotKey } from '../log/keys.ts';
import type { LevelReader } from '../log/levelReader.ts';
import { lifelineScale } from '../log/lifelineScale.ts';
import { type Batch, Sealer } from '../log/sealer.ts';

/**
 * Snapshots are at least so many events apart, and so many times as many as tasks live: what they take up stays a small
 * part of the log, however large the world is.
 */
export interface Distance {
  readonly events: number;
  readonly perTask: number;
}

/** A task takes up some 24 bytes of a snapshot, which is 1.5 bytes for each of the events that are between two of them. */
export const usualDistance: Distance = { events: 100_000, perTask: 16 };

type Puts = Batch['puts'];

export class Keeper {
  readonly #sealer: Sealer;
  readonly #world: World;
  readonly #scale: Scale;
  /** Undefined in a window whose beginning is not kept any more. */
  #lifelines: Lifelines | undefined;
  readonly #distance: Distance;
  readonly #writer = new RowWriter();
  #snapshotSeq: number;

  /** Goes on where the last block, and the last snapshot, of a recording are. */
  static async open(reader: LevelReader, distance = usualDistance, scale = lifelineScale): Promise<Keeper> {
    const sealer = await Sealer.open(reader);
    const { world, lifelines } = await openWindow(reader, sealer.sealedSeq, scale);
    // One that cannot be read, of another version say, spares nobody a way.
    let snapshotSeq = 0;
    for await (const snapshot of reader.snapshots(sealer.sealedSeq)) {
      if (!isLoadable(snapshot)) continue;
      snapshotSeq = snapshot.seq;
      break;
    }
    return new Keeper(sealer, { world, lifelines }, { snapshotSeq, distance, scale });
  }

  constructor(
    sealer: Sealer,
    { world, lifelines }: Folds,
    { snapshotSeq, distance, scale }: { snapshotSeq: number; distance: Distance; scale: Scale },
  ) {
    this.#sealer = sealer;
    this.#world = world;
    this.#lifelines = lifelines;
    this.#snapshotSeq = snapshotSeq;
    this.#distance = distance;
    this.#scale = scale;
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
    for (const event of events) {
      this.#world.apply(event);
      this.#lifelines?.apply(event);
    }
    return { puts: [...puts, ...this.#pieces(sealedSeq), ...this.#snapshot(sealedSeq)], dels, sealedSeq };
  }

  /** Those of the window that ends with this event, where one does. */
  #pieces(seq: number): Puts {
    const scale = this.#scale;
    if (seq % scale.windowEvents !== 0) return [];
    const window = windowOf(seq, scale);
    const lifelines = this.#lifelines;
    if (lifelines === undefined) {
      this.#lifelines = new Lifelines(this.#world.hierarchy, window + 1, -1, scale);
      return [];
    }
    const pieces = Array.from({ length: scale.pieces }, (_, piece) => {
      return [
        pieceKey(window, piece),
        this.#valueOf((writer) => lifelines.writePiece(writer, piece)),
      ] as const;
    });
    lifelines.beginWindow();
    return pieces;
  }

  #valueOf(write: (writer: RowWriter) => void): Uint8Array {
    this.#writer.length = 0;
    write(this.#writer);
    return withChecksum(this.#writer, crc32);
  }

  #isDue(seq: number): boolean {
    const { events, perTask } = this.#distance;
    return seq - this.#snapshotSeq >= Math.max(events, perTask * this.#world.hierarchy.taskCount);
  }

  /** Of the world as it is now, where the last one is far enough behind. */
  #snapshot(seq: number): Puts {
    if (!this.#isDue(seq)) return [];
    this.#snapshotSeq = seq;
    const parts = Object.entries<Uint8Array>(this.#world.save());
    return parts.map(([name, bytes]) => [snapshotKey(seq, name), bytes] as const);
  }
}

/** What is folded beside the sealing. */
interface Folds {
  readonly world: World;
  readonly lifelines: Lifelines | undefined;
}

/** The world behind `seq`, and the lifelines of the window that goes on there, from its beginning on. */
async function openWindow(reader: LevelReader, seq: number, scale: Scale): Promise<Folds> {
  const window = windowOf(seq + 1, scale);
  // What such a window tells would lack its beginning. Whoever misses it asks the world.
  if (seqBefore(window, scale) + 1 < reader.keptFrom().seq)
    return { world: await openWorld(reader, seq), lifelines: undefined };
  try {
    return await windowAround(reader, window, seq, scale);
  } catch (error) {
    // The same where its beginning is damaged, of which whoever reads it is told, or no snapshot before it can be read.
    if (!(error instanceof UnsoundLogError || error instanceof NotKept)) throw error;
    return { world: await openWorld(reader, seq), lifelines: undefined };
  }
}

async function windowAround(reader: LevelReader, window: number, seq: number, scale: Scale): Promise<Folds> {
  const before = seqBefore(window, scale);
  const world = await openWorld(reader, before);
  const rollWindow = rollWindowBefore(window, await reader.lifelines(scale));
  const lifelines = new Lifelines(world.hierarchy, window, rollWindow, scale);
  await reader.replay(before + 1, seq, (event) => {
    world.apply(event);
    lifelines.apply(event);
  });
  return { world, lifelines };
}

/** The last window with a roll before one; -1 where the one before it does not tell. */
function rollWindowBefore(window: number, source: LifelineSource): number {
  try {
    const reader = window === 0 ? undefined : source.piece(window - 1, 0);
    return reader ? window - 1 - readRollDistance(reader) : -1;
  } catch (error) {
    // A roll that is called too early costs some bytes.
    if (!(error instanceof DecodeError)) throw error;
    return -1;
  }
}
