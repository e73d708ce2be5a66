/**
 * Events as columns: the second of the two ways in which they are stored (the other is rows, `codec.ts`). What many
 * events have in common is stored once, and one field of one event is read without the rest. Built from the table in
 * `layout.ts`. Runs anywhere: no Node import.
 *
 *     columns = codes, timeUs, -skewUs (a column each, over all events), then for each type that is among them, by
 *               ascending code, its fields in the table's order, over the events of that type
 *
 *     a number, flag or word: a column, of the numbers that stand for words where it is one
 *     tgid and suid:          a byte, 1 where the column holds the difference to pid or uid, 0 where the number itself
 *     bytes and text:         a column of numbers that a dictionary gives to strings
 *     uints:                  a column of lengths, then a column of all numbers of all lists
 *     by:                     its four numbers, a column each
 *
 * Events are read in two faces. `replay` hands each over as a view: an object of its type that is good until the next
 * one is handed over, and reads a field when it is asked for it. `event` makes the plain frozen object.
 */
import { assert } from './assert.ts';
import { type Bytes, bufferOf, utf8BytesOf } from './bytes.ts';
import { place } from './codec.ts';
import { Column, writeColumn } from './column.ts';
import type { By, Event, EventType, Fact } from './event.ts';
import { type Kind, layouts, type WordKind, words } from './layout.ts';
import { DecodeError, noUints, type RowReader, type RowWriter } from './rows.ts';

/** Gives every string a number, the same whenever it is asked. */
export interface StringNumbers {
  numberOf(bytes: Bytes): number;
}

/** Knows the strings by their numbers. Throws where one is not known. */
export interface Strings {
  at(number: number): Bytes;
}

/** Of a process and of a user there are two numbers each, which mostly are the same. */
const likeField: Readonly<Record<string, string>> = { tgid: 'pid', suid: 'uid' };
/** Larger differences are not stored as such. */
const maxDifference = 2 ** 51;

type Row = { readonly [name: string]: unknown };
interface Field {
  readonly name: string;
  readonly kind: Kind;
}
interface Type {
  readonly type: EventType;
  readonly code: number;
  readonly fields: readonly Field[];
}

const types: readonly Type[] = (Object.keys(layouts) as EventType[])
  .map((type) => ({
    type,
    code: layouts[type].code,
    fields: Object.entries<Kind>(layouts[type].fields).map(([name, kind]) => ({ name, kind })),
  }))
  .sort((a, b) => a.code - b.code);

// Writing.

/** Writes these events as columns. They must follow each other in a log. */
export function writeColumns(writer: RowWriter, events: readonly Event[], strings: StringNumbers): void {
  write(writer, events, (event) => layouts[event.type].code);
  write(writer, events, (event) => event.timeUs);
  write(writer, events, (event) => 0 - event.skewUs);
  for (const { type, fields } of types) {
    const rows = events.filter((event) => event.type === type) as readonly unknown[] as readonly Row[];
    if (rows.length === 0) continue;
    for (const field of fields) writeField(writer, field, rows, strings);
  }
}

function writeField(
  writer: RowWriter,
  { name, kind }: Field,
  rows: readonly Row[],
  strings: StringNumbers,
): void {
  switch (kind) {
    case 'uint':
    case 'int':
      writeNumbers(writer, name, rows);
      break;
    case 'flag':
      write(writer, rows, (row) => (row[name] === true ? 1 : 0));
      break;
    case 'bytes':
      write(writer, rows, (row) => strings.numberOf(row[name] as Bytes));
      break;
    case 'text':
      write(writer, rows, (row) => strings.numberOf(utf8BytesOf(row[name] as string)));
      break;
    case 'uints': {
      const lists = rows.map((row) => row[name] as readonly number[]);
      write(writer, lists, (list) => list.length);
      write(writer, lists.flat(), (value) => value);
      break;
    }
    case 'by':
      for (const part of byParts) write(writer, rows, (row) => (row[name] as By)[part]);
      break;
    default: {
      const numbers: Readonly<Record<string, number>> = words[kind];
      write(writer, rows, (row) => numbers[row[name] as string] ?? 0);
    }
  }
}

function writeNumbers(writer: RowWriter, name: string, rows: readonly Row[]): void {
  const like = likeField[name];
  if (like === undefined) {
    write(writer, rows, (row) => row[name] as number);
    return;
  }
  const difference = (row: Row): number => (row[name] as number) - (row[like] as number);
  const isNear = rows.every((row) => Math.abs(difference(row)) < maxDifference);
  writer.byte(isNear ? 1 : 0);
  write(writer, rows, isNear ? difference : (row) => row[name] as number);
}

function write<Of>(writer: RowWriter, rows: readonly Of[], numberOf: (row: Of) => number): void {
  const numbers = new Float64Array(rows.length);
  for (const [i, row] of rows.entries()) numbers[i] = numberOf(row);
  writeColumn(writer, numbers, rows.length);
}

