/** Messages of the kernel's, byte for byte, and what becomes of them when they are cut or padded. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headerBytes, headerOf, operations } from '../../src/fs/header.ts';
import { type FuseRequest, requestOf } from '../../src/fs/requests.ts';
import { seededRandom } from '../../src/random.ts';
import { bytesIn, message } from './messages.ts';

const requests = suite('fuse requests');

/** What a body asks for, in a message about node 5. */
function asked(operation: number, literal: string): FuseRequest {
  const whole = message(operation, [bytesIn(literal)], { node: 5 });
  const header = headerOf(whole);
  if (!header) throw new Error('the header of a whole message is sound');
  return requestOf(header, whole);
}

requests('a header says what is asked, about which node, and by whom', () => {
  const lookup = bytesIn(
    `2e 00 00 00 01 00 00 00 08 07 06 05 04 03 02 01 05 00 00 00 00 00 00 00
     e8 03 00 00 e9 03 00 00 d2 04 00 00 00 00 00 00 'tasks' 00`,
  );
  const header = headerOf(lookup);
  assert.equal(header, {
    operation: 1,
    unique: 0x0102030405060708n,
    node: 5,
    uid: 1000,
    gid: 1001,
    pid: 1234,
  });
  assert.equal(header && requestOf(header, lookup), { type: 'lookup', name: 'tasks' });
});

