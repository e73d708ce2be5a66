/**
 * Events as packed bytes, for stores that hold values: the rows of our own codec, one behind the other.
 */
import { writeRow } from '../../events/codec.ts';
import { RowWriter } from '../../events/rows.ts';
import type { Stamped } from '../../src/ports.ts';

const writer = new RowWriter();

/** The bytes are the caller's. */
export function packed(events: readonly Stamped[]): Uint8Array {
  writer.length = 0;
  let before = events[0]?.timeUs ?? 0;
  for (const { fact, timeUs, skewUs } of events) {
    writeRow(writer, fact, timeUs - before, skewUs);
    before = timeUs;
  }
  return writer.buffer.slice(0, writer.length);
}
