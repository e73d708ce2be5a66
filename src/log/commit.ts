/**
 * A commit: the events that were written together, as one value, and the chain that holds commits together. Pure
 * functions over bytes: no Node import, the hash function is handed in.
 *
 *     value = format (1 byte, 0), hash (32 bytes), body
 *     body  = first seq (8 bytes), count (4), timeUs of the first event (8), rows; numbers big-endian
 *     hash  = SHA-256 over the hash of the commit before (32 zero bytes for the first) and the body
 *
 * A row's time counts from the row before it, the first row's from the time in the body's head.
 */
import { assert } from '../../events/assert.ts';
import { place, readRow, writeRow } from '../../events/codec.ts';
import type { Event } from '../../events/event.ts';
import { DecodeError, RowReader, RowWriter } from '../../events/rows.ts';
import type { Head, Stamped } from '../ports.ts';

/** The format of commits, which is that of the first recordings: those had commits only. */
export const format = 0;

/** SHA-256 over two pieces, one after the other; 32 bytes. */
export type ChainHash = (previous: Uint8Array, body: Uint8Array) => Uint8Array;

export const hashBytes = 32;
const bodyAt = 1 + hashBytes;
const countAt = bodyAt + 8;
const timeAt = countAt + 4;
const rowsAt = timeAt + 8;

/** What was stored is not what was written. `seq` is the first that is not sound. */
export class UnsoundError extends Error {
  override readonly name = 'UnsoundError';
  readonly seq: number;

  /** `why` is a phrase that goes on a sentence. */
  constructor(seq: number, why: string) {
    super(why);
    this.seq = seq;
  }
}

/** Where the chain stands: its last commit's last event, and that commit's hash. */
export interface Link {
  readonly seq: number;
  readonly timeUs: number;
  readonly hash: Uint8Array;
}

/** Before the first commit. */
export const origin: Link = { seq: 0, timeUs: 0, hash: new Uint8Array(hashBytes) };

/** A link as the port shows it. */
export function headOf(link: Link): Head {
  return { seq: link.seq, timeUs: link.timeUs, hash: hexOf(link.hash) };
}

/** Events that are sequenced and not yet committed: the rows of the next commit. */
export class OpenCommit {
  readonly #rows = new RowWriter();
  /** The last event before those in here. */
  #before: { readonly seq: number; readonly timeUs: number };
  #firstUs = 0;
  #seq: number;
  #timeUs: number;

  /** Goes on after a link. */
  constructor(after: Link) {
    this.#before = after;
    this.#seq = after.seq;
    this.#timeUs = after.timeUs;
    this.#rows.length = rowsAt;
  }

  /** The last sequenced seq. */
  get seq(): number {
    return this.#seq;
  }

  get count(): number {
    return this.#seq - this.#before.seq;
  }

