/** Events as columns: every event of every type is read back in both faces, and damage is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Bytes } from '../../events/bytes.ts';
import { place } from '../../events/codec.ts';
import { EventColumns, type StringNumbers, type Strings, writeColumns } from '../../events/columns.ts';
import type { Event } from '../../events/event.ts';
import { DecodeError, RowReader, RowWriter } from '../../events/rows.ts';
import { seededRandom } from '../../src/random.ts';
import { randomStamped } from '../support/facts.ts';

const columns = suite('events as columns');

class Numbered implements StringNumbers, Strings {
  readonly #numbers = new Map<Bytes, number>();
  readonly #strings: Bytes[] = [];

  numberOf(bytes: Bytes): number {
    const known = this.#numbers.get(bytes);
    if (known !== undefined) return known;
    const number = this.#strings.push(bytes) - 1;
    this.#numbers.set(bytes, number);
    return number;
  }

  at(number: number): Bytes {
    const bytes = this.#strings[number];
    if (bytes === undefined) throw new Error(`no string ${number}`);
    return bytes;
  }
}

function randomEvents(seed: number, count: number, firstSeq: number): readonly Event[] {
  return randomStamped(seededRandom(seed), count, 1_790_000_000_000_000).map(({ fact, timeUs, skewUs }, i) =>
    place(fact, firstSeq + i, timeUs, skewUs),
  );
}

function written(events: readonly Event[], strings: StringNumbers): Uint8Array {
  const writer = new RowWriter();
  writeColumns(writer, events, strings);
  writer.raw(new Uint8Array(4));
  return writer.buffer.slice(0, writer.length);
}

function read(bytes: Uint8Array, events: readonly Event[], strings: Strings): EventColumns {
  return new EventColumns(new RowReader(bytes), events[0]?.seq ?? 0, events.length, strings);
}

columns('read back every event of every type', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const events = randomEvents(seed, 1 + seed * 20, seed * 1000);
    const strings = new Numbered();
    const back = read(written(events, strings), events, strings);
    assert.equal(back.events(0, events.length), events, `seed ${seed}`);
  }
});

columns('read back any part of them', () => {
  const events = randomEvents(4, 500, 9);
  const strings = new Numbered();
  const back = read(written(events, strings), events, strings);
  assert.equal(back.events(123, 456), events.slice(123, 456));
  assert.is(back.timeUsAt(77), events[77]?.timeUs);
});

columns('hand over views that have what the plain events have', () => {
  const events = randomEvents(5, 300, 1);
  const strings = new Numbered();
  let i = 0;
  read(written(events, strings), events, strings).replay(0, events.length, (view) => {
    const event = events[i] as unknown as Record<string, unknown>;
    const seen = view as unknown as Record<string, unknown>;
    for (const name of Object.keys(event)) assert.equal(seen[name], event[name], `${name} of event ${i}`);
    i += 1;
  });
  assert.is(i, 300);
});

columns('that are cut short anywhere are refused, never misread', () => {
  const events = randomEvents(6, 60, 1);
  const strings = new Numbered();
  const bytes = written(events, strings);
  for (let length = 0; length < bytes.length - 4; length++) {
    try {
      read(bytes.subarray(0, length), events, strings);
      assert.unreachable(`cut at ${length}`);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `cut at ${length}: ${error}`);
    }
  }
});

columns.run();
