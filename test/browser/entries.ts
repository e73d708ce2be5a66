/**
 * A recording as its keys and values, in one piece: how it gets from Node into a page.
 */
import { RowReader, RowWriter } from '../../events/rows.ts';

export type StoredEntry = readonly [key: Uint8Array, value: Uint8Array];

export function packed(entries: readonly StoredEntry[]): Uint8Array {
  const writer = new RowWriter();
  for (const bytes of entries.flat()) {
    writer.uint(bytes.length);
    writer.raw(bytes);
  }
  return writer.buffer.slice(0, writer.length);
}

export function unpacked(bytes: Uint8Array): readonly StoredEntry[] {
  const reader = new RowReader(bytes);
  const entries: StoredEntry[] = [];
  const next = (): Uint8Array => reader.raw(reader.uint()).slice();
  while (reader.offset < bytes.length) entries.push([next(), next()]);
  return entries;
}
