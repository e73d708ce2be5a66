/**
 * Retention: how much of a recording's beginning is to go, for its age, its size, or the room that others need. It
 * reads and decides, on any thread, and removes nothing.
 *
 * A recording can only begin in a block, and right behind a snapshot. So of what is too old a little more is kept than
 * the limit says, and of what is too large a little less.
 */
import type { KeptSnapshot } from '../ports.ts';
import { blockOf, firstSeqOf } from './block.ts';
import { UnsoundLogError } from './errors.ts';
import { blockKey, endOfKeys } from './keys.ts';
import type { LevelReader } from './levelReader.ts';

/** What may be kept; what is absent is no limit. */
export interface Limits {
  /** What happened longer ago goes. */
  readonly ageUs?: number;
  /** The recording takes no more than this. */
  readonly sizeBytes?: number;
  /** So much of the filesystem is left to others. */
  readonly freeBytes?: number;
}

export type LimitName = 'age' | 'size' | 'free';

export interface Disk {
  /** What may still be written to the filesystem. */
  readonly freeBytes: number;
  /** What the files of the recording take. */
  readonly recordingBytes: number;
}

export interface Situation {
  /** Wall-clock. */
  readonly nowUs: number;
  readonly limits: Limits;
  readonly disk: Disk;
  /** The seq of the first release that is not settled; it is kept for a while beyond the limits. */
  readonly openRelease?: number;
}

export interface Plan {
  /** Where the recording is to begin, and for which limit. */
  readonly cut?: { readonly firstSeq: number; readonly limit: LimitName };
  /** The open release holds up what a limit asks for. */
  readonly isHeld: boolean;
  /** Open releases up to this seq have held it up for too long. */
  readonly staleSeq?: number;
}

/** How far beyond each limit an open release may hold it up. */
const heldAgeUs = 7 * 86_400_000_000;
const heldSizes = 1.5;
const heldFree = 0.5;
/**
 * LevelDB takes more room than what is in it: its log files, and what it has not given back yet. Up to this that counts
 * as the recording's own; what is more is on its way back, and nothing is removed for it.
 */
const workingBytes = 64 * 1024 * 1024;

/** What is to go now. `isUsable` tells whether what is kept can begin behind a snapshot, so that nothing else is needed. */
export async function planCut(
  reader: LevelReader,
  situation: Situation,
  isUsable: (snapshot: KeptSnapshot) => boolean,
): Promise<Plan> {
  const { limits, openRelease } = situation;
  const planner = await Planner.open(reader, situation);
  const soft = await planner.target(limits);
  if (soft === undefined) return { isHeld: false };
  const isHeld = openRelease !== undefined && openRelease < soft.firstSeq;
  if (isHeld) {
    const hard = await planner.target(heldLimits(limits));
    if (hard && openRelease < hard.firstSeq) return { isHeld, staleSeq: hard.firstSeq - 1 };
  }
  const lastSeq = isHeld ? openRelease : soft.firstSeq;
  const firstSeq = await planner.lastUsable(lastSeq, isUsable);
  return { isHeld, ...(firstSeq !== undefined && { cut: { firstSeq, limit: soft.limit } }) };
}

function heldLimits({ ageUs, sizeBytes, freeBytes }: Limits): Limits {
  return {
    ...(ageUs !== undefined && { ageUs: ageUs + heldAgeUs }),
    ...(sizeBytes !== undefined && { sizeBytes: sizeBytes * heldSizes }),
    ...(freeBytes !== undefined && { freeBytes: freeBytes * heldFree }),
  };
}

interface Target {
  readonly firstSeq: number;
  readonly limit: LimitName;
}

class Planner {
  readonly #reader: LevelReader;
  readonly #situation: Situation;
  readonly #keptSeq: number;
  /** Where the recording can begin instead, ascending. */
  readonly #places: readonly number[];

