/**
 * By-products: what was made out of a log's events and is kept beside them, snapshots, lifelines and pages of the index,
 * is held against what the events make of it now. Each can be made again, so what is wrong here is no unsoundness: most
 * of it is passed over by who reads it. But what can be read and says something else makes answers wrong.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../events/event.ts';
import { DecodeError, RowWriter } from '../../events/rows.ts';
import { Lifelines } from '../../projections/lifelines.ts';
import { readRollDistance } from '../../projections/passages.ts';
import { seqBefore, windowOf } from '../../projections/scale.ts';
import { SnapshotError } from '../../projections/snapshot.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import { World } from '../../projections/world.ts';
import { NotKept } from '../engine/kept.ts';
import { loadWorld, openWorld } from '../engine/openWorld.ts';
import { blockEvents, blockOf, firstSeqOf } from '../log/block.ts';
import { type BlockPlace, pageBlocks, writePage } from '../log/blockIndex.ts';
import { checked, withChecksum } from '../log/checked.ts';
import { crc32 } from '../log/crc32.ts';
import { isLevelDamage, UnsoundLogError } from '../log/errors.ts';
import { pageKey } from '../log/keys.ts';
import type { LevelReader } from '../log/levelReader.ts';
import { lifelineScale } from '../log/lifelineScale.ts';
import type { Byproducts } from '../log/verify.ts';
import type { Flaw, KeptSnapshot } from '../ports.ts';

export class ByproductCheck implements Byproducts {
  readonly flaws: Flaw[] = [];
  readonly #scale: typeof lifelineScale;
  #reader: LevelReader | undefined;
  #lifelineSource: LifelineSource | undefined;
  /** What the events make; undefined as long as nothing is known that they go on from. */
  #world: World | undefined;
  /** Of the window that passes; undefined where its beginning has not passed. */
  #lifelines: Lifelines | undefined;
  /** Of the blocks of the page that passes, as many as have passed. */
  #places: BlockPlace[] = [];
  #tasks = 0;
  /** Up to there the log was sealed when this began: what belongs to that must be there. */
  #sealedSeq = 0;

  constructor(scale = lifelineScale) {
    this.#scale = scale;
  }

  async begin(reader: LevelReader, firstSeq: number): Promise<void> {
    this.#reader = reader;
    this.#lifelineSource = await reader.lifelines(this.#scale);
    this.#sealedSeq = (await reader.lastBlock())?.lastSeq ?? 0;
    this.#tasks = reader.block(blockOf(firstSeq))?.head.tasksBefore ?? 0;
    this.#world = await worldBefore(reader, firstSeq);
    if (firstSeq > 1) await this.#lookAtSnapshot(firstSeq - 1);
  }

  see(event: Event): void {
    const { seq } = event;
    if ((seq - 1) % blockEvents === 0) {
      if (blockOf(seq) % pageBlocks === 0) this.#places = [];
      this.#places.push({ firstUs: event.timeUs, tasksBefore: this.#tasks });
    }
    if (event.type === 'fork' || event.type === 'adopt') this.#tasks = Math.max(this.#tasks, event.task);
    if (this.#world) this.#fold(event, this.#world);
  }

  async passed(lastSeq: number): Promise<void> {
    await this.#lookAtSnapshot(lastSeq);
    if (lastSeq % this.#scale.windowEvents === 0) this.#lookAtLifelines(windowOf(lastSeq, this.#scale));
    if (lastSeq % (pageBlocks * blockEvents) === 0) this.#lookAtPage(blockOf(lastSeq));
  }

  #fold(event: Event, world: World): void {
    try {
      if ((event.seq - 1) % this.#scale.windowEvents === 0) this.#beginWindow(event.seq, world);
      world.apply(event);
      this.#lifelines?.apply(event);
    } catch (error) {
      // A fold that meets what cannot be has no more to say.
      const why = `what happened cannot follow on what came before it (${error instanceof Error ? error.message : error})`;
      this.#add('events', event.seq, why, true);
      this.#world = undefined;
      this.#lifelines = undefined;
    }
  }

  /** A roll is called when one was: since when none was is for whoever kept this to know. */
  #beginWindow(seq: number, world: World): void {
    const window = windowOf(seq, this.#scale);
    const distance = rollDistanceOf(window, this.#lifelineSource);
    this.#lifelines =
      distance === undefined
        ? undefined
        : new Lifelines(world.hierarchy, window, distance === 0 ? -1 : window - distance, this.#scale);
  }

  async #lookAtSnapshot(seq: number): Promise<void> {
    const snapshot = await this.#reader?.snapshotAt(seq);
    if (snapshot === undefined || isNone(snapshot)) return;
    try {
      const loaded = loadWorld(snapshot);
      const differing = this.#world ? differencesOf(this.#world, loaded, snapshot) : [];
      if (differing.length > 0) {
        this.#add('snapshot', seq, `it is not what the events make (${differing.join(', ')})`, true);
      }
      this.#world ??= loaded;
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      this.#add('snapshot', seq, error.message, false);
    }
  }

  /** Where none of a window is there, its beginning was not when it was to be kept. */
  #lookAtLifelines(window: number): void {
    const values = Array.from({ length: this.#scale.pieces }, (_, piece) => this.#pieceOf(window, piece));
    if (values.every((value) => value === undefined)) return;
    const seq = seqBefore(window, this.#scale) + 1;
    for (const [piece, value] of values.entries()) {
      const name = `piece ${piece} of window ${window}`;
      if (value === undefined) this.#add('lifelines', seq, `${name} is missing`, false);
      else if (typeof value === 'string') this.#add('lifelines', seq, `${name} is damaged: ${value}`, false);
      else if (!this.#isAsFolded(piece, value)) {
        this.#add('lifelines', seq, `${name} is not what the events make`, true);
      }
    }
  }

  #isAsFolded(piece: number, value: Uint8Array): boolean {
    const lifelines = this.#lifelines;
    if (lifelines === undefined) return true;
    const writer = new RowWriter();
    lifelines.writePiece(writer, piece);
    return Buffer.from(withChecksum(writer, crc32)).equals(value);
  }

  /** The whole value; a phrase where it is not what was written. */
  #pieceOf(window: number, piece: number): Uint8Array | string | undefined {
    try {
      return this.#lifelineSource?.piece(window, piece)?.buffer;
    } catch (error) {
      if (error instanceof DecodeError) return error.message;
      throw error;
    }
  }

  #lookAtPage(lastBlock: number): void {
    const number = Math.floor(lastBlock / pageBlocks);
    const seq = firstSeqOf(number * pageBlocks);
    if (firstSeqOf(lastBlock + 1) > this.#sealedSeq + 1) return;
    const value = this.#pageValue(number);
    const isWhole = this.#places.length === pageBlocks;
    if (typeof value === 'string') this.#add('index', seq, `page ${number} is damaged: ${value}`, false);
    else if (value === undefined) {
      if (isWhole) this.#add('index', seq, `page ${number} is missing`, false);
    } else if (isWhole && !Buffer.from(writePage(this.#places, crc32)).equals(value)) {
      this.#add('index', seq, `page ${number} is not what the blocks say`, true);
    }
  }

  #pageValue(number: number): Uint8Array | string | undefined {
    try {
      const value = this.#reader?.store.level.getSync(pageKey(number));
      if (value) checked(value, crc32);
      return value;
    } catch (error) {
      if (error instanceof DecodeError || isLevelDamage(error)) return error.message;
      throw error;
    }
  }

  /** What is removed while this goes on is not missed. */
  #add(kind: Flaw['kind'], seq: number, why: string, misleads: boolean): void {
    const keptSeq = this.#reader?.keptFrom().seq ?? 1;
    if (kind !== 'events' && seq + 1 < keptSeq) return;
    this.flaws.push({ kind, seq, why, misleads });
  }
}

/** Undefined where nothing that can be read tells of it. */
async function worldBefore(reader: LevelReader, firstSeq: number): Promise<World | undefined> {
  if (firstSeq === 1) return new World();
  try {
    return await openWorld(reader, firstSeq - 1);
  } catch (error) {
    if (error instanceof NotKept || error instanceof UnsoundLogError) return undefined;
    throw error;
  }
}

/** How far before a window the last roll was; undefined where nothing is kept of it. */
function rollDistanceOf(window: number, source: LifelineSource | undefined): number | undefined {
  try {
    const reader = source?.piece(window, 0);
    return reader && readRollDistance(reader);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function isNone({ parts, unreadable }: KeptSnapshot): boolean {
  return unreadable === undefined && Object.keys(parts).length === 0;
}

/** The names of the projections that are not as they were folded. */
function differencesOf(folded: World, loaded: World, { parts }: KeptSnapshot): readonly string[] {
  const saved = Object.entries<Uint8Array>(folded.save());
  const others = saved.filter(([name, bytes]) => !Buffer.from(bytes).equals(parts[name] ?? Buffer.of()));
  if (others.length === 0) return [];
  // The same may have been written in another order.
  const [one, other] = [folded.dump(), loaded.dump()];
  return others.map(([name]) => name).filter((name) => !isDeepStrictEqual(one[name], other[name]));
}
