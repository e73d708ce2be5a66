/**
 * The cutter: removes the beginning of a recording, whole blocks of it. It reads and computes, on any thread, and writes
 * nothing itself but what LevelDB rearranges: what is to go is for the log's one writer to remove, in pieces of bounded
 * size. First of all the origin is written; what lies before that is not read any more, so a cut that was left in the
 * middle is gone on with at any later time.
 */
import { assert } from '../../events/assert.ts';
import { type Block, blockOf } from './block.ts';
import { pageBlocks } from './blockIndex.ts';
import { crc32 } from './crc32.ts';
import { chunkOf } from './dictionary.ts';
import {
  allCommits,
  blocksBefore,
  chunksBefore,
  type KeyRange,
  originKey,
  pagesBefore,
  piecesBefore,
  snapshotsBefore,
} from './keys.ts';
import type { LevelReader } from './levelReader.ts';
import { lifelineScale } from './lifelineScale.ts';
import { type Origin, writeOrigin } from './origin.ts';
import type { Batch } from './sealer.ts';

/** So many keys are removed in one piece. */
const batchKeys = 1000;
/** So many keys are looked at when LevelDB is made to give their room back, which goes on for as long as it takes. */
const sliceKeys = 4096;

export class Cutter {
  readonly #reader: LevelReader;
  /** What LevelDB has not given back yet: the ends of each slice of keys. */
  #slices: (readonly [first: Uint8Array, last: Uint8Array])[] | undefined;

  constructor(reader: LevelReader) {
    this.#reader = reader;
  }

  /**
   * What makes a recording begin with `firstSeq`, behind which there is a block, and before which there is a snapshot;
   * and then what removes all that is of no use any more. Each batch must be written before the next is asked for.
   */
  async *cut(firstSeq: number): AsyncGenerator<Batch> {
    this.#slices ??= this.#leftover();
    const origin = this.#originAt(firstSeq);
    const keptFrom = { seq: firstSeq, timeUs: origin.firstUs };
    yield { puts: [[originKey, writeOrigin(origin, crc32)]], dels: [], keptFrom, synced: true };
    yield* this.sweep();
  }

  /** What removes whatever is left from before the origin. */
  async *sweep(): AsyncGenerator<Batch> {
    this.#slices ??= this.#leftover();
    for (const range of this.#ranges()) {
      const keys = this.#reader.store.level.keys(range);
      let slice: Uint8Array[] = [];
      try {
        for (let dels = await keys.nextv(batchKeys); dels.length > 0; dels = await keys.nextv(batchKeys)) {
          yield { puts: [], dels };
          slice.push(...dels);
          if (slice.length < sliceKeys) continue;
          this.#keep(slice);
          slice = [];
        }
      } finally {
        await keys.close();
      }
      this.#keep(slice);
    }
  }

  /**
   * Has LevelDB give back the room of some of what was removed; resolves with whether there is more. Nobody waits for
   * LevelDB meanwhile.
   */
  async freeSome(): Promise<boolean> {
    const { level } = this.#reader.store;
    const slice = this.#slices?.shift();
    if (slice === undefined) return false;
    await level.compactRange(...slice);
    // The tail's commits go one by one, and nothing else ever has LevelDB look at where they were.
    const isLast = this.#slices?.length === 0;
    if (isLast) await level.compactRange(allCommits.gte, allCommits.lt);
    return !isLast;
  }

  /** An earlier life may have removed what LevelDB did not give back before its end. */
  #leftover(): (readonly [Uint8Array, Uint8Array])[] {
    return this.#ranges().map(({ gte, lt }) => [gte, lt] as const);
  }

  #keep(keys: readonly Uint8Array[]): void {
    const [first, last] = [keys[0], keys.at(-1)];
    if (first && last) this.#slices?.push([first, last]);
  }

  /** All that is of no use any more. */
  #ranges(): readonly KeyRange[] {
    const { firstSeq } = this.#reader.origin();
    if (firstSeq === 1) return [];
    const first = blockOf(firstSeq);
    const { firstString } = this.#block(first).head;
    return [
      snapshotsBefore(firstSeq - 1),
      blocksBefore(first),
      chunksBefore(chunkOf(firstString)),
      pagesBefore(Math.floor(first / pageBlocks)),
      piecesBefore(Math.floor((firstSeq - 1) / lifelineScale.windowEvents)),
    ];
  }

  #originAt(firstSeq: number): Origin {
    const number = blockOf(firstSeq);
    const block = this.#block(number);
    const { linkBefore: link } = block.head;
    const [first] = block.events(firstSeq, firstSeq);
    assert(first, `seq ${firstSeq} is in block ${number}`);
    const events = this.#reader.sealedEvents(link.seq + 1, block.head.firstSeq - 1);
    return { firstSeq, firstUs: first.timeUs, link, events };
  }

  #block(number: number): Block {
    const block = this.#reader.block(number);
    assert(block, `block ${number} is kept`);
    return block;
  }
}
