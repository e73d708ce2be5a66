/**
 * The reading side of the ring buffer: order, wrap-around, and records that are being written.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ring } from '../../src/sources/ebpf/ring.ts';
import { pageSizeBytes } from '../../src/system/mapping.ts';

const test = suite('ring');

const sizeBytes = pageSizeBytes();
const busy = 0x8000_0000;
const discarded = 0x4000_0000;

/** A file laid out like the kernel's ring, whose writing side is played by the test. */
class PlayedRing {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tasktrail-ring-'));
  readonly #fd = openSync(join(this.#folder, 'ring'), 'w+');
  readonly ring: Ring;
  #produced = 0;

  constructor() {
    ftruncateSync(this.#fd, 2 * pageSizeBytes() + 2 * sizeBytes);
    this.ring = new Ring(this.#fd, sizeBytes);
  }

  /** Queues a record of this many bytes that begins with `value`; returns its place. */
  put(value: number, lengthBytes: number, flags = 0): number {
    const place = this.#produced;
    this.header(place, lengthBytes + flags);
    this.#write(place + 8, value);
    this.#produced += (8 + lengthBytes + 7) & ~7;
    const position = Buffer.alloc(8);
    position.writeBigUInt64LE(BigInt(this.#produced));
    writeSync(this.#fd, position, 0, 8, pageSizeBytes());
    return place;
  }

  header(place: number, header: number): void {
    this.#write(place, header);
  }

  /** How far the reader says it has read. */
  consumed(): number {
    const position = Buffer.alloc(8);
    readSync(this.#fd, position, 0, 8, 0);
    return Number(position.readBigUInt64LE());
  }

  drain(): number[] {
    const values: number[] = [];
    const count = this.ring.drain((words, at) => values.push(words[at] ?? Number.NaN));
    assert.is(count, values.length);
    return values;
  }

  close(): void {
    this.ring.close();
    closeSync(this.#fd);
    rmSync(this.#folder, { recursive: true });
  }

  /** The data stands in the file twice, one after the other, as the kernel maps it. */
  #write(place: number, value: number): void {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value);
    for (const copy of [0, sizeBytes]) {
      writeSync(this.#fd, word, 0, 4, 2 * pageSizeBytes() + copy + (place % sizeBytes));
    }
  }
}

function testPlayed(title: string, body: (played: PlayedRing) => void): void {
  test(title, () => {
    const played = new PlayedRing();
    try {
      body(played);
    } finally {
      played.close();
    }
  });
}

testPlayed('records come in order, once, and what is read is given back', (played) => {
  assert.equal(played.drain(), []);
  for (const value of [11, 12, 13]) played.put(value, 24);
  assert.equal(played.drain(), [11, 12, 13]);
  assert.is(played.consumed(), 96);
  assert.equal(played.drain(), []);
});

testPlayed('records go on around the end of the ring', (played) => {
  for (let value = 0; value < 1000; value += 10) {
    const values = Array.from({ length: 10 }, (_, i) => value + i);
    for (const one of values) played.put(one, 56 + 8 * (one % 3));
    assert.equal(played.drain(), values);
  }
});

testPlayed('a record that was discarded is passed over', (played) => {
  played.put(1, 24);
  played.put(2, 24, discarded);
  played.put(3, 24);
  assert.equal(played.drain(), [1, 3]);
  assert.is(played.consumed(), 96);
});

testPlayed('a record that is being written is left to the next drain, with all behind it', (played) => {
  played.put(1, 24);
  const place = played.put(2, 24, busy);
  played.put(3, 24);
  assert.equal(played.drain(), [1]);
  assert.is(played.consumed(), 32);
  played.header(place, 24);
  assert.equal(played.drain(), [2, 3]);
});

testPlayed('a long drain gives back what it has read before it ends', (played) => {
  for (let value = 0; value < 100; value++) played.put(value, 24);
  let consumedMidway = 0;
  played.ring.drain((words, at) => {
    if (words[at] === 99) consumedMidway = played.consumed();
  });
  assert.ok(consumedMidway >= sizeBytes / 2, `only ${consumedMidway} bytes were given back`);
});

testPlayed('a record whose reader fails is not handed over again', (played) => {
  for (const value of [1, 2, 3]) played.put(value, 24);
  const failing = () =>
    played.ring.drain((words, at) => {
      if (words[at] === 2) throw new Error('no');
    });
  assert.throws(failing, 'no');
  assert.equal(played.drain(), [3]);
});

test.run();
