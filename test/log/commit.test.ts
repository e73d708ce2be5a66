/** A commit's bytes are what they were when the first recording was made, and the chain lets nothing pass. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { Chain, eventsOf, headOf, OpenCommit, origin, UnsoundError } from '../../src/log/commit.ts';
import { sha256 } from '../../src/log/sha256.ts';
import type { Stamped } from '../../src/ports.ts';
import { exit } from './contract.ts';

const commit = suite('commit');

const facts: readonly Stamped[] = [
  { fact: { type: 'recording', id: 'V1StGXR8_Z5jdHi6B-myT', version: '0.1.0' }, timeUs: 1e15, skewUs: 0 },
  { fact: { type: 'comm', task: 7, comm: 'caf\xe9' }, timeUs: 1e15 + 200, skewUs: -3 },
];
const moreFacts: readonly Stamped[] = [exit(7, 1e15 + 201)];

/** The two commits of these facts, in format 0. */
const frozen =
  '003bec5b156b6fd0b0d22a5a8baee017a0c55b80a12f0d921f6f174be30e9fe56e00000000000000010000000200038d7ea4' +
  'c680000100001556315374475852385f5a356a64486936422d6d795405302e312e3013c801030704636166e9';
const frozenNext =
  '0032e948ab7ceb5a25db2f473faff13b61fb33a851dbdfed868afae2fcf77900c600000000000000030000000100038d7ea4' +
  'c680c9150000070000000000';
const frozenHash = '32e948ab7ceb5a25db2f473faff13b61fb33a851dbdfed868afae2fcf77900c6';

type Finished = ReturnType<OpenCommit['finish']>;

function finished(): { one: Finished; two: Finished } {
  const open = new OpenCommit(origin);
  open.append(facts);
  const one = open.finish(origin.hash, sha256);
  open.append(moreFacts);
  const two = open.finish(one.link.hash, sha256);
  return { one, two };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function eventsFrom(stamped: readonly Stamped[], seq: number): Event[] {
  return stamped.map(({ fact, timeUs, skewUs }, i) => ({ ...fact, seq: seq + i, timeUs, skewUs }));
}

commit('format 0 is frozen', () => {
  const { one, two } = finished();
  assert.is(hex(one.value), frozen);
  assert.is(hex(two.value), frozenNext);
  assert.equal(headOf(two.link), { seq: 3, timeUs: 1e15 + 201, hash: frozenHash });
  assert.equal(eventsOf(Buffer.from(frozen, 'hex')), eventsFrom(facts, 1));
  assert.equal(eventsOf(Buffer.from(frozenNext, 'hex')), eventsFrom(moreFacts, 3));
});

commit('a chain follows the commits that were written, and stands where they end', () => {
  const chain = new Chain();
  assert.equal(chain.next(1, Buffer.from(frozen, 'hex'), sha256), eventsFrom(facts, 1));
  assert.equal(chain.next(3, Buffer.from(frozenNext, 'hex'), sha256), eventsFrom(moreFacts, 3));
  assert.is(headOf(chain.link).hash, frozenHash);
});

commit('a chain refuses what does not come next, says why, and stays', () => {
  const { one, two } = finished();
  const refusals: readonly [number, Uint8Array, number, RegExp][] = [
    [3, two.value, 1, /^seqs 1 to 2 are missing$/],
    [2, one.value, 1, /^seq 1 is missing$/],
    [0, one.value, 1, /^seq 0 is stored a second time$/],
    [1, two.value, 1, /its hash differs/],
    [1, one.value.subarray(0, 40), 1, /its hash differs/],
    [1, new Uint8Array(0), 1, /its hash differs/],
  ];
  for (const [key, value, seq, why] of refusals) {
    const chain = new Chain();
    assert.throws(
      () => chain.next(key, value, sha256),
      (error: Error) => error instanceof UnsoundError && error.seq === seq && why.test(error.message),
    );
    assert.is(chain.link, origin);
  }
});

commit('no byte of a commit can change unnoticed', () => {
  const { value } = finished().one;
  for (let at = 0; at < value.length; at++) {
    for (const bit of [1, 16, 128]) {
      const damaged = value.slice();
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      assert.throws(() => new Chain().next(1, damaged, sha256), isUnsound, `byte ${at}`);
    }
  }
});

commit('a hash that fits makes no commit of what is none', () => {
  const { value } = finished().one;
  const refusals: readonly [(value: Uint8Array) => Uint8Array, RegExp][] = [
    [(bytes) => withCount(bytes, 3), /cannot be read: .*\(at byte \d+\)$/],
    [(bytes) => withCount(bytes, 1), /cannot be read: \d+ bytes follow the last row/],
    [(bytes) => withCount(bytes.slice(0, 53), 0), /is empty/],
    [(bytes) => Buffer.concat([bytes, Uint8Array.of(3, 0)]), /cannot be read: 2 bytes follow the last row/],
    [(bytes) => bytes.slice(0, 50), /cannot be read: a commit of 50 bytes is too short/],
    [
      (bytes) => Buffer.concat([Uint8Array.of(7), bytes.subarray(1)]),
      /cannot be read: a commit is of format 7/,
    ],
  ];
  for (const [change, why] of refusals) {
    const changed = change(value.slice());
    changed.set(sha256(origin.hash, changed.subarray(33)), 1);
    assert.throws(
      () => new Chain().next(1, changed, sha256),
      (error: Error) => isUnsound(error) && why.test(error.message),
    );
  }
});

commit('time does not run backwards from one commit to the next', () => {
  const later = new OpenCommit(origin);
  later.append([exit(1, 100)]);
  const first = later.finish(origin.hash, sha256);
  const earlier = new OpenCommit({ ...first.link, timeUs: 0 });
  earlier.append([exit(2, 99)]);
  const second = earlier.finish(first.link.hash, sha256);
  const chain = new Chain();
  chain.next(1, first.value, sha256);
  assert.throws(() => chain.next(2, second.value, sha256), /time runs backwards/);
});

function withCount(value: Uint8Array, count: number): Uint8Array {
  new DataView(value.buffer, value.byteOffset).setUint32(41, count);
  return value;
}

function isUnsound(error: Error): boolean {
  return error instanceof UnsoundError;
}

commit.run();
