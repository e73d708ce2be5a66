/**
 * Export and import: a recording that has gone through a file is the same recording, and what is not a whole file becomes
 * none.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cutter } from '../../src/log/cutter.ts';
import { RecordingError } from '../../src/log/errors.ts';
import { exportOf } from '../../src/log/exporter.ts';
import { framesIn, writeFailure } from '../../src/log/exportFile.ts';
import { type Imported, importWith } from '../../src/log/importer.ts';
import { snapshotKey } from '../../src/log/keys.ts';
import { openLevelLog, openLogReader, readHead, verifyLog } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { seededRandom } from '../../src/random.ts';
import { readAll } from './contract.ts';
import { changeLevel, Scratch } from './recordings.ts';
import { beginRecording, commitRandom, sealAll } from './sealed.ts';

const exporting = suite('export file');
const scratch = await Scratch.open();
exporting.after(() => scratch.remove());

/** Without snapshots: random events are no story that a world could be made of. */
function importInto(folder: string, chunks: AsyncIterable<Uint8Array>): Promise<Imported> {
  return importWith(folder, chunks, () => {}, Sealer.open);
}

/** The bytes in chunks of random sizes. */
async function* chunked(bytes: Uint8Array, seed = 1): AsyncGenerator<Uint8Array> {
  const random = seededRandom(seed);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(5000);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function exportFrom(folder: string): Promise<Uint8Array> {
  const reader = await openLogReader({ folder });
  const pieces: Uint8Array[] = [];
  for await (const bytes of exportOf(reader)) pieces.push(bytes);
  await reader.close();
  return Buffer.concat(pieces);
}

/** A recording of which some is sealed and some is not. */
async function recorded(count: number, sealed: number): Promise<string> {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  await beginRecording(log);
  await commitRandom(log, count, sealed, 300);
  await sealAll(log);
  await commitRandom(log, count + 1, count - sealed, 7);
  await log.close();
  return folder;
}

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([attempt]);
  if (outcome?.status !== 'rejected') return 'it did not fail';
  assert.instance(outcome.reason, RecordingError);
  return outcome.reason.message;
}

exporting(
  'what is imported has the events, the head, the id and the commits of what was exported',
  async () => {
    const from = await recorded(5000, 4000);
    const bytes = await exportFrom(from);
    const to = scratch.folder();
    const imported = await importInto(to, chunked(bytes));
    assert.equal(imported.head, await readHead({ folder: from }));
    assert.equal(imported.events, imported.head.seq);
    const before = await verifyLog({ folder: from });
    assert.is(before.commits, imported.commits);
    assert.equal(await verifyLog({ folder: to }), before);
    const [one, other] = [await openLevelLog({ folder: from }), await openLevelLog({ folder: to })];
    assert.equal(await readAll(other), await readAll(one));
    assert.is(other.sealedSeq, 4096);
    await commitRandom(other, 5, 2000, 50);
    await sealAll(other);
    await one.close();
    await other.close();
    assert.is((await verifyLog({ folder: to }, { expect: imported.head })).unsound, undefined);
    assert.equal(await exportFrom(from), bytes, 'an export of the same is the same');
    assert.not.ok(existsSync(`${to}.new`));
  },
);

exporting('a recording is exported while it is written and sealed', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  await beginRecording(log);
  await commitRandom(log, 1, 6000, 20);
  const reader = await openLogReader({ folder });
  const pieces: Uint8Array[] = [];
  for await (const bytes of exportOf(reader)) {
    pieces.push(bytes);
    await commitRandom(log, pieces.length, 500, 20);
    await sealAll(log);
  }
  await reader.close();
  const to = scratch.folder();
  const { head } = await importInto(to, chunked(Buffer.concat(pieces)));
  assert.ok(head.seq >= 6001);
  assert.is((await verifyLog({ folder }, { expect: head })).unsound, undefined);
  await log.close();
});

