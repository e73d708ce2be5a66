/**
 * The origin: where what is kept of a recording begins, once its beginning has been removed. Blocks go as a whole, so
 * the first one that is kept may begin in the middle of a commit, and before the first event that can be told. Pure
 * functions over bytes: no Node import, the checksum and the hash are handed in.
 *
 *     value = format (1 byte, 1), first seq, its timeUs, link, the events between the link and the first block (a value
 *             as commit.ts has them, without its hash; its length first, 0 where there are none), checksum
 */
import type { Event } from '../../events/event.ts';
import { DecodeError, RowWriter } from '../../events/rows.ts';
import { readLink, writeLink } from './block.ts';
import { type Checksum, checked, withChecksum } from './checked.ts';
import { eventsOf, hashBytes, type Link, OpenCommit, origin } from './commit.ts';

/** The format of origins. */
const format = 1;

export interface Origin {
  /** The first seq that is kept; the world before it is kept as a snapshot. */
  readonly firstSeq: number;
  /** When that happened, wall-clock microseconds; 0 where nothing has been removed. */
  readonly firstUs: number;
  /** Where the chain stood behind the last commit that is removed as a whole. */
  readonly link: Link;
  /** The events behind the link whose block is removed: the beginning of a commit that ends in a later one. */
  readonly events: readonly Event[];
}

/** Of a recording of which nothing has been removed. */
export const whole: Origin = { firstSeq: 1, firstUs: 0, link: origin, events: [] };

export function writeOrigin({ firstSeq, firstUs, link, events }: Origin, checksum: Checksum): Uint8Array {
  const writer = new RowWriter();
  writer.byte(format);
  writer.uint(firstSeq);
  writer.uint(firstUs);
  writeLink(writer, link);
  const rows = rowsOf(link, events);
  writer.uint(rows.length);
  writer.raw(rows);
  return withChecksum(writer, checksum);
}

/** Throws a `DecodeError` where this is not the origin that was written. */
export function readOrigin(value: Uint8Array, checksum: Checksum): Origin {
  const reader = checked(value, checksum);
  const number = reader.byte();
  if (number !== format) throw new DecodeError(`an origin is of format ${number}`, 0);
  const [firstSeq, firstUs, link] = [reader.uint(), reader.uint(), readLink(reader)];
  const rowsBytes = reader.uint();
  const events = rowsBytes === 0 ? [] : eventsOf(reader.raw(rowsBytes));
  return { firstSeq, firstUs, link, events };
}

function rowsOf(link: Link, events: readonly Event[]): Uint8Array {
  if (events.length === 0) return new Uint8Array();
  const open = new OpenCommit(link);
  for (const event of events) open.retake(event);
  // It is no whole commit, and has no hash; the checksum of the origin is there to tell damage.
  return open.finish(link.hash, () => new Uint8Array(hashBytes)).value;
}
