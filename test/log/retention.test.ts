/**
 * Retention: the beginning of a recording goes, as the limits say and no further, and what is kept reads and checks as
 * before.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { blockEvents } from '../../src/log/block.ts';
import { crc32 } from '../../src/log/crc32.ts';
import { Cutter } from '../../src/log/cutter.ts';
import { allBlocks, originKey, snapshotKey } from '../../src/log/keys.ts';
import type { LevelReader } from '../../src/log/levelReader.ts';
import { type LevelLog, openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import { readOrigin, writeOrigin } from '../../src/log/origin.ts';
import { type Limits, planCut, type Situation } from '../../src/log/retention.ts';
import { readAll, seqs } from './contract.ts';
import { changeLevel, Scratch } from './recordings.ts';
import { commitRandom, sealAll } from './sealed.ts';

const retention = suite('retention');
const scratch = await Scratch.open();
retention.after(() => scratch.remove());

const dayUs = 86_400_000_000;
const blocks = 12;
/** Snapshots are behind every other block. */
const places = Array.from({ length: blocks / 2 }, (_, i) => 2 * i * blockEvents + 1).slice(1);

/** A sealed recording with snapshots, and commits of up to `most` events. */
async function made(folder: string, most: number): Promise<{ log: LevelLog; events: readonly Event[] }> {
  const log = await openLevelLog({ folder });
  const events = await commitRandom(log, most, blocks * blockEvents + 500, most);
  await sealAll(log);
  await log.store({ puts: places.map((place) => [snapshotKey(place - 1, 'world'), bytes]), dels: [] });
  return { log, events };
}

const bytes = new TextEncoder().encode('whatever a projection saves');

/** Cuts a recording as the recorder would, all of it. */
async function cut(log: LevelLog, firstSeq: number): Promise<void> {
  await withReader(log, async (reader) => {
    const cutter = new Cutter(reader);
    for await (const batch of cutter.cut(firstSeq)) await log.store(batch);
    while (await cutter.freeSome());
  });
}

async function withReader<T>(log: LevelLog, use: (reader: LevelReader) => Promise<T>): Promise<T> {
  const reader = await openLogReader(log);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

async function blocksIn(log: LevelLog): Promise<number> {
  return withReader(log, async ({ store }) => (await store.level.keys(allBlocks).all()).length);
}

for (const most of [1, 1000, 5000]) {
  retention(`what is kept reads, checks and goes on as before, in commits of up to ${most}`, async () => {
    const folder = scratch.folder();
    const { log, events } = await made(folder, most);
    const before = await verifyLog(log);
    for (const firstSeq of [places[0] ?? 0, places[1] ?? 0, places[3] ?? 0]) {
      await cut(log, firstSeq);
      const kept = events.slice(firstSeq - 1);
      assert.equal(log.keptFrom(), { seq: firstSeq, timeUs: kept[0]?.timeUs });
      assert.equal(await readAll(log), kept);
      assert.equal(await readAll(log, firstSeq + 1500), kept.slice(1500));
      const seen: number[] = [];
      assert.is(await log.replay(1, firstSeq + 10, ({ seq }) => seen.push(seq)), firstSeq + 10);
      assert.equal(seen, seqs(kept.slice(0, 11)));
      const { unsound, hash, keptFrom, events: checked } = await verifyLog(log);
      assert.equal([unsound, hash, keptFrom], [undefined, before.hash, log.keptFrom()]);
      assert.is(checked, kept.length);
      assert.is(await log.seqAt(kept[2000]?.timeUs ?? 0), lastAt(kept, kept[2000]?.timeUs ?? 0));
      assert.is(await blocksIn(log), blocks - (firstSeq - 1) / blockEvents);
    }
    const head = log.head;
    await log.close();
    const again = await openLevelLog({ folder });
    assert.equal(again.head, head);
    const more = await commitRandom(again, 77, 3000, most);
    await sealAll(again);
    const all = [...events, ...more];
    assert.equal(await readAll(again), all.slice(again.keptFrom().seq - 1));
    assert.is((await verifyLog(again, { expect: head })).unsound, undefined);
    await again.close();
  });
}

function lastAt(events: readonly Event[], timeUs: number): number {
  return events.findLast((event) => event.timeUs <= timeUs)?.seq ?? 0;
}

retention('a head that was noted in what is removed cannot be checked, and that is said', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  await commitRandom(log, 1, 500, 10);
  const { head } = log;
  await commitRandom(log, 2, 3000, 10);
  await sealAll(log);
  await log.store({ puts: [[snapshotKey(blockEvents, 'world'), bytes]], dels: [] });
  await cut(log, blockEvents + 1);
  const error = await verifyLog(log, { expect: head }).catch((reason: unknown) => reason);
  assert.match(String(error), /noted at seq \d+ cannot be checked: the recording is kept from seq 1025 on/);
  await log.close();
});

