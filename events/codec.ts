/**
 * The binary codec: one event as one row of bytes, and back. Both directions are built once, at load, from
 * the table in `layout.ts`. Runs anywhere: no Node import.
 *
 *     row = code, microseconds since the row before, -skewUs, then the fields in the table's order
 *
 * An event has exactly one row (shortest varints, no padding), so rows are the canonical bytes that the log's hash chain
 * runs over. Decoding is strict: what the encoder would not have written is a `DecodeError`.
 */
import type { Event, EventType, Fact } from './event.ts';
import { type Kind, type KindValues, layouts, type WordKind, words } from './layout.ts';
import { DecodeError, type RowReader, type RowWriter } from './rows.ts';

/** Gives a fact its place. The event is frozen and looks the same as one that was read back. */
export function place(fact: Fact, seq: number, timeUs: number, skewUs: number): Event {
  return placers[fact.type](fact, seq, timeUs, skewUs);
}

/**
 * Writes the row of a fact that happened `sinceUs` after the event before it. Throws a `RangeError` where a
 * value cannot be stored, and has then written nothing.
 */
export function writeRow(writer: RowWriter, fact: Fact, sinceUs: number, skewUs: number): void {
  encoders[fact.type](writer, fact, sinceUs, skewUs);
}

/** Reads one row; `seq` and the time of the event before it give the event its place. It is frozen. */
export function readRow(reader: RowReader, seq: number, previousUs: number): Event {
  const start = reader.offset;
  const code = reader.uint();
  const decode = decoders[code];
  if (decode === undefined) throw new DecodeError(`no type of event has code ${code}`, start);
  return decode(reader, seq, previousUs);
}

// Both directions of each kind.

const writeKind: { readonly [K in Kind]: (writer: RowWriter, value: KindValues[K]) => void } = {
  uint: (writer, value) => writer.uint(value),
  uints: (writer, value) => writer.uints(value),
  int: (writer, value) => writer.int(value),
  flag: (writer, value) => writer.flag(value),
  bytes: (writer, value) => writer.bytes(value),
  text: (writer, value) => writer.text(value),
  by: (writer, value) => writer.by(value),
  certainty: wordWriter('certainty'),
  reason: wordWriter('reason'),
  cause: wordWriter('cause'),
  node: wordWriter('node'),
};

const readKind: { readonly [K in Kind]: (reader: RowReader) => KindValues[K] } = {
  uint: (reader) => reader.uint(),
  uints: (reader) => reader.uints(),
  int: (reader) => reader.int(),
  flag: (reader) => reader.flag(),
  bytes: (reader) => reader.bytes(),
  text: (reader) => reader.text(),
  by: (reader) => reader.by(),
  certainty: wordReader('certainty'),
  reason: wordReader('reason'),
  cause: wordReader('cause'),
  node: wordReader('node'),
};

function wordWriter<K extends WordKind>(kind: K): (writer: RowWriter, value: KindValues[K]) => void {
  const numbers = words[kind];
  return (writer, value) => {
    const number: number | undefined = numbers[value];
    if (number === undefined) throw new RangeError(`${JSON.stringify(value)} is no ${kind}`);
    writer.uint(number);
  };
}

function wordReader<K extends WordKind>(kind: K): (reader: RowReader) => KindValues[K] {
  const byNumber: KindValues[K][] = [];
  for (const [word, number] of Object.entries<number>(words[kind])) byNumber[number] = word as KindValues[K];
  return (reader) => {
    const start = reader.offset;
    const number = reader.uint();
    const word = byNumber[number];
    if (word === undefined) throw new DecodeError(`no ${kind} has number ${number}`, start);
    return word;
  };
}

// What each type needs, built from the table.

type Place = (fact: Fact, seq: number, timeUs: number, skewUs: number) => Event;
type Encode = (writer: RowWriter, fact: Fact, sinceUs: number, skewUs: number) => void;
type Decode = (reader: RowReader, seq: number, previousUs: number) => Event;

/** A field with its kind's two directions. The table's type has made sure that they fit the field. */
interface Field {
  readonly name: string;
  readonly write: (writer: RowWriter, value: unknown) => void;
  readonly read: (reader: RowReader) => unknown;
}

/** An event, or a fact, as its fields are gone through one by one. */
type Values = { [name: string]: unknown };

const types = Object.keys(layouts) as EventType[];
const placers = byType(placerOf);
const encoders = byType(encoderOf);
const decoders: (Decode | undefined)[] = [];
for (const type of types) {
  const { code } = layouts[type];
  if (decoders[code] !== undefined) throw new Error(`two types of event have code ${code}`);
  decoders[code] = decoderOf(type);
}

function byType<T>(build: (type: EventType) => T): { readonly [type in EventType]: T } {
  return Object.fromEntries(types.map((type) => [type, build(type)])) as { [type in EventType]: T };
}

function fieldsOf(type: EventType): readonly Field[] {
  return Object.entries<Kind>(layouts[type].fields).map(([name, kind]) => ({
    name,
    write: writeKind[kind] as Field['write'],
    read: readKind[kind],
  }));
}

function placerOf(type: EventType): Place {
  const names = Object.keys(layouts[type].fields);
  return (fact, seq, timeUs, skewUs) => {
    const values = fact as unknown as Values;
    const event: Values = { type };
    for (const name of names) event[name] = values[name];
    return inPlace(event, seq, timeUs, skewUs);
  };
}

function encoderOf(type: EventType): Encode {
  const { code } = layouts[type];
  const fields = fieldsOf(type);
  return (writer, fact, sinceUs, skewUs) => {
    const values = fact as unknown as Values;
    const start = writer.length;
    let name = 'timeUs';
    try {
      writer.uint(code);
      writer.uint(sinceUs);
      name = 'skewUs';
      writer.uint(0 - skewUs);
      for (const field of fields) {
        name = field.name;
        field.write(writer, values[name]);
      }
    } catch (error) {
      writer.length = start;
      // The fact is a view of what is stored, and that is damaged.
      if (error instanceof DecodeError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new RangeError(`the ${name} of this ${type} event cannot be stored: ${why}`, { cause: error });
    }
  };
}

function decoderOf(type: EventType): Decode {
  const fields = fieldsOf(type);
  return (reader, seq, previousUs) => {
    const timeUs = previousUs + reader.uint();
    if (timeUs > Number.MAX_SAFE_INTEGER) throw new DecodeError('a time is above 2^53-1', reader.offset);
    const skewUs = 0 - reader.uint();
    const event: Values = { type };
    for (const field of fields) event[field.name] = field.read(reader);
    return inPlace(event, seq, timeUs, skewUs);
  };
}

/** Both faces of an event end here, so that live and replayed ones have the same hidden class. */
function inPlace(event: Values, seq: number, timeUs: number, skewUs: number): Event {
  event.seq = seq;
  event.timeUs = timeUs;
  event.skewUs = skewUs;
  return Object.freeze(event) as unknown as Event;
}
