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

type Values = { readonly [name: string]: unknown };
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
    const rows = events.filter((event) => event.type === type) as readonly unknown[] as readonly Values[];
    if (rows.length === 0) continue;
    for (const field of fields) writeField(writer, field, rows, strings);
  }
}

function writeField(
  writer: RowWriter,
  { name, kind }: Field,
  rows: readonly Values[],
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

function writeNumbers(writer: RowWriter, name: string, rows: readonly Values[]): void {
  const like = likeField[name];
  if (like === undefined) {
    write(writer, rows, (row) => row[name] as number);
    return;
  }
  const difference = (row: Values): number => (row[name] as number) - (row[like] as number);
  const isNear = rows.every((row) => Math.abs(difference(row)) < maxDifference);
  writer.byte(isNear ? 1 : 0);
  write(writer, rows, isNear ? difference : (row) => row[name] as number);
}

function write<Row>(writer: RowWriter, rows: readonly Row[], numberOf: (row: Row) => number): void {
  const numbers = new Float64Array(rows.length);
  for (const [i, row] of rows.entries()) numbers[i] = numberOf(row);
  writeColumn(writer, numbers, rows.length);
}

const byParts = ['task', 'pid', 'uid', 'gid'] as const;

// Reading.

/** A field's values over all events of its type. */
interface Numbers {
  at(row: number): number;
}

/** What is nearly another field's. */
class Differences implements Numbers {
  readonly #like: Numbers;
  readonly #column: Column;

  constructor(like: Numbers, column: Column) {
    this.#like = like;
    this.#column = column;
  }

  at(row: number): number {
    return this.#like.at(row) + this.#column.at(row);
  }
}

class Lists {
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

class Bys {
  readonly #parts: readonly Column[];

  constructor(parts: readonly Column[]) {
    this.#parts = parts;
  }

  at(row: number): By {
    const [task = 0, pid = 0, uid = 0, gid = 0] = this.#parts.map((column) => column.at(row));
    return { task, pid, uid, gid };
  }
}

type Source = Numbers | Lists | Bys;

/**
 * The events of one type, one at a time: `row` says which of them, and `place` which of all. Its subclasses have the
 * type and the fields. What nobody asks for is not read.
 */
class View {
  readonly columns: EventColumns;
  readonly sources: readonly Source[];
  readonly strings: Strings;
  row = -1;
  place = 0;

  constructor(columns: EventColumns, sources: readonly Source[], strings: Strings) {
    this.columns = columns;
    this.sources = sources;
    this.strings = strings;
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

type ViewClass = new (columns: EventColumns, sources: readonly Source[], strings: Strings) => View;
type Getter = (this: View) => unknown;

const viewClasses: readonly (ViewClass | undefined)[] = viewClassesByCode();

function viewClassesByCode(): readonly (ViewClass | undefined)[] {
  const byCode: ViewClass[] = [];
  for (const type of types) byCode[type.code] = viewClassOf(type);
  return byCode;
}

function viewClassOf({ type, fields }: Type): ViewClass {
  const made = class extends View {};
  Object.defineProperty(made.prototype, 'type', { value: type, enumerable: true });
  for (const [i, { name, kind }] of fields.entries()) {
    Object.defineProperty(made.prototype, name, { get: getterOf(kind, i), enumerable: true });
  }
  return made;
}

/** Each kind has a function of its own, so that each calls one kind of source only and is fast. */
function getterOf(kind: Kind, i: number): Getter {
  switch (kind) {
    case 'uint':
    case 'int':
      return function (this: View) {
        return (this.sources[i] as Numbers).at(this.row);
      };
    case 'flag':
      return function (this: View) {
        return (this.sources[i] as Column).at(this.row) === 1;
      };
    case 'bytes':
      return function (this: View) {
        return this.strings.at((this.sources[i] as Column).at(this.row));
      };
    case 'text':
      return function (this: View) {
        return textOfUtf8(this.strings.at((this.sources[i] as Column).at(this.row)));
      };
    case 'uints':
      return function (this: View) {
        return (this.sources[i] as Lists).at(this.row);
      };
    case 'by':
      return function (this: View) {
        return (this.sources[i] as Bys).at(this.row);
      };
    default: {
      const byNumber = wordsOf(kind);
      return function (this: View) {
        return byNumber[(this.sources[i] as Column).at(this.row)];
      };
    }
  }
}

function wordsOf(kind: WordKind): readonly string[] {
  const byNumber: string[] = [];
  for (const [word, number] of Object.entries<number>(words[kind])) byNumber[number] = word;
  return byNumber;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOfUtf8(bytes: Bytes): string {
  return strictUtf8.decode(bufferOf(bytes));
}

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
    assert(view, `events of code ${code} are among these`);
    return view;
  }

  #readViews(reader: RowReader, strings: Strings): readonly (View | undefined)[] {
    const counts = new Int32Array(viewClasses.length);
    for (const code of this.#codes) counts[code] = (counts[code] ?? 0) + 1;
    const views: (View | undefined)[] = [];
    for (const { code, fields } of types) {
      const count = counts[code] ?? 0;
      const made = viewClasses[code];
      if (count > 0 && made) views[code] = new made(this, readSources(reader, fields, count), strings);
    }
    return views;
  }
}

function readCodes(reader: RowReader, count: number): Uint8Array {
  const column = new Column(reader, count);
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const code = column.at(i);
    if (viewClasses[code] === undefined)
      throw new DecodeError(`no type of event has code ${code}`, reader.offset);
    codes[i] = code;
  }
  return codes;
}

function readSources(reader: RowReader, fields: readonly Field[], count: number): readonly Source[] {
  const byName = new Map<string, Source>();
  for (const field of fields) byName.set(field.name, readSource(reader, field, count, byName));
  return [...byName.values()];
}

function readSource(
  reader: RowReader,
  { name, kind }: Field,
  count: number,
  before: ReadonlyMap<string, Source>,
): Source {
  const like = likeField[name];
  if (kind === 'uint' && like !== undefined && reader.flag()) {
    return new Differences(before.get(like) as Numbers, new Column(reader, count));
  }
  if (kind === 'by') return new Bys(byParts.map(() => new Column(reader, count)));
  if (kind !== 'uints') return new Column(reader, count);
  const lengths = new Column(reader, count);
  let total = 0;
  for (let row = 0; row < count; row++) total += lengths.at(row);
  return new Lists(lengths, new Column(reader, total));
}
