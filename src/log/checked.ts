/**
 * Values that can be told from damaged ones: four bytes behind what they hold are its checksum (CRC-32, little-endian).
 * Commits need none, they have the chain's hash. Pure functions over bytes: no Node import, the checksum is handed in.
 */
import { DecodeError, RowReader, type RowWriter } from '../../events/rows.ts';

/** CRC-32 as zlib has it (ISO 3309), from 0 to 2^32-1. */
export type Checksum = (bytes: Uint8Array) => number;

const checksumBytes = 4;

/** What was written so far, with its checksum behind it. */
export function withChecksum(writer: RowWriter, checksum: Checksum): Uint8Array {
  const value = new Uint8Array(writer.length + checksumBytes);
  value.set(writer.buffer.subarray(0, writer.length));
  new DataView(value.buffer).setUint32(writer.length, checksum(value.subarray(0, writer.length)), true);
  return value;
}

/** A reader of what such a value holds. Throws a `DecodeError` where it is not what was written. */
export function checked(value: Uint8Array, checksum: Checksum): RowReader {
  const length = value.length - checksumBytes;
  if (length < 0) throw new DecodeError(`a value of ${value.length} bytes is too short`, 0);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (view.getUint32(length, true) !== checksum(value.subarray(0, length))) {
    throw new DecodeError('the value is not the one that was written (its checksum differs)', 0);
  }
  // The reader may look at the checksum, but has no reason to: columns are read a few bytes beyond their end.
  return new RowReader(value);
}
