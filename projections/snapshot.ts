/**
 * Snapshots: what a projection holds, as bytes. Numbers are columns, each string is stored once, and a checksum tells what
 * was damaged. Runs anywhere: no Node import.
 *
 *     snapshot = name (bytes), version (uint), how many strings (uint), each (bytes), body, checksum (4 bytes)
 *     numbers  = columns of up to 256 each, one behind the other
 */
import { type Bytes, utf8BytesOf } from '../events/bytes.ts';
import { Column, writeColumn } from '../events/column.ts';
import { RowReader, RowWriter } from '../events/rows.ts';

/** Few enough for each column to be narrow, and enough for its head not to count. */
const columnLength = 256;
const checksumBytes = 4;

/** These bytes are no snapshot of this projection, of this version. The message is a phrase that says why. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

export class SnapshotWriter {
  readonly #head = new RowWriter();
  readonly #body = new RowWriter();
  readonly #strings = new Map<Bytes, number>();

  constructor(name: string, version: number) {
    this.#head.bytes(utf8BytesOf(name));
    this.#head.uint(version);
  }

  number(value: number): void {
    this.#body.int(value);
  }

  /** The number that stands for a string. */
  string(value: Bytes): number {
    const known = this.#strings.get(value);
    if (known !== undefined) return known;
    const number = this.#strings.size;
    this.#strings.set(value, number);
    return number;
  }

  /** Text for people, of any characters. */
  text(value: string): void {
    this.#body.text(value);
  }

  /** As many numbers as `count` says, which the reader has to know by itself. */
  numbers(count: number, numberOf: (i: number) => number): void {
    const values = new Float64Array(Math.min(count, columnLength));
    for (let start = 0; start < count; start += columnLength) {
      const length = Math.min(columnLength, count - start);
      for (let i = 0; i < length; i++) values[i] = numberOf(start + i);
      writeColumn(this.#body, values, length);
    }
  }

  /** All that was written. */
  sealed(): Uint8Array {
    const head = this.#head;
    head.uint(this.#strings.size);
    for (const string of this.#strings.keys()) head.bytes(string);
    head.raw(this.#body.buffer.subarray(0, this.#body.length));
    const content = head.buffer.subarray(0, head.length);
    const bytes = new Uint8Array(content.length + checksumBytes);
    bytes.set(content);
    new DataView(bytes.buffer).setInt32(content.length, checksumOf(content), true);
    return bytes;
  }
}

export class SnapshotReader {
  readonly #reader: RowReader;
  readonly #strings: readonly Bytes[];

  /** Throws a `SnapshotError` where these bytes are another projection's, of another version, or damaged. */
  constructor(bytes: Uint8Array, name: string, version: number) {
    const content = bytes.subarray(0, Math.max(0, bytes.length - checksumBytes));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length <= checksumBytes || view.getInt32(content.length, true) !== checksumOf(content)) {
      throw new SnapshotError(`the snapshot of ${name} is damaged`);
    }
    // The checksum stands behind the last column: one is read up to three bytes behind its end.
    this.#reader = new RowReader(bytes);
    const savedName = this.#reader.bytes();
    if (savedName !== utf8BytesOf(name))
      throw new SnapshotError(`a snapshot of ${savedName} is none of ${name}`);
    const savedVersion = this.#reader.uint();
    if (savedVersion !== version) {
      throw new SnapshotError(`the snapshot of ${name} is of version ${savedVersion}, and not ${version}`);
    }
    this.#strings = Array.from({ length: this.#reader.uint() }, () => this.#reader.bytes());
  }

  number(): number {
    return this.#reader.int();
  }

  text(): string {
    return this.#reader.text();
  }

  /** The string that a number stands for. */
  string(number: number): Bytes {
    const string = this.#strings[number];
    if (string === undefined) throw new SnapshotError(`a snapshot has no string ${number}`);
    return string;
  }

  /** The next `count` numbers, in their order. */
  each(count: number, take: (value: number, i: number) => void): void {
    for (let start = 0; start < count; start += columnLength) {
      const length = Math.min(columnLength, count - start);
      const column = new Column(this.#reader, length);
      for (let i = 0; i < length; i++) take(column.at(i), start + i);
    }
  }

  numbers(count: number): Float64Array {
    const values = new Float64Array(count);
    this.each(count, (value, i) => {
      values[i] = value;
    });
    return values;
  }

  /** Nothing is left to be read. */
  end(): void {
    const left = this.#reader.buffer.length - checksumBytes - this.#reader.offset;
    if (left !== 0) throw new SnapshotError(`a snapshot has ${left} bytes behind its end`);
  }
}

/** Every step can be undone, so that a change of any four bytes changes all that follows. */
function checksumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % 4);
  let sum = bytes.length;
  for (let at = 0; at < whole; at += 4) sum = scattered(sum, view.getInt32(at, true));
  for (let at = whole; at < bytes.length; at++) sum = scattered(sum, bytes[at] ?? 0);
  return sum;
}

function scattered(sum: number, value: number): number {
  const bits = Math.imul(sum ^ value, 0x9e3779b1);
  return bits ^ (bits >>> 15);
}
