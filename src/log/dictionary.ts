/**
 * The dictionary: the strings that blocks refer to by number, stored once. They lie in chunks of 256, so that a string
 * is found by its number alone. A string that comes again long after is given a new number, and blocks behind that do
 * not refer to older ones: so memory does not grow with the log, and what only forgotten blocks refer to can go with
 * them. Pure functions over bytes: no Node import, the checksum is handed in.
 *
 *     chunk n = how many strings, then each; string i of it has the number 256 n + i; checksum
 */
import type { Bytes } from '../../events/bytes.ts';
import type { StringNumbers, Strings } from '../../events/columns.ts';
import { DecodeError, RowWriter } from '../../events/rows.ts';
import { type Checksum, checked, withChecksum } from './checked.ts';

export const chunkStrings = 256;

/** A generation of strings ends when it has so many of them, or so many bytes of them. */
const generationStrings = 65_536;
const generationBytes = 4 * 1024 * 1024;

/** The number of the chunk that holds a string. */
export function chunkOf(number: number): number {
  return Math.floor(number / chunkStrings);
}

export function writeChunk(strings: readonly Bytes[], checksum: Checksum): Uint8Array {
  const writer = new RowWriter();
  writer.uint(strings.length);
  for (const bytes of strings) writer.bytes(bytes);
  return withChecksum(writer, checksum);
}

/** Throws a `DecodeError` where this is not the chunk that was written. */
function readChunk(value: Uint8Array, checksum: Checksum): readonly Bytes[] {
  const reader = checked(value, checksum);
  const count = reader.uint();
  if (count > chunkStrings) throw new DecodeError(`a chunk of ${count} strings is too long`, 0);
  return Array.from({ length: count }, () => reader.bytes());
}

/** The dictionary as it is written: numbers are given out here. */
export class DictionaryWriter implements StringNumbers {
  #numbers = new Map<Bytes, number>();
  #strings: Bytes[] = [];
  #firstString: number;
  #sizeBytes = 0;
  /** How many strings of this generation are stored. */
  #stored = 0;

  /** Goes on with the generation that begins at this number, which chunks begin with, and has these strings. */
  constructor(firstString = 0, strings: readonly Bytes[] = []) {
    this.#firstString = firstString;
    for (const bytes of strings) this.numberOf(bytes);
    this.#stored = strings.length;
  }

  /** No string of this generation has a lower number. */
  get firstString(): number {
    return this.#firstString;
  }

  numberOf(bytes: Bytes): number {
    const known = this.#numbers.get(bytes);
    if (known !== undefined) return known;
    const number = this.#firstString + this.#strings.push(bytes) - 1;
    this.#numbers.set(bytes, number);
    this.#sizeBytes += bytes.length;
    return number;
  }

  /** The chunks, by number, that have got strings since they were last taken. */
  takeChunks(): readonly (readonly [number: number, strings: readonly Bytes[]])[] {
    const chunks: [number, Bytes[]][] = [];
    const first = this.#stored - (this.#stored % chunkStrings);
    for (let at = first; at < this.#strings.length; at += chunkStrings) {
      chunks.push([chunkOf(this.#firstString + at), this.#strings.slice(at, at + chunkStrings)]);
    }
    const isNew = this.#strings.length > this.#stored;
    this.#stored = this.#strings.length;
    return isNew ? chunks : [];
  }

  /** Begins another generation where this one is full; to be called between two blocks. */
  turn(): void {
    if (this.#strings.length < generationStrings && this.#sizeBytes < generationBytes) return;
    this.#firstString = (chunkOf(this.#firstString + this.#strings.length - 1) + 1) * chunkStrings;
    this.#numbers = new Map();
    this.#strings = [];
    this.#sizeBytes = 0;
    this.#stored = 0;
  }
}

/** So many chunks are kept in memory. */
const keptChunks = 512;

/** The dictionary as it is read. */
export class Dictionary implements Strings {
  readonly #load: (chunk: number) => Uint8Array | undefined;
  readonly #checksum: Checksum;
  readonly #chunks = new Map<number, readonly Bytes[]>();

  /** `load` gives a chunk's value, undefined where there is none. */
  constructor(load: (chunk: number) => Uint8Array | undefined, checksum: Checksum) {
    this.#load = load;
    this.#checksum = checksum;
  }

  at(number: number): Bytes {
    const chunk = chunkOf(number);
    const place = number % chunkStrings;
    const bytes = this.#chunks.get(chunk)?.[place] ?? this.chunk(chunk)[place];
    if (bytes === undefined) throw new DecodeError(`string ${number} is missing`, 0);
    return bytes;
  }

  /** The strings of a chunk, as they are stored now: the last chunk grows. */
  chunk(number: number): readonly Bytes[] {
    const value = this.#load(number);
    if (value === undefined) throw new DecodeError(`chunk ${number} of the dictionary is missing`, 0);
    const strings = readChunk(value, this.#checksum);
    this.#chunks.delete(number);
    this.#chunks.set(number, strings);
    const [oldest] = this.#chunks.keys();
    if (oldest !== undefined && this.#chunks.size > keptChunks) this.#chunks.delete(oldest);
    return strings;
  }
}
