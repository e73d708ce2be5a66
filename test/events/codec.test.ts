/** Every event survives its row, has exactly one, and nothing else is read as an event. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { place, readRow, writeRow } from '../../events/codec.ts';
import type { Event, EventType, ExitFact, Fact } from '../../events/event.ts';
import { layouts, words } from '../../events/layout.ts';
import { DecodeError, RowReader, RowWriter } from '../../events/rows.ts';
import { seededRandom } from '../../src/random.ts';
import { eventTypes, randomFact } from '../support/facts.ts';

const codec = suite('codec');

const by = { task: 300, pid: 4242, uid: 1000, gid: 100 };

/** One fact of every type with its row in hex, 300 µs after the event before it and 5 µs askew. */
const frozen: { readonly [T in EventType]: readonly [Extract<Fact, { type: T }>, string] } = {
  recording: [
    { type: 'recording', id: 'V1StGXR8_Z5jdHi6B-myT', version: '0.1.0' },
    '01ac02051556315374475852385f5a356a64486936422d6d795405302e312e30',
  ],
  source: [
    { type: 'source', name: 'ebpf', bootId: 'b7c1', blind: 'ä' },
    '02ac02050465627066046237633102c3a4',
  ],
  stop: [{ type: 'stop' }, '03ac0205'],
  tree: [
    { type: 'tree', tree: 1, name: 'n\xff', container: 2, hierarchy: 3, group: 300, mountPoint: '/m' },
    '04ac020501026eff0203ac02022f6d',
  ],
  untree: [{ type: 'untree', tree: 2 }, '07ac020502'],
  clock: [{ type: 'clock', offsetUs: -1 }, '05ac020501'],
  gap: [
    { type: 'gap', reason: 'stopped', lost: 128, sinceUs: 1700000000000000, detail: 'x' },
    '06ac02050180018080f9c0c1c482030178',
  ],
  stall: [{ type: 'stall', lengthUs: 300 }, '08ac0205ac02'],
  adopt: [
    {
      type: 'adopt',
      task: 1,
      parent: 2,
      container: 3,
      mirrored: [8, 300],
      pid: 4,
      tgid: 5,
      startTicks: 4294967296,
      uid: 6,
      suid: 7,
      comm: 'sh',
      certainty: 'unknown',
    },
    '10ac02050102030208ac0204058080808010060702736802',
  ],
  fork: [
    {
      type: 'fork',
      task: 1,
      parent: 2,
      into: [9],
      pid: 3,
      tgid: 4,
      startTicks: 4294967295,
      uid: 5,
      suid: 6,
      comm: 'sh',
    },
    '11ac0205010201090304ffffffff0f0506027368',
  ],
  exec: [
    { type: 'exec', task: 1, pid: 2, startTicks: 3, comm: 'sh', program: '/bin/sh' },
    '12ac0205010203027368072f62696e2f7368',
  ],
  cmdline: [{ type: 'cmdline', task: 1, arguments: 'a\0\xff', cut: true }, '17ac020501036100ff01'],
  comm: [{ type: 'comm', task: 16384, comm: '' }, '13ac020580800100'],
  uid: [{ type: 'uid', task: 1, uid: 4294967295, suid: 0 }, '14ac020501ffffffff0f00'],
  exit: [
    {
      type: 'exit',
      task: 9007199254740991,
      code: 255,
      signal: 9,
      cpuUs: 300,
      peakBytes: 4096,
      certainty: 'inferred',
    },
    '15ac0205ffffffffffffff0fff0109ac02802001',
  ],
  oom: [{ type: 'oom', task: 1 }, '16ac020501'],
  mkdir: [
    {
      type: 'mkdir',
      container: 1,
      parent: 2,
      name: 'Charlie',
      group: 300,
      mode: 0o1755,
      uid: 3,
      gid: 4,
      notify: true,
      by,
    },
    '20ac0205010207436861726c6965ac02ed07030401ac029221e80764',
  ],
  rmdir: [{ type: 'rmdir', container: 1, by }, '21ac020501ac029221e80764'],
  rename: [{ type: 'rename', container: 1, name: 'x', by }, '22ac0205010178ac029221e80764'],
  attach: [{ type: 'attach', task: 1, container: 2, by, certainty: 'known' }, '23ac02050102ac029221e8076400'],
  flag: [{ type: 'flag', container: 1, on: false, by }, '24ac02050100ac029221e80764'],
  attr: [
    { type: 'attr', container: 1, node: 'notify_on_release', mode: 0o644, uid: 2, gid: 3, by },
    '25ac02050102a4030203ac029221e80764',
  ],
  populated: [{ type: 'populated', container: 1 }, '26ac020501'],
  empty: [{ type: 'empty', container: 1 }, '27ac020501'],
  name: [{ type: 'name', container: 1, name: 'web' }, '28ac02050103776562'],
  release: [
    { type: 'release', container: 1, path: '/Charlie', cause: 'look', task: 0 },
    '30ac020501082f436861726c69650300',
  ],
  agent: [{ type: 'agent', release: 1, attempt: 2, program: '/a' }, '31ac02050102022f61'],
  outcome: [
    { type: 'outcome', release: 1, attempt: 2, code: 0, signal: 0, error: 'ENOENT' },
    '32ac02050102000006454e4f454e54',
  ],
  stale: [{ type: 'stale', release: 1 }, '33ac020501'],
  appoint: [{ type: 'appoint', program: '/a', by }, '34ac0205022f61ac029221e80764'],
  refused: [
    { type: 'refused', command: 'mkdir', path: '/a', errno: 'EEXIST', saw: 'it', by },
    '40ac0205056d6b646972022f6106454558495354026974ac029221e80764',
  ],
  suppressed: [{ type: 'suppressed', uid: 1, count: 2 }, '41ac02050102'],
};