  static async open(reader: LevelReader, situation: Situation): Promise<Planner> {
    const { firstSeq } = reader.origin();
    const sealedSeq = (await reader.lastBlock())?.lastSeq ?? 0;
    const places = (await reader.snapshotSeqs()).map((seq) => seq + 1);
    const possible = places.filter((place) => place > firstSeq && place <= sealedSeq);
    return new Planner(reader, situation, firstSeq, possible);
  }

  constructor(reader: LevelReader, situation: Situation, keptSeq: number, places: readonly number[]) {
    this.#reader = reader;
    this.#situation = situation;
    this.#keptSeq = keptSeq;
    this.#places = places;
  }

  /** Where limits have the recording begin; undefined where they are kept to, or nothing can be done. */
  async target(limits: Limits): Promise<Target | undefined> {
    const { ageUs } = limits;
    const targets: Target[] = [];
    if (ageUs !== undefined) {
      const firstSeq = this.#lastOlder(this.#situation.nowUs - ageUs);
      if (firstSeq !== undefined) targets.push({ firstSeq, limit: 'age' });
    }
    for (const [limit, bytes] of await this.#surplus(limits)) {
      const firstSeq = await this.#firstBehind(bytes);
      if (firstSeq !== undefined) targets.push({ firstSeq, limit });
    }
    return targets.sort((a, b) => a.firstSeq - b.firstSeq).at(-1);
  }

  /** The last place up to a seq that the recording can really begin at. */
  async lastUsable(
    lastSeq: number,
    isUsable: (snapshot: KeptSnapshot) => boolean,
  ): Promise<number | undefined> {
    for await (const snapshot of this.#reader.snapshots(lastSeq - 1)) {
      const place = snapshot.seq + 1;
      if (place <= this.#keptSeq) return undefined;
      if (isUsable(snapshot)) return place;
    }
    return undefined;
  }

  /** The last place before which nothing is younger than this. */
  #lastOlder(timeUs: number): number | undefined {
    return this.#places[firstWhere(this.#places, (place) => this.#timeBefore(place) > timeUs) - 1];
  }

  #timeBefore(place: number): number {
    const seq = place - 1;
    try {
      const block = this.#reader.block(blockOf(seq));
      return block ? block.columns.timeUsAt(seq - firstSeqOf(blockOf(seq))) : 0;
    } catch (error) {
      if (!(error instanceof UnsoundLogError)) throw error;
      // Of a block that is damaged nothing is known, so it is not called old.
      return Number.POSITIVE_INFINITY;
    }
  }

  /** How many bytes are too many, for each limit that they are too many for. */
  async #surplus({ sizeBytes, freeBytes }: Limits): Promise<readonly (readonly [LimitName, number])[]> {
    const { disk } = this.#situation;
    const keptBytes = await this.#reader.store.level.approximateSize(
      blockKey(blockOf(this.#keptSeq)),
      endOfKeys,
    );
    const otherBytes = Math.max(disk.recordingBytes - keptBytes, 0);
    const usedBytes = keptBytes + Math.min(otherBytes, workingBytes);
    const comingBytes = Math.max(otherBytes - workingBytes, 0);
    const surplus: (readonly [LimitName, number])[] = [
      ['size', sizeBytes === undefined ? 0 : usedBytes - sizeBytes],
      ['free', freeBytes === undefined ? 0 : freeBytes - disk.freeBytes - comingBytes],
    ];
    return surplus.filter(([, bytes]) => bytes > 0);
  }

  /** The first place that so many bytes lie before, or the last one of all. */
  async #firstBehind(bytes: number): Promise<number | undefined> {
    const { level } = this.#reader.store;
    const first = blockKey(blockOf(this.#keptSeq));
    for (const place of this.#places) {
      if ((await level.approximateSize(first, blockKey(blockOf(place)))) >= bytes) return place;
    }
    return this.#places.at(-1);
  }
}

/** The index of the first item that something holds for, as it does for all behind it; their count where for none. */
function firstWhere(items: readonly number[], holds: (item: number) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
