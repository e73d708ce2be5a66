/** Replies as the kernel gets them, byte for byte. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  attributesNotice,
  attributesReply,
  doneReply,
  entriesReply,
  entryReply,
  initReply,
  namesNotice,
  openReply,
  replyTo,
  statfsReply,
  textReply,
  writtenReply,
} from '../../src/fs/replies.ts';
import { bytesIn } from './messages.ts';

const replies = suite('fuse replies');

function same(actual: Buffer, literal: string): void {
  assert.is(actual.toString('hex'), bytesIn(literal).toString('hex'));
}

/** What is in a reply behind its header. */
function sameBody(actual: Buffer, literal: string): void {
  same(actual.subarray(16), literal);
}

const zeros = (count: number): string => '00 '.repeat(count);

replies(
  'a reply has its length, an errno below zero where it is refused, and the name of its request',
  () => {
    same(replyTo(0x0102n, doneReply()), `10 00 00 00 00 00 00 00 02 01 ${zeros(6)}`);
    same(replyTo(1n, 'EBUSY'), `10 00 00 00 f0 ff ff ff 01 ${zeros(7)}`);
    same(replyTo(1n, 'ENOSYS'), `10 00 00 00 da ff ff ff 01 ${zeros(7)}`);
    same(replyTo(1n, textReply('12\n')), `13 00 00 00 00 00 00 00 01 ${zeros(7)} '12' 0a`);
    same(replyTo(1n, writtenReply(6)), `18 00 00 00 00 00 00 00 01 ${zeros(7)} 06 00 00 00 00 00 00 00`);
  },
);

replies('a greeting takes of what is offered no more than is wanted', () => {
  const rest = `10 00 0c 00 00 00 01 00 01 00 00 00 ${zeros(36)}`;
  sameBody(initReply(0xffffffff), `07 00 00 00 1f 00 00 00 00 00 00 00 28 00 00 00 ${rest}`);
  sameBody(initReply(0x8), `07 00 00 00 1f 00 00 00 00 00 00 00 08 00 00 00 ${rest}`);
});

const directory = {
  number: 5,
  node: 'directory',
  mode: 0o755,
  uid: 1000,
  gid: 1001,
  links: 2,
  times: {
    accessed: { seconds: 1_000_000_000, nanoseconds: 500_000_000 },
    modified: { seconds: -1, nanoseconds: 1 },
    changed: { seconds: 1_000_000_001, nanoseconds: 2 },
  },
} as const;
const file = { ...directory, number: 6, node: 'tasks', mode: 0o644, links: 1 } as const;

/** The seconds of each, then the nanoseconds. */
const times = `00 ca 9a 3b ${zeros(4)} ${'ff '.repeat(8)} 01 ca 9a 3b ${zeros(4)} 00 65 cd 1d 01 00 00 00 02 00 00 00`;
const directoryBytes = `05 ${zeros(7)} ${zeros(16)} ${times} ed 41 00 00 02 00 00 00 e8 03 00 00 e9 03 00 00
  00 00 00 00 00 10 00 00 00 00 00 00`;

/** An hour. */
const kept = `10 0e ${zeros(6)}`;

replies(
  'attributes are kept until a notice says otherwise, and names where there is a notice for them',
  () => {
    sameBody(attributesReply(directory), `${kept} ${zeros(8)} ${directoryBytes}`);
    sameBody(entryReply(directory, true), `05 ${zeros(15)} ${kept} ${kept} ${zeros(8)} ${directoryBytes}`);
    sameBody(
      entryReply(directory, false),
      `05 ${zeros(15)} ${zeros(8)} ${kept} ${zeros(8)} ${directoryBytes}`,
    );
  },
);

replies('a notice is about the attributes of one node, or about all names', () => {
  same(
    attributesNotice(5),
    `28 00 00 00 02 00 00 00 ${zeros(8)} 05 ${zeros(7)} ${'ff '.repeat(8)} ${zeros(8)}`,
  );
  same(namesNotice(), `10 00 00 00 08 00 00 00 ${zeros(8)}`);
});

replies('a file is a regular one of size 0', () => {
  const body = attributesReply(file).subarray(16);
  assert.is(body.readUInt32LE(16 + 60), 0o100644);
  assert.is(body.readBigUInt64LE(16 + 8), 0n);
});

replies('a file is read and written past the page cache, a directory as any', () => {
  sameBody(openReply(3, 'tasks'), `03 ${zeros(7)} 01 ${zeros(7)}`);
  sameBody(openReply(3, 'directory'), `03 ${zeros(7)} ${zeros(8)}`);
});

replies('a filesystem has names of 255 bytes and no blocks', () => {
  sameBody(statfsReply(), `${zeros(40)} 00 10 00 00 ff 00 00 00 00 10 00 00 ${zeros(28)}`);
});

const entries = [
  { number: 1, node: 'directory', name: '.' },
  { number: 2, node: 'tasks', name: 'tasks' },
  { number: 5, node: 'directory', name: '\xff\xfe345678' },
] as const;
const [first, second, third] = [
  `01 ${zeros(7)} 01 ${zeros(7)} 01 00 00 00 04 00 00 00 '.' ${zeros(7)}`,
  `02 ${zeros(7)} 02 ${zeros(7)} 05 00 00 00 08 00 00 00 'tasks' ${zeros(3)}`,
  `05 ${zeros(7)} 03 ${zeros(7)} 08 00 00 00 04 00 00 00 ff fe '345678'`,
];

replies('a directory is told by entries, each up to a multiple of eight bytes', () => {
  sameBody(entriesReply(entries, 0, 4096), `${first} ${second} ${third}`);
});

replies('entries that have no room come with the next read', () => {
  sameBody(entriesReply(entries, 0, 95), `${first} ${second}`);
  sameBody(entriesReply(entries, 2, 95), `${third}`);
  sameBody(entriesReply(entries, 3, 95), '');
  sameBody(entriesReply(entries, 0, 31), '');
});

replies.run();