function rowOf(fact: Fact, sinceUs = 300, skewUs = -5): Uint8Array {
  const writer = new RowWriter();
  writeRow(writer, fact, sinceUs, skewUs);
  return writer.buffer.slice(0, writer.length);
}

function read(row: Uint8Array): Event {
  const reader = new RowReader(row);
  const event = readRow(reader, 7, 1000);
  assert.is(reader.offset, row.length);
  return event;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

codec('is what it was when the first recording was made', () => {
  for (const [fact, row] of Object.values(frozen)) {
    assert.is(hex(rowOf(fact)), row, fact.type);
    assert.equal(read(Buffer.from(row, 'hex')), { ...fact, seq: 7, timeUs: 1300, skewUs: -5 });
  }
  assert.equal(words, {
    certainty: { known: 0, inferred: 1, unknown: 2 },
    reason: { overflow: 0, stopped: 1, nonsense: 2, unplaced: 3, unsound: 4, full: 5 },
    cause: { exit: 0, attach: 1, rmdir: 2, look: 3 },
    node: { directory: 0, tasks: 1, notify_on_release: 2, release_agent: 3 },
  });
});

codec('every type of event survives, whatever its fields hold', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = seededRandom(seed);
    for (const type of eventTypes) {
      const fact = randomFact(random, type);
      const timeUs = random.bits();
      const event = readRow(new RowReader(rowOf(fact, timeUs, -seed)), seed, 1000);
      assert.equal(event, { ...fact, seq: seed, timeUs: 1000 + timeUs, skewUs: 0 - seed }, `seed ${seed}`);
    }
  }
});

codec('an event that was read looks like the one that was placed: same fields, same order, frozen', () => {
  for (const type of eventTypes) {
    const fact = randomFact(seededRandom(1), type);
    const placed = place(fact, 7, 1300, -5);
    const replayed = read(rowOf(fact));
    assert.is(JSON.stringify(replayed), JSON.stringify(placed));
    assert.ok(Object.isFrozen(placed) && Object.isFrozen(replayed));
  }
});

codec('an event has one row: damaged bytes are refused, or are the row of another event', () => {
  let refused = 0;
  for (let seed = 0; seed < 3000; seed++) {
    const random = seededRandom(seed);
    const row = rowOf(randomFact(random));
    const at = random.below(row.length);
    row[at] = (row[at] ?? 0) ^ (1 << random.below(8));
    const reader = new RowReader(row);
    const event = eventOrRefusal(reader);
    if (event === undefined) refused += 1;
    else {
      const again = rowOf(event, event.timeUs - 1000, event.skewUs);
      assert.is(hex(again), hex(row.subarray(0, reader.offset)), `seed ${seed}`);
    }
  }
  assert.ok(refused > 100, `only ${refused} were refused`);
});

function eventOrRefusal(reader: RowReader): Event | undefined {
  try {
    return readRow(reader, 7, 1000);
  } catch (error) {
    assert.instance(error, DecodeError);
    return undefined;
  }
}

codec('a row that is cut short anywhere is refused', () => {
  for (const type of eventTypes) {
    const row = rowOf(randomFact(seededRandom(2), type));
    for (let length = 0; length < row.length; length++) {
      assert.throws(() => read(row.subarray(0, length)), isDecodeError, `${type} of ${length} bytes`);
    }
  }
});

