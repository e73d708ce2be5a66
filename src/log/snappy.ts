/**
 * Snappy, as far as it is needed to read: LevelDB compresses what it writes when it repairs, also in a recording whose
 * recorder compresses nothing. The format is told in snappy's format_description.txt.
 */
import { RowReader } from '../../events/rows.ts';

/** Throws a `DecodeError` or a `RangeError` where this is nothing compressed. */
export function uncompressed(bytes: Uint8Array): Buffer {
  const reader = new RowReader(bytes);
  const whole = Buffer.alloc(reader.uint());
  for (let at = 0; at < whole.length; ) at += piece(reader, whole, at);
  return whole;
}

/** A piece is bytes as they are, or a copy of what is there already; returns its length. */
function piece(reader: RowReader, whole: Buffer, at: number): number {
  const tag = reader.byte();
  const kind = tag & 3;
  if (kind === 0) {
    const length = 1 + (tag >> 2 < 60 ? tag >> 2 : littleEndian(reader, (tag >> 2) - 59));
    whole.set(reader.raw(length), at);
    return length;
  }
  const length = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
  const distance = kind === 1 ? ((tag >> 5) << 8) | reader.byte() : littleEndian(reader, kind === 2 ? 2 : 4);
  // It may overlap itself, and then repeats.
  for (let i = 0; i < length; i++) whole[at + i] = whole[at + i - distance] ?? 0;
  return length;
}

function littleEndian(reader: RowReader, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value += reader.byte() * 2 ** (8 * i);
  return value;
}
