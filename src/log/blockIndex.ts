/**
 * The index of the blocks: when each begins and how many tasks there were before it, so that a moment or a birth is
 * found without a look into every block. A page has 512 blocks; what no page has yet is asked of the blocks themselves.
 *
 *     page n = first times of blocks 512 n to 512 n + 511 (a column), tasks before them (a column), checksum
 */
import { Column, writeColumn } from '../../events/column.ts';
import { DecodeError, type RowReader, RowWriter } from '../../events/rows.ts';
import { type Checksum, checked, withChecksum } from './checked.ts';

export const pageBlocks = 512;

/** What the index tells of a block. */
export interface BlockPlace {
  readonly firstUs: number;
  readonly tasksBefore: number;
}

export function writePage(places: readonly BlockPlace[], checksum: Checksum): Uint8Array {
  const writer = new RowWriter();
  for (const field of ['firstUs', 'tasksBefore'] as const) {
    writeColumn(
      writer,
      places.map((place) => place[field]),
      pageBlocks,
    );
  }
  return withChecksum(writer, checksum);
}

class Page {
  readonly #times: Column;
  readonly #tasks: Column;

  constructor(reader: RowReader) {
    this.#times = new Column(reader, pageBlocks);
    this.#tasks = new Column(reader, pageBlocks);
  }

  at(place: number): BlockPlace {
    return { firstUs: this.#times.at(place), tasksBefore: this.#tasks.at(place) };
  }
}

export interface BlockIndexSource {
  /** The value of a page; undefined where there is none yet. */
  page(number: number): Uint8Array | undefined;
  /** What a block, which is there, says of itself. */
  place(block: number): BlockPlace;
}

/** So many pages, a few kilobytes each, are kept in memory, and so many places that no page has. */
const kept = 1024;

export class BlockIndex {
  readonly #source: BlockIndexSource;
  readonly #checksum: Checksum;
  readonly #pages = new Map<number, Page>();
  readonly #places = new Map<number, BlockPlace>();

  constructor(source: BlockIndexSource, checksum: Checksum) {
    this.#source = source;
    this.#checksum = checksum;
  }

  /** Of the blocks from `first` to `last`, the last one that had begun by then; undefined where none had. */
  blockAt(timeUs: number, first: number, last: number): number | undefined {
    return this.#lastWhere(first, last, ({ firstUs }) => firstUs <= timeUs);
  }

  /** Of the blocks from `first` to `last`, the one with the birth of this task; undefined where it is before them. */
  blockOfTask(task: number, first: number, last: number): number | undefined {
    return this.#lastWhere(first, last, ({ tasksBefore }) => tasksBefore < task);
  }

  #lastWhere(first: number, last: number, holds: (place: BlockPlace) => boolean): number | undefined {
    let low = first;
    let high = last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(this.#place(middle))) low = middle + 1;
      else high = middle;
    }
    return low === first ? undefined : low - 1;
  }

  #place(block: number): BlockPlace {
    const page = this.#page(Math.floor(block / pageBlocks));
    if (page) return page.at(block % pageBlocks);
    const known = this.#places.get(block);
    if (known) return known;
    const place = this.#source.place(block);
    keep(this.#places, block, place);
    return place;
  }

  #page(number: number): Page | undefined {
    const known = this.#pages.get(number);
    if (known) return known;
    const value = this.#source.page(number);
    if (value === undefined) return undefined;
    const page = pageIn(value, this.#checksum);
    if (page) keep(this.#pages, number, page);
    return page;
  }
}

/** Undefined where it is damaged: it only repeats what the blocks say themselves, and these are asked then. */
function pageIn(value: Uint8Array, checksum: Checksum): Page | undefined {
  try {
    return new Page(checked(value, checksum));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** The oldest makes room for what comes. */
function keep<Value>(values: Map<number, Value>, number: number, value: Value): void {
  values.set(number, value);
  const [oldest] = values.keys();
  if (oldest !== undefined && values.size > kept) values.delete(oldest);
}