codec('a refusal says what is wrong, and where', () => {
  const refusals: readonly [number[], string][] = [
    [[127, 0, 0], 'no type of event has code 127 (at byte 0)'],
    [[0x80], 'the bytes end where a number should go on (at byte 1)'],
    [[layouts.stale.code, 0, 0, 0x80, 0], 'a number is longer than it needs to be (at byte 3)'],
    [[layouts.stale.code, 0, 0, ...Array(7).fill(0xff), 0x10], 'a number is above 2^53-1 (at byte 3)'],
    [[layouts.stale.code, 0, 0, ...Array(9).fill(0xff), 1], 'a number is above 2^53-1 (at byte 3)'],
    [[layouts.stale.code, ...Array(7).fill(0xff), 0x0f, 0, 1], 'a time is above 2^53-1 (at byte 9)'],
    [[layouts.comm.code, 0, 0, 1, 5, 65], 'a byte string of 5 bytes has only 1 left (at byte 4)'],
    [[layouts.recording.code, 0, 0, 1, 0xff, 0], 'a text is not UTF-8 (at byte 4)'],
    [[layouts.flag.code, 0, 0, 1, 2, 0, 0, 0, 0], 'a flag is 2, which is neither 0 nor 1 (at byte 4)'],
    [[layouts.exit.code, 0, 0, 1, 0, 0, 0, 0, 3], 'no certainty has number 3 (at byte 8)'],
  ];
  for (const [bytes, message] of refusals) {
    assert.throws(
      () => read(Uint8Array.from(bytes)),
      (error: Error) => isDecodeError(error) && assert.is(error.message, message) === undefined,
    );
  }
});

function isDecodeError(error: Error): boolean {
  return error instanceof DecodeError;
}

codec('a value that cannot be stored is named, and nothing of its row is written', () => {
  const exit: ExitFact = {
    type: 'exit',
    task: 1,
    code: 0,
    signal: 0,
    cpuUs: 0,
    peakBytes: 0,
    certainty: 'known',
  };
  const impossible: readonly [Fact, string][] = [
    [{ ...exit, task: -1 }, 'the task of this exit event cannot be stored: -1 is not a whole number'],
    [{ ...exit, code: 1.5 }, 'the code of this exit event cannot be stored: 1.5 is not a whole number'],
    [{ ...exit, signal: Number.NaN }, 'the signal of this exit event cannot be stored: NaN is not'],
    [{ ...exit, task: 2 ** 53 }, 'the task of this exit event cannot be stored: 9007199254740992 is not'],
    [
      { ...exit, certainty: 'sure' as 'known' },
      'the certainty of this exit event cannot be stored: "sure" is no',
    ],
    [
      { type: 'comm', task: 1, comm: 'Grüße, 容器' },
      'the comm of this comm event cannot be stored: "Grüße, 容器" is',
    ],
    [
      { type: 'clock', offsetUs: 2 ** 52 },
      'the offsetUs of this clock event cannot be stored: 4503599627370496',
    ],
  ];
  for (const [fact, message] of impossible) {
    const writer = new RowWriter();
    writeRow(writer, exit, 0, 0);
    const { length } = writer;
    assert.throws(
      () => writeRow(writer, fact, 0, 0),
      (error: Error) => error instanceof RangeError && error.message.startsWith(message),
      message,
    );
    assert.is(writer.length, length);
  }
  assert.throws(() => rowOf(exit, 0, 1), /skewUs/);
  assert.throws(() => rowOf(exit, -1, 0), /timeUs/);
});

codec('a buffer grows to hold any row', () => {
  const writer = new RowWriter();
  const long = 'x'.repeat(100_000);
  for (let i = 0; i < 5; i++) writeRow(writer, { type: 'comm', task: i, comm: long }, 0, 0);
  const reader = new RowReader(writer.buffer.subarray(0, writer.length));
  for (let i = 0; i < 5; i++) {
    assert.equal(readRow(reader, 1, 0), { type: 'comm', task: i, comm: long, seq: 1, timeUs: 0, skewUs: 0 });
  }
});

codec('names that share a place in the cache of names are not mixed up', () => {
  for (let i = 0; i < 5000; i++) {
    const comm = `thread/${i}`;
    const event = read(rowOf({ type: 'comm', task: 1, comm }));
    assert.ok(event.type === 'comm' && event.comm === comm, comm);
  }
});

codec.run();