const byParts = ['task', 'pid', 'uid', 'gid'] as const;

// Reading.

/** A field's values over all events of its type. */
interface Values<Value> {
  at(row: number): Value;
}

/** What is nearly another field's. */
class Differences implements Values<number> {
  readonly #like: Values<number>;
  readonly #column: Column;

  constructor(like: Values<number>, column: Column) {
    this.#like = like;
    this.#column = column;
  }

  at(row: number): number {
    return this.#like.at(row) + this.#column.at(row);
  }
}

class Flags implements Values<boolean> {
  readonly #column: Column;

  constructor(column: Column) {
    this.#column = column;
  }

  at(row: number): boolean {
    return this.#column.at(row) === 1;
  }
}

class Words implements Values<string | undefined> {
  readonly #column: Column;
  readonly #byNumber: readonly string[];

  constructor(column: Column, byNumber: readonly string[]) {
    this.#column = column;
    this.#byNumber = byNumber;
  }

  at(row: number): string | undefined {
    return this.#byNumber[this.#column.at(row)];
  }
}

class ByteStrings implements Values<Bytes> {
  readonly #column: Column;
  readonly #strings: Strings;

  constructor(column: Column, strings: Strings) {
    this.#column = column;
    this.#strings = strings;
  }

  at(row: number): Bytes {
    return this.#strings.at(this.#column.at(row));
  }
}

class Texts implements Values<string> {
  readonly #column: Column;
  readonly #strings: Strings;

  constructor(column: Column, strings: Strings) {
    this.#column = column;
    this.#strings = strings;
  }

  at(row: number): string {
    return strictUtf8.decode(bufferOf(this.#strings.at(this.#column.at(row))));
  }
}

class Lists implements Values<readonly number[]> {
  readonly #lengths: Column;
  readonly #numbers: Column;

  constructor(lengths: Column, numbers: Column) {
    this.#lengths = lengths;
    this.#numbers = numbers;
  }

  at(row: number): readonly number[] {
    const length = this.#lengths.at(row);
    if (length === 0) return noUints;
    const start = this.#startOf(row);
    return Object.freeze(Array.from({ length }, (_, i) => this.#numbers.at(start + i)));
  }

  #startOf(row: number): number {
    const { constant } = this.#lengths;
    if (constant !== undefined) return row * constant;
    let start = 0;
    for (let before = 0; before < row; before++) start += this.#lengths.at(before);
    return start;
  }
}

class Bys implements Values<By> {
  readonly #parts: readonly Column[];

  constructor(parts: readonly Column[]) {
    this.#parts = parts;
  }

  at(row: number): By {
    const [task = 0, pid = 0, uid = 0, gid = 0] = this.#parts.map((column) => column.at(row));
    return { task, pid, uid, gid };
  }
}

/**
 * The events of one type, one at a time: `row` says which of them, and `place` which of all. It has the fields of every
 * type, for whoever folds events reads views of all types in turn: they are read fast while they all are of one class.
 * A field that its type does not have is undefined, and `in` does not tell. What nobody asks for is not read.
 */
class View {
  readonly type: EventType;
  readonly columns: EventColumns;
  /** By the number of the field's name. */
  readonly sources: readonly (Values<unknown> | undefined)[];
  row = -1;
  place = 0;

  constructor(type: EventType, columns: EventColumns, sources: readonly (Values<unknown> | undefined)[]) {
    this.type = type;
    this.columns = columns;
    this.sources = sources;
  }

  get seq(): number {
    return this.columns.firstSeq + this.place;
  }

  get timeUs(): number {
    return this.columns.timeUsAt(this.place);
  }

  get skewUs(): number {
    return this.columns.skewUsAt(this.place);
  }
}

type Getter = (this: View) => unknown;

/** The names of all fields of all types, each with its number. */
const nameNumbers: ReadonlyMap<string, number> = defineFields();

function defineFields(): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { name, kind } of types.flatMap(({ fields }) => fields)) {
    if (numbers.has(name)) continue;
    Object.defineProperty(View.prototype, name, { get: getterOf(kind, numbers.size), enumerable: true });
    numbers.set(name, numbers.size);
  }
  return numbers;
}

/** The same function for each kind, but not the same one for all: each meets few kinds of sources, and is fast. */
function getterOf(kind: Kind, i: number): Getter {
  switch (kind) {
    case 'uint':
    case 'int':
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
    case 'flag':
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
    case 'bytes':
    case 'text':
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
    case 'uints':
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
    case 'by':
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
    default:
      return function (this: View) {
        return this.sources[i]?.at(this.row);
      };
  }
}

const wordsByNumber = Object.fromEntries(
  (Object.keys(words) as WordKind[]).map((kind) => [kind, wordsOf(kind)]),
) as { readonly [K in WordKind]: readonly string[] };

function wordsOf(kind: WordKind): readonly string[] {
  const byNumber: string[] = [];
  for (const [word, number] of Object.entries<number>(words[kind])) byNumber[number] = word;
  return byNumber;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Some events that follow each other, as columns in a buffer. */
export class EventColumns {
  readonly firstSeq: number;
  readonly count: number;
  /** Of each event. */
  readonly #codes: Uint8Array;
  readonly #times: Column;
  readonly #lags: Column;
  /** By code; of the types that are among these. */
  readonly #views: readonly (View | undefined)[];

  /** Reads what `writeColumns` wrote, and leaves the reader behind it. Throws a `DecodeError` where it cannot. */
  constructor(reader: RowReader, firstSeq: number, count: number, strings: Strings) {
    this.firstSeq = firstSeq;
    this.count = count;
    this.#codes = readCodes(reader, count);
    this.#times = new Column(reader, count);
    this.#lags = new Column(reader, count);
    this.#views = this.#readViews(reader, strings);
  }

  /** When event `i` happened, counted from 0 in here. */
  timeUsAt(i: number): number {
    return this.#times.at(i);
  }

  skewUsAt(i: number): number {
    return 0 - this.#lags.at(i);
  }

  /** Hands over the events from `start` up to before `end`, counted from 0 in here, each as a view. */
  replay(start: number, end: number, evolve: (event: Event) => void): void {
    const codes = this.#codes;
    const views = this.#views;
    for (const view of views) if (view) view.row = -1;
    for (let i = 0; i < start; i++) this.#viewOf(i).row += 1;
    for (let i = start; i < end; i++) {
      const view = views[codes[i] ?? 0] ?? this.#viewOf(i);
      view.row += 1;
      view.place = i;
      evolve(view as unknown as Event);
    }
  }

  /** The events from `start` up to before `end`, each as a plain frozen object. */
  events(start: number, end: number): readonly Event[] {
    const events: Event[] = [];
    this.replay(start, end, (view) => {
      events.push(place(view as Fact, view.seq, view.timeUs, view.skewUs));
    });
    return events;
  }

  #viewOf(i: number): View {
    const code = this.#codes[i] ?? 0;
    const view = this.#views[code];
    assert(view, 'events of code % are among these', code);
    return view;
  }

  #readViews(reader: RowReader, strings: Strings): readonly (View | undefined)[] {
    const counts = new Int32Array(maxCode + 1);
    for (const code of this.#codes) counts[code] = (counts[code] ?? 0) + 1;
    const views: (View | undefined)[] = [];
    for (const { type, code, fields } of types) {
      const count = counts[code] ?? 0;
      if (count > 0) views[code] = new View(type, this, readSources(reader, fields, count, strings));
    }
    return views;
  }
}

const maxCode = Math.max(...types.map(({ code }) => code));
/** By code, 1 where a type has it. */
const isCode = new Uint8Array(maxCode + 1);
for (const { code } of types) isCode[code] = 1;

function readCodes(reader: RowReader, count: number): Uint8Array {
  const column = new Column(reader, count);
  const read = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const code = column.at(i);
    if (isCode[code] !== 1) throw new DecodeError(`no type of event has code ${code}`, reader.offset);
    read[i] = code;
  }
  return read;
}

