/**
 * Lifelines, as a recording keeps them: values beside its blocks, which are found by key and checked as they are read.
 */
import { DecodeError, type RowReader } from '../../events/rows.ts';
import type { Scale } from '../../projections/scale.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import { firstSeqOf } from './block.ts';
import type { BlockIndex } from './blockIndex.ts';
import { checked } from './checked.ts';
import { crc32 } from './crc32.ts';
import { damageText, isLevelDamage, readingError } from './errors.ts';
import { pieceKey } from './keys.ts';
import type { Store } from './levelStore.ts';

/** The first and the last block that there are; the last is -1 where there is none. */
interface Blocks {
  readonly first: number;
  readonly last: number;
}

export class LevelLifelines implements LifelineSource {
  readonly scale: Scale;
  readonly #store: Store;
  readonly #index: BlockIndex;
  readonly #blocks: Blocks;

  constructor(store: Store, index: BlockIndex, blocks: Blocks, scale: Scale) {
    this.#store = store;
    this.#index = index;
    this.#blocks = blocks;
    this.scale = scale;
  }

  get firstSeq(): number {
    return firstSeqOf(this.#blocks.first);
  }

  get lastSeq(): number {
    const sealed = firstSeqOf(this.#blocks.last + 1) - 1;
    return sealed - (sealed % this.scale.windowEvents);
  }

  seqBeforeBirth(task: number): number | undefined {
    const { first, last } = this.#blocks;
    if (last < first) return firstSeqOf(first);
    const block = this.#guarded(firstSeqOf(first), () => this.#index.blockOfTask(task, first, last));
    return block === undefined ? undefined : firstSeqOf(block);
  }

  piece(window: number, piece: number): RowReader | undefined {
    const value = this.#valueOf(window, piece);
    return value && checked(value, crc32);
  }

  /** A `DecodeError` where LevelDB cannot read it: it tells nothing that the events do not. */
  #valueOf(window: number, piece: number): Uint8Array | undefined {
    try {
      return this.#store.level.getSync(pieceKey(window, piece));
    } catch (error) {
      const { folder } = this.#store;
      if (isLevelDamage(error)) throw new DecodeError(damageText(folder, error), 0);
      throw readingError(folder, window * this.scale.windowEvents + 1, error);
    }
  }

  #guarded<Result>(seq: number, act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      throw readingError(this.#store.folder, seq, error);
    }
  }
}
