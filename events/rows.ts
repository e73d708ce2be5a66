/**
 * Rows of bytes: how numbers, names and texts are written one behind the other, and read again. Runs anywhere: no Node
 * import.
 *
 * Numbers are varints: 7 bits a byte, lowest first, the top bit set on all but the last byte. Reading is strict: what
 * the writer would not have written is a `DecodeError`.
 */
import { type Bytes, bytesFrom } from './bytes.ts';
import type { By } from './event.ts';

/** These bytes are not what was written. The message is a phrase that says what is wrong, and at which offset. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** In bytes from the start of the buffer that was read. */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`${what} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** 8 bytes of 7 bits hold every number up to 2^53-1. */
const maxVarintBytes = 8;
const minInt = -(2 ** 52);
const maxInt = 2 ** 52 - 1;

/** Most lists are empty: one of them serves all. */
export const noUints: readonly number[] = Object.freeze([]);

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A growing buffer of rows. A value that does not fit its kind is a `RangeError`: the caller's mistake. */
export class RowWriter {
  /** Written up to `length`. Another buffer takes its place when it is full. */
  buffer: Uint8Array = new Uint8Array(64 * 1024);
  /** May be set back, to forget what was written last. */
  length = 0;

  /** 0–255. */
  byte(value: number): void {
    this.#reserve(1);
    this.buffer[this.length] = value;
    this.length += 1;
  }

  /** Bytes as they are, without their length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is not a whole number from 0 to 2^53-1`);
    }
    this.#reserve(maxVarintBytes);
    const buffer = this.buffer;
    let at = this.length;
    let rest = value;
    // Bit operators hold 31 bits; what is above goes by division.
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
    buffer[at++] = rest;
    this.length = at;
  }

  uints(values: readonly number[]): void {
    this.uint(values.length);
    for (const value of values) this.uint(value);
  }

  /** Zigzag: 0, -1, 1, -2, … become 0, 1, 2, 3, … */
  int(value: number): void {
    if (!Number.isSafeInteger(value) || value < minInt || value > maxInt) {
      throw new RangeError(`${value} is not a whole number from -2^52 to 2^52-1`);
    }
    this.uint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  flag(value: boolean): void {
    this.uint(value ? 1 : 0);
  }

  bytes(value: Bytes): void {
    const length = value.length;
    this.uint(length);
    this.#reserve(length);
    const buffer = this.buffer;
    const start = this.length;
    let allCodes = 0;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      allCodes |= code;
      buffer[start + i] = code;
    }
    if (allCodes > 0xff) throw new RangeError(`${JSON.stringify(value)} is not a byte string`);
    this.length = start + length;
  }

  text(value: string): void {
    const encoded = utf8.encode(value);
    this.uint(encoded.length);
    this.#reserve(encoded.length);
    this.buffer.set(encoded, this.length);
    this.length += encoded.length;
  }

  by(value: By): void {
    this.uint(value.task);
    this.uint(value.pid);
    this.uint(value.uid);
    this.uint(value.gid);
  }

  #reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(2 * this.buffer.length, this.length + sizeBytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

/** Reads a buffer of rows from its start or `offset` on. */
export class RowReader {
  readonly buffer: Uint8Array;
  /** The next byte to be read. */
  offset: number;

  constructor(buffer: Uint8Array, offset = 0) {
    this.buffer = buffer;
    this.offset = offset;
  }

  byte(): number {
    const byte = this.buffer[this.offset];
    if (byte === undefined) throw new DecodeError('the bytes end where one should follow', this.offset);
    this.offset += 1;
    return byte;
  }

  /** The next bytes as they are, a part of the buffer. */
  raw(length: number): Uint8Array {
    const start = this.offset;
    this.skip(length);
    return this.buffer.subarray(start, this.offset);
  }

  skip(length: number): void {
    const left = this.buffer.length - this.offset;
    if (length > left) throw new DecodeError(`${length} bytes have only ${left} left`, this.offset);
    this.offset += length;
  }

  uint(): number {
    const first = this.buffer[this.offset];
    if (first === undefined || first >= 0x80) return this.#longUint();
    this.offset += 1;
    return first;
  }

  uints(): readonly number[] {
    const start = this.offset;
    const length = this.uint();
    if (length === 0) return noUints;
    const left = this.buffer.length - this.offset;
    if (length > left)
      throw new DecodeError(`a list of ${length} numbers has only ${left} bytes left`, start);
    return Object.freeze(Array.from({ length }, () => this.uint()));
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  flag(): boolean {
    const start = this.offset;
    const value = this.uint();
    if (value > 1) throw new DecodeError(`a flag is ${value}, which is neither 0 nor 1`, start);
    return value === 1;
  }

  bytes(): Bytes {
    const length = this.#lengthOf('a byte string');
    const start = this.offset;
    this.offset += length;
    return length <= maxSharedBytes
      ? sharedBytes(this.buffer, start, this.offset)
      : bytesFrom(this.buffer.subarray(start, this.offset));
  }

  text(): string {
    const length = this.#lengthOf('a text');
    const start = this.offset;
    this.offset += length;
    try {
      return strictUtf8.decode(this.buffer.subarray(start, this.offset));
    } catch {
      // The decoder's own error names no place, and there is no other cause.
      throw new DecodeError('a text is not UTF-8', start);
    }
  }

  by(): By {
    return { task: this.uint(), pid: this.uint(), uid: this.uint(), gid: this.uint() };
  }

  #longUint(): number {
    const buffer = this.buffer;
    const start = this.offset;
    let value = 0;
    let scale = 1;
    for (let at = start; at < start + maxVarintBytes; at++) {
      const byte = buffer[at];
      if (byte === undefined) throw new DecodeError('the bytes end where a number should go on', at);
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte >= 0x80) continue;
      if (byte === 0) throw new DecodeError('a number is longer than it needs to be', start);
      if (value > Number.MAX_SAFE_INTEGER) break;
      this.offset = at + 1;
      return value;
    }
    throw new DecodeError('a number is above 2^53-1', start);
  }

  #lengthOf(what: string): number {
    const start = this.offset;
    const length = this.uint();
    const left = this.buffer.length - this.offset;
    if (length > left) throw new DecodeError(`${what} of ${length} bytes has only ${left} left`, start);
    return length;
  }
}

// Names repeat by the million: a small cache hands out the same string again, which is faster than to build
// a new one and keeps one copy in memory.

const maxSharedBytes = 64;
const slotCount = 1024;
const slots: Bytes[] = new Array<Bytes>(slotCount).fill('');

function sharedBytes(buffer: Uint8Array, start: number, end: number): Bytes {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (buffer[i] ?? 0)) | 0;
  const slot = (hash ^ (hash >>> 10)) & (slotCount - 1);
  const cached = slots[slot] ?? '';
  if (cached.length === end - start && holds(buffer, start, cached)) return cached;
  const bytes = bytesFrom(buffer.subarray(start, end));
  slots[slot] = bytes;
  return bytes;
}

function holds(buffer: Uint8Array, start: number, bytes: Bytes): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (buffer[start + i] !== bytes.charCodeAt(i)) return false;
  }
  return true;
}
