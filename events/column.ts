/**
 * A column: many whole numbers as bits of one fixed width, so that any of them is read in a few machine operations and
 * without allocating. Runs anywhere: no Node import.
 *
 *     column  = encoding (1 byte), width in bits (1 byte, 0–53), its parameters, values packed lowest bit first
 *     line    = value i is base + i * slope + scale * bits(i); parameters: base (its sign is the encoding's: 0 or 1),
 *               slope (an int), scale (uint)
 *     palette = value i is palette[bits(i)]; encoding 2; parameters: how many, then each (ints)
 *
 * Which of the two, and with which parameters, is for the writer to find out: it takes what is smallest. Three bytes or
 * more of anything have to follow the packed values in the buffer, for a reader may read them too.
 */
import { assert } from './assert.ts';
import { DecodeError, type RowReader, type RowWriter } from './rows.ts';

const line = 0;
const lineFromBelow = 1;
const palette = 2;

/** A palette of more would save nothing that is worth its size. */
const maxPalette = 64;
/** What one 32-bit read holds whatever bit it begins at. */
const windowBits = 25;
const maxWidth = 53;
const bytesBehind = 3;
/** A steeper line could leave the whole numbers that a number can hold. */
const maxSlope = 2 ** 31;

/** Writes the first `count` of these whole numbers, each from -2^52 to 2^53-1 and none 2^53 or more from another. */
export function writeColumn(writer: RowWriter, values: ArrayLike<number>, count: number): void {
  const best = lineThrough(values, count);
  const colours = coloursOf(values, count);
  if (colours !== undefined && paletteBits(colours, count) < lineBits(best, count)) {
    writer.byte(palette);
    writer.byte(bitsFor(colours.size - 1));
    writer.uint(colours.size);
    for (const value of colours.keys()) writer.int(value);
    pack(writer, bitsFor(colours.size - 1), count, (i) => colours.get(values[i] ?? 0) ?? 0);
    return;
  }
  const { base, slope, scale, width } = best;
  writer.byte(base < 0 ? lineFromBelow : line);
  writer.byte(width);
  writer.uint(Math.abs(base));
  writer.int(slope);
  writer.uint(scale);
  pack(writer, width, count, (i) => ((values[i] ?? 0) - base - i * slope) / scale);
}

/** A column in a buffer, as it is read. */
export class Column {
  readonly #view: DataView;
  readonly #startBit: number;
  readonly #width: number;
  readonly #mask: number;
  readonly #base: number;
  readonly #slope: number;
  readonly #scale: number;
  readonly #palette: readonly number[] | undefined;