function readSources(
  reader: RowReader,
  fields: readonly Field[],
  count: number,
  strings: Strings,
): readonly (Values<unknown> | undefined)[] {
  const sources = new Array<Values<unknown> | undefined>(nameNumbers.size).fill(undefined);
  for (const { name, kind } of fields) {
    const like = sources[numberOfName(likeField[name] ?? name)] as Values<number> | undefined;
    sources[numberOfName(name)] = readSource(reader, kind, count, strings, like);
  }
  return sources;
}

function numberOfName(name: string): number {
  return nameNumbers.get(name) ?? 0;
}

/** `like` is the field of which this one may hold the differences. */
function readSource(
  reader: RowReader,
  kind: Kind,
  count: number,
  strings: Strings,
  like: Values<number> | undefined,
): Values<unknown> {
  switch (kind) {
    case 'uint':
      if (like !== undefined && reader.flag()) return new Differences(like, new Column(reader, count));
      return new Column(reader, count);
    case 'int':
      return new Column(reader, count);
    case 'flag':
      return new Flags(new Column(reader, count));
    case 'bytes':
      return new ByteStrings(new Column(reader, count), strings);
    case 'text':
      return new Texts(new Column(reader, count), strings);
    case 'by':
      return new Bys(byParts.map(() => new Column(reader, count)));
    case 'uints':
      return readLists(reader, count);
    default:
      return new Words(new Column(reader, count), wordsByNumber[kind]);
  }
}

function readLists(reader: RowReader, count: number): Lists {
  const lengths = new Column(reader, count);
  let total = 0;
  for (let row = 0; row < count; row++) total += lengths.at(row);
  return new Lists(lengths, new Column(reader, total));
}
