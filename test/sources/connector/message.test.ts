/**
 * Messages of the process connector, byte for byte as the kernel sends them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { messageOf, sentOf } from '../../../src/sources/connector/message.ts';

const test = suite('connector messages');

/** Netlink's header and the connector's, of message 258 of its CPU. */
const header = '4c000000 0300 0000 00000000 00000000' + '01000000 01000000 02010000 00000000 2800 0000';
/** CPU 3, and 2 s, 7 µs and 9 ns since boot. */
const event = (what: string): string => `${what} 03000000 61af357700000000`;
/** More than 2^32 ns. */
const later = (what: string): string => `${what} 03000000 0000000001000000`;
const suspendedUs = 1_000_000;

function words(...parts: readonly string[]): Uint32Array {
  const bytes = Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
  const padded = new Uint8Array(256);
  padded.set(bytes);
  return new Uint32Array(padded.buffer);
}

const said = (...parts: readonly string[]) => messageOf(words(header, ...parts), 0, suspendedUs);

test('each says which CPU sent it, and as the how manieth', () => {
  assert.equal(sentOf(words(header, event('01000000')), 0), { cpu: 3, seq: 258 });
});

test('a fork names the real parent and the child, each with its process', () => {
  assert.equal(said(event('01000000'), '0a000000 0b000000 0c000000 0d000000'), {
    type: 'fork',
    bootUs: 3_000_007,
    parentPid: 10,
    parentTgid: 11,
    pid: 12,
    tgid: 13,
  });
});

test('an exec names who has become the leader', () => {
  assert.equal(said(event('02000000'), '0a000000 0a000000'), { type: 'exec', bootUs: 3_000_007, pid: 10 });
});

test('an exit has the status that wait gives', () => {
  assert.equal(said(event('00000080'), '0a000000 0b000000 002a0000 11000000 01000000 01000000'), {
    type: 'exit',
    bootUs: 3_000_007,
    pid: 10,
    tgid: 11,
    status: 42 << 8,
    isReaped: false,
  });
  const reaped = said(event('00000080'), '0a000000 0b000000 002a0000 11000000 00000000 00000000');
  assert.ok(reaped?.type === 'exit' && reaped.isReaped);
});

test('a name is bytes up to the first zero, or all of them', () => {
  const name = (hex: string) => said(event('00020000'), '0a000000 0a000000', hex);
  const short = name('636166e9 00414141 41414141 41414141');
  assert.is(short?.type === 'comm' && short.comm, 'caf\xe9');
  const full = name('61616161 61616161 61616161 61616161');
  assert.is(full?.type === 'comm' && full.comm, 'a'.repeat(16));
});

test('a change of users tells the real one and the effective one', () => {
  assert.equal(said(event('04000000'), '0a000000 0b000000 e9030000 ea030000'), {
    type: 'uid',
    bootUs: 3_000_007,
    pid: 10,
    uid: 1001,
    euid: 1002,
  });
});

test('times go on when they no longer fit 32 bits, or a double as nanoseconds', () => {
  assert.is(said(later('02000000'))?.bootUs, 4_294_967 + suspendedUs);
  const yearsOn = `02000000 03000000 ${'ffffffff'}${'0000ff00'}`;
  assert.is(said(yearsOn)?.bootUs, Math.floor(Number(0x00ff0000ffffffffn / 1000n)) + suspendedUs);
});

test('what is about groups, sessions, tracing or listeners is nothing', () => {
  for (const what of ['00000000', '40000000', '80000000', '00010000', '00000040']) {
    assert.is(said(event(what), '0a000000'), undefined);
  }
});

test('one behind another is read where it begins', () => {
  const two = new Uint32Array(128);
  two.set(words(header, event('02000000'), '0a000000 0a000000'), 64);
  assert.is(messageOf(two, 64, 0)?.pid, 10);
  assert.is(sentOf(two, 64).seq, 258);
});

test.run();