retention('a cut that was left in the middle is gone on with', async () => {
  const { log, events } = await made(scratch.folder(), 50);
  const firstSeq = places[2] ?? 0;
  await withReader(log, async (reader) => {
    for await (const batch of new Cutter(reader).cut(firstSeq)) {
      await log.store(batch);
      break;
    }
  });
  assert.equal(await readAll(log), events.slice(firstSeq - 1));
  assert.is((await verifyLog(log)).unsound, undefined);
  assert.is(await blocksIn(log), blocks);
  await withReader(log, async (reader) => {
    for await (const batch of new Cutter(reader).sweep()) await log.store(batch);
  });
  assert.is(await blocksIn(log), blocks - (firstSeq - 1) / blockEvents);
  assert.is((await verifyLog(log)).unsound, undefined);
  await log.close();
});

retention('who is reading what goes is told, and is not told something else', async () => {
  const { log } = await made(scratch.folder(), 50);
  const reading = log.read(1)[Symbol.asyncIterator]();
  await reading.next();
  await cut(log, places[2] ?? 0);
  let error: unknown;
  try {
    while (!(await reading.next()).done);
  } catch (reason) {
    error = reason;
  }
  assert.match(String(error), /event #1025 is not kept any more/);
  await log.close();
});

retention('an origin, or a chain behind it, that is not what was written is unsound', async () => {
  const folder = scratch.folder();
  const { log } = await made(folder, 1000);
  await cut(log, places[2] ?? 0);
  await log.close();
  const damages: Record<string, (value: Uint8Array) => Uint8Array | undefined> = {
    flipped: (value) => value.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    missing: () => undefined,
    another: (value) => {
      const origin = readOrigin(value, crc32);
      return writeOrigin({ ...origin, link: { ...origin.link, hash: new Uint8Array(32) } }, crc32);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    const copy = await scratch.copy(folder);
    await changeLevel(copy, async (level) => {
      const value = damage((await level.get(originKey)) ?? new Uint8Array());
      await (value ? level.put(originKey, value) : level.del(originKey));
    });
    assert.ok((await verifyLog({ folder: copy })).unsound, name);
  }
});

// Which cut is planned.

const roomy = { freeBytes: 1e15, recordingBytes: 0 };

async function planned(log: LevelLog, limits: Limits, rest: Partial<Situation> = {}) {
  return withReader(log, (reader) =>
    planCut(reader, { nowUs: log.head.timeUs, disk: roomy, ...rest, limits }, () => true),
  );
}

retention('a limit that is kept to removes nothing, and no limit neither', async () => {
  const { log, events } = await made(scratch.folder(), 50);
  const ageUs = log.head.timeUs - (events[0]?.timeUs ?? 0) + 1;
  for (const limits of [{}, { ageUs, sizeBytes: 1e15, freeBytes: 1e9 }]) {
    assert.equal(await planned(log, limits), { isHeld: false });
  }
  await log.close();
});

retention('what is too old goes, up to the last snapshot before what is not', async () => {
  const { log, events } = await made(scratch.folder(), 50);
  for (const youngest of [places[0] ?? 0, (places[0] ?? 0) + 5, places[3] ?? 0, blocks * blockEvents]) {
    const limitUs = events[youngest - 2]?.timeUs ?? 0;
    const older = places.findLast((place) => (events[place - 2]?.timeUs ?? 0) <= limitUs);
    const { cut } = await planned(log, { ageUs: log.head.timeUs - limitUs });
    assert.equal(cut, { firstSeq: older, limit: 'age' });
  }
  await log.close();
});

retention('what is too large goes as far as it has to, and what is needed for others too', async () => {
  const { log } = await made(scratch.folder(), 50);
  await log.close();
  const again = await openLevelLog({ folder: log.folder });
  const sizes = await withReader(again, async ({ store }) => {
    await store.level.compactRange(new Uint8Array(), Uint8Array.of(255));
    return store.level.approximateSize(new Uint8Array(), Uint8Array.of(255));
  });
  const some = await planned(again, { sizeBytes: sizes * 0.8 });
  assert.is(some.cut?.limit, 'size');
  const middle = places.indexOf(some.cut?.firstSeq ?? 0);
  assert.ok(middle >= 0 && middle < places.length - 1, `place ${middle} of ${places.length}`);
  assert.is((await planned(again, { sizeBytes: 1 })).cut?.firstSeq, places.at(-1));
  const disk = { freeBytes: 1e9, recordingBytes: 0 };
  const need = await planned(again, { freeBytes: 1e9 + sizes * 0.2 }, { disk });
  assert.equal(need.cut, { firstSeq: some.cut?.firstSeq, limit: 'free' });
  assert.equal(await planned(again, { freeBytes: 1e9 }, { disk }), { isHeld: false });
  await again.close();
});

retention('nothing is removed for room that LevelDB is still to give back', async () => {
  const { log } = await made(scratch.folder(), 50);
  const gigabyte = 2 ** 30;
  const disk = { freeBytes: 5 * gigabyte, recordingBytes: 3 * gigabyte };
  assert.equal(await planned(log, { freeBytes: 7 * gigabyte, sizeBytes: gigabyte }, { disk }), {
    isHeld: false,
  });
  assert.ok((await planned(log, { freeBytes: 9 * gigabyte }, { disk })).cut);
  await log.close();
});

retention('a snapshot that no world can be made of is passed over', async () => {
  const { log } = await made(scratch.folder(), 50);
  const plan = await withReader(log, (reader) =>
    planCut(
      reader,
      { nowUs: log.head.timeUs, limits: { ageUs: 0 }, disk: roomy },
      ({ seq }) => seq + 1 <= (places[1] ?? 0),
    ),
  );
  assert.is(plan.cut?.firstSeq, places[1]);
  await log.close();
});

retention('an open release holds up each limit for so long, and no longer', async () => {
  const { log } = await made(scratch.folder(), 50);
  const openRelease = (places[1] ?? 0) + 7;
  const nowUs = log.head.timeUs + 30 * dayUs;
  const held = await planned(log, { ageUs: 28 * dayUs }, { nowUs, openRelease });
  assert.equal(held, { isHeld: true, cut: { firstSeq: places[1], limit: 'age' } });
  const late = await planned(log, { ageUs: 28 * dayUs }, { nowUs: nowUs + 6 * dayUs, openRelease });
  assert.equal(late, { isHeld: true, staleSeq: (places.at(-1) ?? 0) - 1 });
  const full = { freeBytes: 10, recordingBytes: 0 };
  assert.is((await planned(log, { freeBytes: 15 }, { openRelease, disk: full })).staleSeq, undefined);
  assert.ok((await planned(log, { freeBytes: 30 }, { openRelease, disk: full })).staleSeq);
  const behind = await planned(log, { ageUs: 28 * dayUs }, { nowUs, openRelease: log.seq });
  assert.equal(behind, { isHeld: false, cut: { firstSeq: places.at(-1), limit: 'age' } });
  await log.close();
});

retention.run();
