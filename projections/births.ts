/**
 * Births: when each task of a block was born, or met, and where it was then. Task ids are dense, so they need not be
 * stored. Bytes in, bytes out; runs anywhere.
 *
 *     births = tasks before, how many births, how far each event is behind the block's beginning (a column), places
 */
import { Column, writeColumn } from '../events/column.ts';
import type { RowReader, RowWriter } from '../events/rows.ts';
import { type Places, readPlaces, writePlaces } from './places.ts';

export interface Birth {
  readonly seq: number;
  readonly places: Places;
}

/** Those of tasks `tasksBefore + 1` and on, in a block whose last seq before it is `seqBefore`. */
export function writeBirths(
  writer: RowWriter,
  tasksBefore: number,
  seqBefore: number,
  births: readonly Birth[],
): void {
  writer.uint(tasksBefore);
  writer.uint(births.length);
  writeColumn(
    writer,
    births.map(({ seq }) => seq - seqBefore),
    births.length,
  );
  writePlaces(
    writer,
    births.map(({ places }) => places),
  );
}

/** The birth of a task; undefined where it is not among these. Throws a `DecodeError` where these are none. */
export function readBirth(reader: RowReader, task: number, seqBefore: number): Birth | undefined {
  const i = task - reader.uint() - 1;
  const count = reader.uint();
  if (i < 0 || i >= count) return undefined;
  const offsets = new Column(reader, count);
  return { seq: seqBefore + offsets.at(i), places: readPlaces(reader, count, i) };
}
