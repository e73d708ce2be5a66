/**
 * The decoder: from the words of a record to an observation.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation } from '../../src/ports.ts';
import { Decoder } from '../../src/sources/ebpf/decoder.ts';
import {
  commRecord,
  execRecord,
  exitRecord,
  forkRecord,
  forkRecordBytes,
  groupNamedRecord,
  groupRemovedRecord,
  hierarchyGoneRecord,
  movedRecord,
  oomRecord,
  recordTypes,
  uidRecord,
} from '../../src/sources/ebpf/record.ts';

const test = suite('decoder');

/** Where a record begins in the words that the decoder is handed, as in a ring: anywhere. */
const at = 6;
const bootUs = 2 ** 33 + 5;
const pageBytes = 16_384;

/** A record with these numbers and names at these offsets; what is not given holds rubbish, as in a used ring. */
function record(
  layout: { readonly sizeBytes: number },
  type: number,
  pid: number,
  fields: Readonly<Record<number, number | string>>,
): Uint32Array {
  const bytes = Buffer.alloc(4 * at + layout.sizeBytes, 0xa5);
  const put = (offset: number, value: number | string): void => {
    if (typeof value === 'number') bytes.writeUInt32LE(value, 4 * at + offset);
    else bytes.write(`${value}\0`, 4 * at + offset, 'latin1');
  };
  put(forkRecord.type, type);
  put(forkRecord.pid, pid);
  put(forkRecord.bootUs, bootUs % 2 ** 32);
  put(forkRecord.bootUs + 4, Math.floor(bootUs / 2 ** 32));
  for (const [offset, value] of Object.entries(fields)) put(Number(offset), value);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

function decoded(
  words: Uint32Array,
  decoder = new Decoder(pageBytes, { hierarchies: [], commandLineBytes: 0 }),
): Observation[] {
  const seen: Observation[] = [];
  decoder.decode(words, at, (observation) => seen.push(observation));
  return seen;
}

function commOf(name: string): Uint32Array {
  return record(commRecord, recordTypes.comm, 7, { [commRecord.comm]: name });
}

test('a fork is decoded', () => {
  const words = record(forkRecord, recordTypes.fork, 7, {
    [forkRecord.startTicks]: 3,
    [forkRecord.startTicks + 4]: 1,
    [forkRecord.tgid]: 6,
    [forkRecord.parentPid]: 5,
    [forkRecord.uid]: 4_000_000_000,
    [forkRecord.suid]: 1,
    [forkRecord.comm]: 'a \xff(b)',
  });
  const fork = {
    type: 'fork',
    bootUs,
    pid: 7,
    tgid: 6,
    startTicks: 2 ** 32 + 3,
    uid: 4_000_000_000,
    suid: 1,
    comm: 'a \xff(b)',
    parentPid: 5,
  };
  assert.equal(decoded(words), [fork]);
});

test('an exit, a name and a change of users are decoded', () => {
  const exit = record(exitRecord, recordTypes.exit, 7, {
    [exitRecord.status]: 9,
    [exitRecord.cpuNs]: 2999,
    [exitRecord.cpuNs + 4]: 1,
    [exitRecord.peakPages]: 3_000_000_000,
  });
  assert.equal(decoded(exit), [
    {
      type: 'exit',
      bootUs,
      pid: 7,
      status: 9,
      cpuUs: Math.floor((2 ** 32 + 2999) / 1000),
      peakBytes: 3_000_000_000 * pageBytes,
    },
  ]);
  assert.equal(decoded(commOf('x')), [{ type: 'comm', bootUs, pid: 7, comm: 'x' }]);
  const uid = record(uidRecord, recordTypes.uid, 7, { [uidRecord.uid]: 1, [uidRecord.suid]: 2 });
  assert.equal(decoded(uid), [{ type: 'uid', bootUs, pid: 7, uid: 1, suid: 2 }]);
});

test('a fork tells its groups in the order of the hierarchies, and leaves out what was not found', () => {
  const words = record(
    { sizeBytes: forkRecordBytes(3) },
    recordTypes.fork,
    7,
    Object.fromEntries([11, 0, 0, 0, 33, 2].map((half, i) => [forkRecord.groups + 4 * i, half])),
  );
  const decoder = new Decoder(pageBytes, { hierarchies: [4, 0, 9], commandLineBytes: 0 });
  const [fork] = decoded(words, decoder);
  assert.equal(fork?.type === 'fork' && fork.groups, [
    { hierarchy: 4, group: 11 },
    { hierarchy: 9, group: 2 ** 33 + 33 },
  ]);
  assert.is(fork?.type === 'fork' && fork.unplaced, true);
  // A group of a hierarchy that is no more is not missed.
  decoded(
    record(hierarchyGoneRecord, recordTypes.hierarchyGone, 0, { [hierarchyGoneRecord.hierarchy]: 0 }),
    decoder,
  );
  const [later] = decoded(words, decoder);
  assert.is(later?.type === 'fork' && later.unplaced, undefined);
});

/** The fields that every record of a group has. */
const doneTo = (layout: typeof groupRemovedRecord | typeof groupNamedRecord | typeof movedRecord) => ({
  [layout.byPid]: 5,
  [layout.byUid]: 4_000_000_000,
  [layout.byGid]: 6,
  [layout.hierarchy]: 9,
  [layout.group]: 12,
  [layout.group + 4]: 1,
});
const done = { hierarchy: 9, group: 2 ** 32 + 12, by: { pid: 5, uid: 4_000_000_000, gid: 6 } };

test('what happens to a group is decoded, with who did it', () => {
  const name = '\xff'.repeat(255);
  const named = {
    ...doneTo(groupNamedRecord),
    [groupNamedRecord.parent]: 3,
    [groupNamedRecord.parent + 4]: 0,
    [groupNamedRecord.name]: name,
  };
  const made = record(groupNamedRecord, recordTypes.groupMade, 5, named);
  assert.equal(decoded(made), [{ type: 'groupMade', bootUs, ...done, parent: 3, name }]);
  const renamed = record(groupNamedRecord, recordTypes.groupRenamed, 5, named);
  assert.equal(decoded(renamed), [{ type: 'groupRenamed', bootUs, ...done, name }]);
  const removed = record(groupRemovedRecord, recordTypes.groupRemoved, 5, doneTo(groupRemovedRecord));
  assert.equal(decoded(removed), [{ type: 'groupRemoved', bootUs, ...done }]);
});

test('a move, the end of a hierarchy and a victim are decoded', () => {
  for (const whole of [0, 1]) {
    const fields = { ...doneTo(movedRecord), [movedRecord.tgid]: 8, [movedRecord.whole]: whole };
    const moved = record(movedRecord, recordTypes.moved, 7, fields);
    assert.equal(decoded(moved), [{ type: 'moved', bootUs, pid: 7, tgid: 8, whole: whole === 1, ...done }]);
  }
  const gone = record(hierarchyGoneRecord, recordTypes.hierarchyGone, 0, {
    [hierarchyGoneRecord.hierarchy]: 9,
  });
  assert.equal(decoded(gone), [{ type: 'hierarchyGone', bootUs, hierarchy: 9 }]);
  assert.equal(decoded(record(oomRecord, recordTypes.oom, 7, {})), [{ type: 'oom', bootUs, pid: 7 }]);
});

test('an exec is followed by the users of its task', () => {
  const exec = (fields: Record<number, number | string>) =>
    record(execRecord, recordTypes.exec, 7, {
      [execRecord.startTicks]: 3,
      [execRecord.startTicks + 4]: 0,
      [execRecord.oldPid]: 8,
      [execRecord.uid]: 1,
      [execRecord.suid]: 2,
      [execRecord.comm]: 'sh',
      ...fields,
    });
  const [program, length] = [execRecord.program, execRecord.programLength];
  assert.equal(decoded(exec({ [program]: '/bin/caf\xe9', [length]: 10 })), [
    { type: 'exec', bootUs, pid: 7, oldPid: 8, startTicks: 3, comm: 'sh', program: '/bin/caf\xe9' },
    { type: 'uid', bootUs, pid: 7, uid: 1, suid: 2 },
  ]);
  const path = 'p'.repeat(255);
  const programOf = (words: Uint32Array) =>
    decoded(words).map((seen) => 'program' in seen && seen.program)[0];
  assert.is(programOf(exec({ [program]: path, [length]: 256 })), path);
  // The kernel could not read the path: -EFAULT.
  assert.is(programOf(exec({ [length]: 2 ** 32 - 14 })), '');
});

test('of very many names each is its own, however alike they are', () => {
  const decoder = new Decoder(pageBytes, { hierarchies: [], commandLineBytes: 0 });
  const names = ['', 'x', 'fifteen-letters'];
  for (let i = 0; i < 5000; i++) names.push(`${i}`, `same ${i}`, `quite the ${i}`);
  for (let place = 0; place < 15; place++) {
    for (let byte = 1; byte < 256; byte++) {
      names.push(`${'a'.repeat(place)}${String.fromCharCode(byte)}${'a'.repeat(14 - place)}`);
    }
  }
  for (const name of [...names, ...names]) {
    const [seen] = decoded(commOf(name), decoder);
    assert.is(seen?.type === 'comm' && seen.comm, name);
  }
});

test('a record of an unknown type is a mistake', () => {
  assert.throws(() => decoded(record(exitRecord, 99, 7, {})), /unknown type 99/);
});

test.run();