requests('what has no whole header, or another length than it says, is no message', () => {
  const whole = message(operations.getattr);
  for (let sizeBytes = 0; sizeBytes < headerBytes; sizeBytes++) {
    assert.is(headerOf(whole.subarray(0, sizeBytes)), undefined);
  }
  assert.is(headerOf(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
  assert.is(
    headerOf(Buffer.concat([message(operations.lookup, [bytesIn("'a' 00")])]).subarray(0, 41)),
    undefined,
  );
});

requests('the greeting says which protocol, and what the kernel can do', () => {
  const body = '07 00 00 00 2d 00 00 00 00 00 02 00 fb ff ff 73';
  assert.equal(asked(operations.init, body), { type: 'init', major: 7, minor: 45, flags: 0x73fffffb });
});

const range = '03 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00';
const bodies: readonly (readonly [keyof typeof operations, string, FuseRequest])[] = [
  ['lookup', "ff fe '.x' 00", { type: 'lookup', name: '\xff\xfe.x' }],
  ['forget', '02 00 00 00 00 00 00 00', { type: 'forget', forgotten: [{ node: 5, lookups: 2 }] }],
  [
    'batchForget',
    `02 00 00 00 00 00 00 00
     09 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
     0d 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00`,
    {
      type: 'forget',
      forgotten: [
        { node: 9, lookups: 1 },
        { node: 13, lookups: 3 },
      ],
    },
  ],
  [
    'mkdir',
    "ed 41 00 00 12 00 00 00 'Charlie' 00",
    { type: 'mkdir', mode: 0o40755, umask: 0o22, name: 'Charlie' },
  ],
  ['rmdir', "'Charlie' 00", { type: 'rmdir', name: 'Charlie' }],
  ['unlink', "'tasks' 00", { type: 'unlink', name: 'tasks' }],
  [
    'create',
    "41 80 00 00 a4 81 00 00 12 00 00 00 00 00 00 00 'x' 00",
    { type: 'make', what: 'create', name: 'x' },
  ],
  [
    'mknod',
    "a4 11 00 00 00 00 00 00 12 00 00 00 00 00 00 00 'x' 00",
    { type: 'make', what: 'fifo', name: 'x' },
  ],
  [
    'mknod',
    "a4 81 00 00 00 00 00 00 12 00 00 00 00 00 00 00 'x' 00",
    { type: 'make', what: 'create', name: 'x' },
  ],
  ['symlink', "'x' 00 'target' 00", { type: 'make', what: 'symlink', name: 'x' }],
  ['link', "02 00 00 00 00 00 00 00 'x' 00", { type: 'make', what: 'link', name: 'x' }],
  [
    'rename',
    "01 00 00 00 00 00 00 00 'a' 00 'b' 00",
    { type: 'rename', name: 'a', toNode: 1, toName: 'b', exchange: false },
  ],
  [
    'rename2',
    "01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 'a' 00 'b' 00",
    { type: 'rename', name: 'a', toNode: 1, toName: 'b', exchange: true },
  ],
  ['open', '01 82 00 00 00 00 00 00', { type: 'open', flags: 0x8201 }],
  ['opendir', '00 88 01 00 00 00 00 00', { type: 'opendir' }],
  ['read', range, { type: 'read', handle: 3, offset: 16, sizeBytes: 4096 }],
  ['readdir', range, { type: 'readdir', handle: 3, offset: 16, sizeBytes: 4096 }],
  [
    'write',
    `03 00 00 00 00 00 00 00 64 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00
     00 00 00 00 00 00 00 00 01 80 00 00 00 00 00 00 '12' 0a`,
    { type: 'write', handle: 3, text: '12\n' },
  ],
  ['release', '03 00 00 00 00 00 00 00 01 80 00 00 00 00 00 00', { type: 'release', handle: 3 }],
  ['access', '02 00 00 00 00 00 00 00', { type: 'access', mask: 2 }],
  ['interrupt', '07 00 00 00 00 00 00 00', { type: 'interrupt' }],
];

for (const [name, literal, request] of bodies) {
  requests(`${name}: ${literal.replace(/\s+/g, ' ')}`, () => {
    assert.equal(asked(operations[name], literal), request);
  });
}

requests('of setattr only the fields count that it says are set', () => {
  const fields = (valid: string): string =>
    `${valid} ${'00 '.repeat(64)} c0 81 00 00 ${'00 '.repeat(4)} e8 03 00 00 e9 03 00 00 00 00 00 00`;
  assert.equal(asked(operations.setattr, fields('01 00 00 00')), { type: 'setattr', mode: 0o700 });
  assert.equal(asked(operations.setattr, fields('06 00 00 00')), { type: 'setattr', uid: 1000, gid: 1001 });
  assert.equal(asked(operations.setattr, fields('08 00 00 00')), { type: 'setattr' });
});

requests('of times those count that it says are set, to what it says or to now', () => {
  const fields = (valid: string): string =>
    `${valid} ${'00 '.repeat(28)} 02 ${'00 '.repeat(7)} ${'ff '.repeat(8)} ${'00 '.repeat(8)}
     05 00 00 00 06 00 00 00 ${'00 '.repeat(24)}`;
  const [accessed, modified] = [
    { seconds: 2, nanoseconds: 5 },
    { seconds: -1, nanoseconds: 6 },
  ];
  assert.equal(asked(operations.setattr, fields('10 00 00 00')), { type: 'setattr', times: { accessed } });
  assert.equal(asked(operations.setattr, fields('20 00 00 00')), { type: 'setattr', times: { modified } });
  assert.equal(asked(operations.setattr, fields('b0 00 00 00')), {
    type: 'setattr',
    times: { accessed: 'now', modified },
  });
  assert.equal(asked(operations.setattr, fields('b0 01 00 00')), {
    type: 'setattr',
    times: { accessed: 'now', modified: 'now' },
  });
});

requests('what has no meaning for us is unknown, whatever it holds', () => {
  assert.equal(asked(22, '00'), { type: 'unknown' });
  assert.equal(asked(4096, ''), { type: 'unknown' });
});

const malformed: readonly (readonly [string, keyof typeof operations, string])[] = [
  ['a name without an end', 'lookup', "'tasks'"],
  ['an empty name', 'lookup', '00'],
  ['no name at all', 'rmdir', ''],
  ['a name with a NUL in it', 'mkdir', "ed 41 00 00 12 00 00 00 'a' 00 'b' 00"],
  ['a rename to nothing', 'rename', "01 00 00 00 00 00 00 00 'a' 00"],
  [
    'a write that is shorter than it says',
    'write',
    `${'00 '.repeat(16)} 03 00 00 00 ${'00 '.repeat(20)} '12'`,
  ],
  [
    'a write that is longer than it says',
    'write',
    `${'00 '.repeat(16)} 01 00 00 00 ${'00 '.repeat(20)} '12'`,
  ],
  ['more forgotten nodes than there are', 'batchForget', 'ff ff ff ff 00 00 00 00'],
  ['a handle that no number holds', 'release', 'ff ff ff ff ff ff ff ff'],
  ['a read without its size', 'read', '03 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00'],
];

for (const [title, name, literal] of malformed) {
  requests(`malformed: ${title}`, () => {
    assert.equal(asked(operations[name], literal), { type: 'malformed' });
  });
}

requests('no bytes whatever make a message that throws', () => {
  const random = seededRandom(6);
  const numbers = [...Object.values(operations), 0, 99];
  for (let i = 0; i < 20_000; i++) {
    const body = Buffer.from(Array.from({ length: random.below(100) }, () => random.pick([0, 1, 97, 255])));
    const whole = message(random.pick(numbers), [body], { node: random.below(9) });
    const header = headerOf(whole);
    assert.ok(header);
    assert.ok(requestOf(header, whole).type);
  }
});

requests.run();
