/**
 * A block: 1024 events that follow each other, as columns in one value, sealed from the tail's commits. It holds where
 * these ended, so that the chain can be checked through it, and how things stood where it begins. Pure functions over
 * bytes: no Node import, the checksum is handed in.
 *
 *     value   = format (1 byte, 1), first seq, tasks before, first string, link before, link after, how many commits end
 *               in here, their last seqs less the first seq (a column), columns (events/columns.ts), checksum
 *     link    = seq, timeUs, hash (32 bytes); of the last commit that ended before, or in, this block
 */

import { Column, writeColumn } from '../../events/column.ts';
import { EventColumns, type StringNumbers, type Strings, writeColumns } from '../../events/columns.ts';
import type { Event } from '../../events/event.ts';
import { DecodeError, type RowReader, RowWriter } from '../../events/rows.ts';
import { type Checksum, checked, withChecksum } from './checked.ts';
import { hashBytes, type Link } from './commit.ts';

/** The format of blocks. */
const format = 1;

/** Events in a block; block `n`, counted from 0, begins with seq `n * blockEvents + 1`. */
export const blockEvents = 1024;

/** The number of the block that holds a seq. */
export function blockOf(seq: number): number {
  return Math.floor((seq - 1) / blockEvents);
}

/** The seq that a block begins with. */
export function firstSeqOf(block: number): number {
  return block * blockEvents + 1;
}

/** What is known of a block besides its events. */
export interface BlockHead {
  readonly firstSeq: number;
  /** The greatest task id given out before it. */
  readonly tasksBefore: number;
  /** It refers to no string with a lower number. */
  readonly firstString: number;
  readonly linkBefore: Link;
  readonly linkAfter: Link;
}

/** The value of a block. `ends` are the last seqs of the commits that end in it, ascending. */
export function writeBlock(
  head: BlockHead,
  ends: readonly number[],
  events: readonly Event[],
  strings: StringNumbers,
  checksum: Checksum,
): Uint8Array {
  const writer = new RowWriter();
  writer.byte(format);
  writer.uint(head.firstSeq);
  writer.uint(head.tasksBefore);
  writer.uint(head.firstString);
  writeLink(writer, head.linkBefore);
  writeLink(writer, head.linkAfter);
  writer.uint(ends.length);
  const places = ends.map((seq) => seq - head.firstSeq);
  writeColumn(writer, places, places.length);
  writeColumns(writer, events, strings);
  return withChecksum(writer, checksum);
}

/** A block, as it is read. */
export class Block {
  readonly head: BlockHead;
  /** The last seqs of the commits that end in it, ascending. */
  readonly ends: readonly number[];
  readonly columns: EventColumns;

  /** Throws a `DecodeError` where this is not the block that was written. */
  constructor(value: Uint8Array, strings: Strings, checksum: Checksum) {
    const reader = checked(value, checksum);
    const number = reader.byte();
    if (number !== format) throw new DecodeError(`a block is of format ${number}`, 0);
    this.head = readHead(reader);
    const { firstSeq } = this.head;
    const endCount = reader.uint();
    const ends = new Column(reader, endCount);
    this.ends = Array.from({ length: endCount }, (_, i) => firstSeq + ends.at(i));
    this.columns = new EventColumns(reader, firstSeq, blockEvents, strings);
  }

  get lastSeq(): number {
    return this.head.firstSeq + blockEvents - 1;
  }

  get firstUs(): number {
    return this.columns.timeUsAt(0);
  }

  /** The events from one seq to another, both included, as plain objects. */
  events(fromSeq: number, toSeq: number): readonly Event[] {
    return this.columns.events(...this.#between(fromSeq, toSeq));
  }

  /** Hands over the events from one seq to another, both included, as views. */
  replay(fromSeq: number, toSeq: number, evolve: (event: Event) => void): void {
    this.columns.replay(...this.#between(fromSeq, toSeq), evolve);
  }

  /** The last seq of the block's events that had happened by then; one before its first where none had. */
  seqAt(timeUs: number): number {
    let low = 0;
    let high = blockEvents;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.columns.timeUsAt(middle) <= timeUs) low = middle + 1;
      else high = middle;
    }
    return this.head.firstSeq + low - 1;
  }

  #between(fromSeq: number, toSeq: number): [start: number, end: number] {
    const { firstSeq } = this.head;
    return [Math.max(fromSeq - firstSeq, 0), Math.min(toSeq - firstSeq + 1, blockEvents)];
  }
}

function readHead(reader: RowReader): BlockHead {
  return {
    firstSeq: reader.uint(),
    tasksBefore: reader.uint(),
    firstString: reader.uint(),
    linkBefore: readLink(reader),
    linkAfter: readLink(reader),
  };
}

export function writeLink(writer: RowWriter, { seq, timeUs, hash }: Link): void {
  writer.uint(seq);
  writer.uint(timeUs);
  writer.raw(hash);
}

export function readLink(reader: RowReader): Link {
  return { seq: reader.uint(), timeUs: reader.uint(), hash: reader.raw(hashBytes).slice() };
}