  /** Reads the column of `count` numbers that begins at the reader's offset, and leaves the reader behind it. */
  constructor(reader: RowReader, count: number) {
    const start = reader.offset;
    const encoding = reader.byte();
    this.#width = reader.byte();
    if (encoding > palette || this.#width > maxWidth) throw new DecodeError('no column begins there', start);
    this.#palette = encoding === palette ? readPalette(reader) : undefined;
    const isLine = encoding !== palette;
    this.#base = isLine ? (encoding === lineFromBelow ? -1 : 1) * reader.uint() : 0;
    this.#slope = isLine ? reader.int() : 0;
    this.#scale = isLine ? reader.uint() : 0;
    this.#mask = this.#width >= windowBits ? 0 : 2 ** this.#width - 1;
    const { buffer, byteOffset, byteLength } = reader.buffer;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#startBit = reader.offset * 8;
    reader.skip(packedBytes(count, this.#width));
    if (reader.offset + bytesBehind > reader.buffer.length) {
      throw new DecodeError('a column is cut short', start);
    }
  }

  /** All numbers are this one; undefined where that is not plain from the column's head. */
  get constant(): number | undefined {
    if (this.#width > 0 || this.#slope !== 0) return undefined;
    return this.at(0);
  }

  /** Number `i`, counted from 0; it has to be one of those that were written. */
  at(i: number): number {
    const bits = this.#width === 0 ? 0 : this.#bits(i);
    if (this.#palette !== undefined) return this.#palette[bits] ?? 0;
    return this.#base + i * this.#slope + this.#scale * bits;
  }

  #bits(i: number): number {
    const width = this.#width;
    const bit = this.#startBit + i * width;
    if (width < windowBits) return this.#window(bit) & this.#mask;
    return this.#wide(bit, width);
  }

  /** 25 bits or more from a bit on; what is above them is not of this number. */
  #window(bit: number): number {
    return this.#view.getUint32(bit >>> 3, true) >>> (bit & 7);
  }

  #wide(bit: number, width: number): number {
    const low = this.#window(bit) & 0xffffff;
    if (width <= 48) return low + (this.#window(bit + 24) & (2 ** (width - 24) - 1)) * 2 ** 24;
    const middle = this.#window(bit + 24) & 0xffffff;
    return low + middle * 2 ** 24 + (this.#window(bit + 48) & (2 ** (width - 48) - 1)) * 2 ** 48;
  }
}

interface Line {
  readonly base: number;
  readonly slope: number;
  readonly scale: number;
  readonly width: number;
}

/** The line that leaves the least to be packed: level, rising by one as dense ids do, or through both ends. */
function lineThrough(values: ArrayLike<number>, count: number): Line {
  const first = values[0] ?? 0;
  const last = values[count - 1] ?? 0;
  const through = count > 1 ? Math.round((last - first) / (count - 1)) : 0;
  const slopes = new Set([0, 1, Math.abs(through) <= maxSlope ? through : 0]);
  let best: Line | undefined;
  for (const slope of slopes) {
    const line = lineOfSlope(values, count, slope);
    if (best === undefined || line.width < best.width) best = line;
  }
  assert(best, 'a level line is always tried');
  return best;
}

function lineOfSlope(values: ArrayLike<number>, count: number, slope: number): Line {
  let base = count === 0 ? 0 : Number.POSITIVE_INFINITY;
  let top = 0;
  for (let i = 0; i < count; i++) {
    const rest = (values[i] ?? 0) - i * slope;
    if (rest < base) base = rest;
    if (i === 0 || rest > top) top = rest;
  }
  if (top - base > Number.MAX_SAFE_INTEGER) return { base, slope, scale: 1, width: maxWidth + 1 };
  // A common divisor, such as the page size in sizes of memory, need not be packed with each value.
  let scale = 0;
  for (let i = 0; i < count && scale !== 1; i++) scale = divisor(scale, (values[i] ?? 0) - i * slope - base);
  scale = Math.max(scale, 1);
  return { base, slope, scale, width: count === 0 ? 0 : bitsFor((top - base) / scale) };
}

/** The greatest common divisor of two whole numbers from 0 on. */
function divisor(a: number, b: number): number {
  let [greater, less] = [a, b];
  while (less !== 0) [greater, less] = [less, greater % less];
  return greater;
}

/** The different values, each with its place in the palette; undefined where they are too many. */
function coloursOf(values: ArrayLike<number>, count: number): ReadonlyMap<number, number> | undefined {
  const colours = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    if (colours.has(value)) continue;
    if (colours.size === maxPalette || value > 2 ** 52 - 1) return undefined;
    colours.set(value, colours.size);
  }
  return count === 0 ? undefined : colours;
}

function paletteBits(colours: ReadonlyMap<number, number>, count: number): number {
  let bits = 8;
  for (const value of colours.keys()) bits += 8 * Math.ceil((bitsFor(Math.abs(value)) + 2) / 7);
  return bits + bitsFor(colours.size - 1) * count;
}

function lineBits({ width }: Line, count: number): number {
  return 24 + width * count;
}

function bitsFor(value: number): number {
  let bits = 0;
  for (let rest = value; rest >= 1; rest = Math.floor(rest / 2)) bits += 1;
  return bits;
}

function packedBytes(count: number, width: number): number {
  return Math.ceil((count * width) / 8);
}

function pack(writer: RowWriter, width: number, count: number, bitsOf: (i: number) => number): void {
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < count; i++) {
    let rest = bitsOf(i);
    let left = width;
    while (left > 0) {
      const taken = Math.min(left, 8 - heldBits);
      held |= (rest % 2 ** taken) << heldBits;
      rest = Math.floor(rest / 2 ** taken);
      heldBits += taken;
      left -= taken;
      if (heldBits < 8) continue;
      writer.byte(held);
      held = 0;
      heldBits = 0;
    }
  }
  if (heldBits > 0) writer.byte(held);
}

function readPalette(reader: RowReader): readonly number[] {
  const start = reader.offset;
  const size = reader.uint();
  if (size > maxPalette) throw new DecodeError(`no palette has ${size} values`, start);
  return Array.from({ length: size }, () => reader.int());
}