for (const most of [1, 700, 5000]) {
  exporting(
    `a recording whose beginning is not kept is moved as it is, in commits of up to ${most}`,
    async () => {
      const from = scratch.folder();
      const log = await openLevelLog({ folder: from });
      await beginRecording(log);
      await commitRandom(log, most, 9000, most);
      await sealAll(log);
      const firstSeq = 4 * 1024 + 1;
      await log.store({ puts: [[snapshotKey(firstSeq - 1, 'world'), Buffer.from('what it was')]], dels: [] });
      const reader = await openLogReader({ folder: from });
      for await (const batch of new Cutter(reader).cut(firstSeq)) await log.store(batch);
      await reader.close();
      await log.close();
      const to = scratch.folder();
      const imported = await importInto(to, chunked(await exportFrom(from)));
      assert.equal(imported.head, await readHead({ folder: from }));
      assert.is(imported.events, imported.head.seq - firstSeq + 1);
      assert.equal(await verifyLog({ folder: to }), await verifyLog({ folder: from }));
      const [one, other] = [await openLevelLog({ folder: from }), await openLevelLog({ folder: to })];
      assert.equal(other.keptFrom(), one.keptFrom());
      assert.equal(await readAll(other), await readAll(one));
      assert.is(other.sealedSeq, one.sealedSeq);
      for await (const { seq, parts } of other.snapshots(firstSeq)) {
        assert.equal([seq, String(Buffer.from(parts.world ?? []))], [firstSeq - 1, 'what it was']);
      }
      await commitRandom(other, 5, 2000, 50);
      await sealAll(other);
      await one.close();
      await other.close();
      assert.is((await verifyLog({ folder: to }, { expect: imported.head })).unsound, undefined);
      assert.ok((await exportFrom(to)).length > 0);
    },
  );
}

exporting('a file that is cut off anywhere, or has anything behind it, is not imported', async () => {
  const bytes = await exportFrom(await recorded(60, 60));
  for (
    let length = 0;
    length < bytes.length;
    length += length < 200 || length > bytes.length - 200 ? 1 : 211
  ) {
    let failed = false;
    try {
      for await (const _ of framesIn(chunked(bytes.subarray(0, length)))) failed = false;
    } catch (error) {
      failed = /cut off before its end|does not begin as/.test(String(error));
    }
    assert.ok(failed, `cut off at ${length}`);
  }
  const to = scratch.folder();
  const half = bytes.subarray(0, bytes.length >> 1);
  assert.match(await failureOf(importInto(to, chunked(half))), /it was cut off before its end; nothing/);
  const more = Buffer.concat([bytes, Buffer.of(0)]);
  assert.match(await failureOf(importInto(to, chunked(more))), /something follows its end; nothing/);
  const broken = Buffer.concat([
    half.subarray(0, 0),
    bytes.subarray(0, frameStart(bytes)),
    writeFailure('why'),
  ]);
  assert.match(await failureOf(importInto(to, chunked(broken))), /it was broken off: why; nothing/);
  assert.equal(
    readdirSync(dirname(to)).filter((name) => name.startsWith(`${basename(to)}`)),
    [],
  );
});

/** Where the second frame begins. */
function frameStart(bytes: Uint8Array): number {
  const head = 'tasktrail export\n'.length + 1;
  return head + 5 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(head + 1);
}

exporting('a file in which any one byte is another is not imported', async () => {
  const bytes = await exportFrom(await recorded(40, 40));
  const random = seededRandom(3);
  for (let i = 0; i < 60; i++) {
    const at = i < 30 ? i * 5 : random.below(bytes.length);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    const to = scratch.folder();
    assert.match(await failureOf(importInto(to, chunked(changed))), /nothing was imported$/, `byte ${at}`);
    assert.not.ok(existsSync(to) || existsSync(`${to}.new`), `byte ${at}`);
  }
});

exporting('an export of a later version is refused with a sentence', async () => {
  const bytes = Buffer.from(await exportFrom(await recorded(10, 10)));
  bytes['tasktrail export\n'.length] = 2;
  assert.match(
    await failureOf(importInto(scratch.folder(), chunked(bytes))),
    /it is an export of version 2, and this tasktrail reads version 1: use a newer tasktrail/,
  );
});

exporting('a folder that holds anything, or whose draft is in the way, is left as it is', async () => {
  const bytes = await exportFrom(await recorded(10, 10));
  const to = scratch.folder();
  mkdirSync(to);
  writeFileSync(`${to}/file`, '');
  assert.match(await failureOf(importInto(to, chunked(bytes))), /is there already, and is not empty/);
  rmSync(`${to}/file`);
  mkdirSync(`${to}.new`);
  writeFileSync(`${to}.new/file`, '');
  assert.match(await failureOf(importInto(to, chunked(bytes))), /\.new is in the way/);
  assert.equal([readdirSync(to), readdirSync(`${to}.new`)], [[], ['file']]);
  rmSync(`${to}.new`, { recursive: true });
  await importInto(to, chunked(bytes));
  assert.is((await verifyLog({ folder: to })).unsound, undefined);
});

exporting('what is not sound is not exported', async () => {
  const folder = await recorded(3000, 3000);
  await changeLevel(folder, async (level) => {
    const [entry] = await level.iterator({ gte: Buffer.from('b'), lt: Buffer.from('c'), limit: 1 }).all();
    const [key, value] = entry ?? [];
    if (key && value) await level.put(key, value.with(500, 255 - (value[500] ?? 0)));
  });
  assert.match(await failureOf(exportFrom(folder)), /is not sound from seq 1 on/);
});

exporting.run();
