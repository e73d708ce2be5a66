/** Columns: whatever numbers are written are read back, from any place, in as few bits as they need. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Column, writeColumn } from '../../events/column.ts';
import { DecodeError, RowReader, RowWriter } from '../../events/rows.ts';
import { seededRandom } from '../../src/random.ts';

const columns = suite('columns');

function written(values: readonly number[]): Uint8Array {
  const writer = new RowWriter();
  writeColumn(writer, values, values.length);
  writer.raw(new Uint8Array(3));
  return writer.buffer.slice(0, writer.length);
}

function readBack(values: readonly number[]): number[] {
  const column = new Column(new RowReader(written(values)), values.length);
  return values.map((_, i) => column.at(i));
}

const examples: readonly (readonly [string, readonly number[]])[] = [
  ['none', []],
  ['one', [7]],
  ['the same all over', [5, 5, 5, 5]],
  ['dense ids', [100, 101, 102, 103, 104]],
  ['times that go on evenly', [1_790_000_000_000_000, 1_790_000_000_000_200, 1_790_000_000_000_399]],
  ['sizes in pages', [4096, 40_960, 8192, 0, 4096 * 1000]],
  ['a few ids of users', [0, 1000, 0, 65_534, 0, 1000, 4_294_967_294, 0]],
  ['negative ones', [-5, 3, -(2 ** 52), -1]],
  ['the largest', [Number.MAX_SAFE_INTEGER, 0, 2 ** 52, Number.MAX_SAFE_INTEGER - 1]],
  ['25 bits and more', [0, 2 ** 25 - 1, 2 ** 25, 2 ** 48 + 1, 2 ** 33 + 12_345]],
];

for (const [name, values] of examples) {
  columns(`are read back: ${name}`, () => {
    assert.equal(readBack(values), values);
  });
}

columns('of every width are read back, from every bit they may begin at', () => {
  const random = seededRandom(1);
  for (let width = 0; width <= 53; width++) {
    const values = Array.from(
      { length: 100 },
      () => (random.bits() * 2 ** 21 + (random.bits() >>> 11)) % 2 ** width,
    );
    assert.equal(readBack(values), values, `${width} bits`);
  }
});

columns('of dense ids take no bits, and those of a few values as many as tell them apart', () => {
  const ids = Array.from({ length: 1024 }, (_, i) => 5000 + i);
  assert.ok(written(ids).length < 16);
  const users = Array.from({ length: 1024 }, (_, i) => (i % 4 === 0 ? 4_000_000_000 : 0));
  assert.ok(written(users).length < 1024 / 8 + 24);
});

columns('that are cut short are refused', () => {
  const bytes = written([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]);
  assert.throws(
    () => new Column(new RowReader(bytes.subarray(0, 8)), 15),
    (error: Error) => error instanceof DecodeError,
  );
});

columns.run();