  /**
   * Gives facts the next seqs. A value that cannot be stored, or a time before the last one, is a
   * `RangeError`, and then none of the facts is appended.
   */
  append(facts: readonly Stamped[]): readonly Event[] {
    const rows = this.#rows;
    const { length } = rows;
    const [seq, timeUs] = [this.#seq, this.#timeUs];
    try {
      return facts.map((stamped) => this.#add(stamped));
    } catch (error) {
      rows.length = length;
      this.#seq = seq;
      this.#timeUs = timeUs;
      throw error;
    }
  }

  #add({ fact, timeUs, skewUs }: Stamped): Event {
    if (!Number.isSafeInteger(timeUs) || timeUs < this.#timeUs) {
      throw new RangeError(
        `the timeUs of this ${fact.type} event cannot be stored: ${timeUs} after ${this.#timeUs}`,
      );
    }
    const first = this.count === 0;
    writeRow(this.#rows, fact, first ? 0 : timeUs - this.#timeUs, skewUs);
    if (first) this.#firstUs = timeUs;
    this.#seq += 1;
    this.#timeUs = timeUs;
    return place(fact, this.#seq, timeUs, skewUs);
  }

  /** Takes in an event that has its place already: to go through once more what was committed before. */
  retake(event: Event): void {
    assert(event.seq === this.#seq + 1, `seq ${event.seq} follows ${this.#seq}`);
    const first = this.count === 0;
    writeRow(this.#rows, event, first ? 0 : event.timeUs - this.#timeUs, event.skewUs);
    if (first) this.#firstUs = event.timeUs;
    this.#seq = event.seq;
    this.#timeUs = event.timeUs;
  }

  /** The value of everything appended since the last one, and the link that it makes. Not when empty. */
  finish(previous: Uint8Array, chainHash: ChainHash): { readonly value: Uint8Array; readonly link: Link } {
    const rows = this.#rows;
    const value = rows.buffer.slice(0, rows.length);
    const view = new DataView(value.buffer);
    view.setUint8(0, format);
    setUint64(view, bodyAt, this.#before.seq + 1);
    view.setUint32(countAt, this.count);
    setUint64(view, timeAt, this.#firstUs);
    const hash = chainHash(previous, value.subarray(bodyAt));
    value.set(hash, 1);
    const link = { seq: this.#seq, timeUs: this.#timeUs, hash };
    this.#before = link;
    rows.length = rowsAt;
    return { value, link };
  }
}

/** Follows the chain from a link, one commit after the other, and lets nothing unsound pass. */
export class Chain {
  #link: Link;

  constructor(after: Link = origin) {
    this.#link = after;
  }

  get link(): Link {
    return this.#link;
  }

  /**
   * The events of the commit that comes next; `firstSeq` is the seq that it is stored under. Throws an
   * `UnsoundError`, and stays where it is, when this is not what was written after the last commit.
   */
  next(firstSeq: number, value: Uint8Array, chainHash: ChainHash): readonly Event[] {
    const { seq, timeUs, hash: previous } = this.#link;
    const expected = seq + 1;
    if (firstSeq > expected) throw new UnsoundError(expected, missing(expected, firstSeq - 1));
    if (firstSeq < expected) throw new UnsoundError(expected, `seq ${firstSeq} is stored a second time`);
    const hash = chainHash(previous, value.subarray(bodyAt));
    if (!equalBytes(hash, value.subarray(1, bodyAt))) {
      throw new UnsoundError(expected, 'the commit there is not the one that was written (its hash differs)');
    }
    const events = decode(expected, value);
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) throw new UnsoundError(expected, 'the commit there is empty');
    if (first.seq !== expected) throw new UnsoundError(expected, `it begins with seq ${first.seq}`);
    if (first.timeUs < timeUs) throw new UnsoundError(expected, 'time runs backwards there');
    this.#link = { seq: last.seq, timeUs: last.timeUs, hash };
    return events;
  }
}

/** The link that a sound commit makes, except that its time is that of the commit's first event. */
export function linkOf(value: Uint8Array): Link {
  const { firstSeq, count, timeUs } = headOfBody(value);
  return { seq: firstSeq + count - 1, timeUs, hash: value.slice(1, bodyAt) };
}

/** The events of a value. Throws a `DecodeError` where it cannot be read; checks no hash. */
export function eventsOf(value: Uint8Array): readonly Event[] {
  const { firstSeq, count, timeUs } = headOfBody(value);
  const reader = new RowReader(value, rowsAt);
  const events: Event[] = [];
  let previousUs = timeUs;
  for (let i = 0; i < count; i++) {
    const event = readRow(reader, firstSeq + i, previousUs);
    events.push(event);
    previousUs = event.timeUs;
  }
  const surplus = value.length - reader.offset;
  if (surplus > 0) throw new DecodeError(`${surplus} bytes follow the last row`, reader.offset);
  return events;
}

/** The events of a commit from `fromSeq` on. */
export function eventsFrom(fromSeq: number, events: readonly Event[]): readonly Event[] {
  const first = events[0]?.seq ?? fromSeq;
  return first >= fromSeq ? events : events.slice(fromSeq - first);
}

/** In words: which seqs are missing. */
export function missing(first: number, last: number): string {
  return first === last ? `seq ${first} is missing` : `seqs ${first} to ${last} are missing`;
}

function decode(seq: number, value: Uint8Array): readonly Event[] {
  try {
    return eventsOf(value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new UnsoundError(seq, `the commit there cannot be read: ${error.message}`);
  }
}

function headOfBody(value: Uint8Array): { firstSeq: number; count: number; timeUs: number } {
  if (value.length < rowsAt) throw new DecodeError(`a commit of ${value.length} bytes is too short`, 0);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (view.getUint8(0) !== format) throw new DecodeError(`a commit is of format ${view.getUint8(0)}`, 0);
  return {
    firstSeq: uint64(view, bodyAt),
    count: view.getUint32(countAt),
    timeUs: uint64(view, timeAt),
  };
}

function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
