/**
 * Lifelines, as a recording keeps them: values beside its blocks, which are found by key and checked as they are read.
 */
import type { RowReader } from '../../events/rows.ts';
import type { Scale } from '../../projections/scale.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import { firstSeqOf } from './block.ts';
import type { BlockIndex } from './blockIndex.ts';
import { unsealed } from './checked.ts';
import { crc32 } from './crc32.ts';
import { readingError } from './errors.ts';
import { birthsKey, pieceKey } from './keys.ts';
import type { Store } from './levelStore.ts';

export class LevelLifelines implements LifelineSource {
  readonly scale: Scale;
  readonly firstBlock: number;
  readonly endBlock: number;
  readonly #store: Store;
  readonly #index: BlockIndex;

  constructor(
    store: Store,
    index: BlockIndex,
    blocks: { readonly first: number; readonly end: number },
    scale: Scale,
  ) {
    this.#store = store;
    this.#index = index;
    this.firstBlock = blocks.first;
    this.endBlock = blocks.end;
    this.scale = scale;
  }

  blockOfTask(task: number): number | undefined {
    if (this.endBlock === this.firstBlock) return undefined;
    return this.#index.blockOfTask(task, this.firstBlock, this.endBlock - 1);
  }

  births(block: number): RowReader | undefined {
    return this.#checked(birthsKey(block), firstSeqOf(block));
  }

  piece(window: number, piece: number): RowReader | undefined {
    return this.#checked(pieceKey(window, piece), window * this.scale.windowEvents + 1);
  }

  #checked(key: Uint8Array, seq: number): RowReader | undefined {
    const value = this.#value(key, seq);
    return value && unsealed(value, crc32);
  }

  #value(key: Uint8Array, seq: number): Uint8Array | undefined {
    const { folder, level } = this.#store;
    try {
      return level.getSync(key);
    } catch (error) {
      throw readingError(folder, seq, error);
    }
  }
}
