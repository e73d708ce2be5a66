/**
 * The mutator: messages of the FUSE protocol as the kernel sends them, and what becomes of them when bytes are lost,
 * added, exchanged or set to the numbers that break programs. All of it follows from the random stream.
 */
import { operations } from '../../src/fs/header.ts';
import type { Random } from '../../src/random.ts';

type Operation = keyof typeof operations;

const headerBytes = 40;
const operationNames = Object.keys(operations) as Operation[];
/** Node, handle, size and length alike. */
const oddNumbers: readonly bigint[] = [
  0n,
  1n,
  2n,
  127n,
  255n,
  256n,
  4095n,
  4096n,
  65_535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const names: readonly string[] = [
  'a',
  'b',
  'tasks',
  'notify_on_release',
  '.',
  '..',
  'a/b',
  'a\nb',
  '\xff\xfe',
];
const texts: readonly string[] = ['1', '0\n', ' 100 ', 'x', '-1', '12 34', '', '\0', '1'.repeat(5000)];

/** A whole message as the kernel would send it. */
export function soundMessage(random: Random): Buffer {
  const operation = random.pick(operationNames);
  const body = soundBody(operation, random);
  const message = Buffer.alloc(headerBytes + body.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt32LE(operations[operation], 4);
  message.writeBigUInt64LE(BigInt(random.bits()) * 2n, 8);
  message.writeBigUInt64LE(BigInt(1 + random.below(16)), 16);
  message.writeUInt32LE(random.pick([0, 0, 1000]), 24);
  message.writeUInt32LE(random.pick([0, 1000]), 28);
  message.writeUInt32LE(random.pick([0, 1, 100, 101]), 32);
  body.copy(message, headerBytes);
  return message;
}

/** The same message with some things wrong with it; mostly it still says how long it is. */
export function mutated(message: Buffer, random: Random): Buffer {
  let result: Buffer = Buffer.from(message);
  for (let wrongs = 1 + random.below(4); wrongs > 0; wrongs--) result = wronged(result, random);
  if (random.chance(0.9) && result.length >= 4) result.writeUInt32LE(result.length, 0);
  return result;
}

function wronged(message: Buffer, random: Random): Buffer {
  const at = random.below(message.length + 1);
  switch (random.below(7)) {
    case 0:
      return message.subarray(0, at);
    case 1:
      return Buffer.concat([message, Buffer.alloc(random.below(100), random.pick([0, 97, 255]))]);
    case 2:
      return Buffer.concat([message.subarray(0, at), message.subarray(at + 1 + random.below(8))]);
    case 3:
      return Buffer.concat([
        message.subarray(0, at),
        bytes(1 + random.below(8), random),
        message.subarray(at),
      ]);
    case 4:
      if (at < message.length) message[at] = random.below(256);
      return message;
    case 5:
      return withNumber(message, random);
    default:
      if (at < message.length) message[at] = (message[at] ?? 0) ^ (1 << random.below(8));
      return message;
  }
}

/** An odd number in the place of a field; fields begin at every fourth byte. */
function withNumber(message: Buffer, random: Random): Buffer {
  const fields = Math.floor(message.length / 4);
  if (fields === 0) return message;
  const at = random.below(fields) * 4;
  const number = random.pick(oddNumbers);
  if (random.chance(0.5) && at + 8 <= message.length) message.writeBigUInt64LE(number, at);
  else message.writeUInt32LE(Number(number & 0xffff_ffffn), at);
  return message;
}

function bytes(count: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length: count }, () => random.pick([0, 1, 47, 97, 255])));
}

/** What follows a header, by the structures of include/uapi/linux/fuse.h. */
function soundBody(operation: Operation, random: Random): Buffer {
  switch (operation) {
    case 'init':
      return words(7, 45, 0x20000, random.bits());
    case 'lookup':
    case 'rmdir':
    case 'unlink':
      return name(random);
    case 'forget':
      return longs(random.below(3));
    case 'batchForget': {
      const count = random.below(4);
      return Buffer.concat([
        words(count, 0),
        ...Array.from({ length: count }, () => longs(random.below(16), 1)),
      ]);
    }
    case 'setattr':
      return setattr(random);
    case 'mkdir':
      return Buffer.concat([words(0o40755, 0o22), name(random)]);
    case 'create':
    case 'mknod':
      return Buffer.concat([words(random.pick([0o100644, 0o10644, 0]), 0, 0o22, 0), name(random)]);
    case 'symlink':
      return Buffer.concat([name(random), name(random)]);
    case 'link':
      return Buffer.concat([longs(random.below(16)), name(random)]);
    case 'rename':
      return Buffer.concat([longs(1 + random.below(16)), name(random), name(random)]);
    case 'rename2':
      return Buffer.concat([
        longs(1 + random.below(16)),
        words(random.below(4), 0),
        name(random),
        name(random),
      ]);
    case 'read':
    case 'readdir':
      return Buffer.concat([
        longs(handle(random), random.below(100)),
        words(random.pick([0, 1, 24, 4096]), 0),
      ]);
    case 'write': {
      const text = Buffer.from(random.pick(texts), 'latin1');
      return Buffer.concat([longs(handle(random), 0), words(text.length, 0), longs(0), words(1, 0), text]);
    }
    case 'release':
    case 'releasedir':
      return Buffer.concat([longs(handle(random)), words(0, 0), longs(0)]);
    case 'open':
    case 'opendir':
    case 'access':
      return words(random.below(8), 0);
    case 'interrupt':
      return longs(random.below(100));
    default:
      return longs(0, 0);
  }
}

function setattr(random: Random): Buffer {
  const body = Buffer.alloc(88);
  body.writeUInt32LE(random.below(1024), 0);
  body.writeUInt32LE(random.bits(), 68);
  body.writeUInt32LE(random.pick([0, 1000]), 76);
  body.writeUInt32LE(random.pick([0, 1000]), 80);
  return body;
}

/** Handles are given out one after the other: low ones have been. */
function handle(random: Random): number {
  return 1 + random.below(64);
}

function name(random: Random): Buffer {
  return Buffer.from(`${random.pick(names)}\0`, 'latin1');
}

function words(...values: number[]): Buffer {
  const body = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) body.writeUInt32LE(value >>> 0, i * 4);
  return body;
}

function longs(...values: number[]): Buffer {
  const body = Buffer.alloc(values.length * 8);
  for (const [i, value] of values.entries()) body.writeBigUInt64LE(BigInt(value), i * 8);
  return body;
}
