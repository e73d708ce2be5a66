/**
 * By-products: a check of a log tells which of its snapshots, lifelines and index pages are not what the events make, and
 * calls the log sound all the same.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ByproductCheck } from '../../src/archive/byproducts.ts';
import { blockEvents } from '../../src/log/block.ts';
import { pageBlocks } from '../../src/log/blockIndex.ts';
import { Cutter } from '../../src/log/cutter.ts';
import { pageKey, pieceKey, snapshotKey } from '../../src/log/keys.ts';
import {
  type LevelLog,
  openLevelLog,
  openLogReader,
  type VerifyOptions,
  verifyLog,
} from '../../src/log/openLog.ts';
import type { Flaw } from '../../src/ports.ts';
import { exit } from '../log/contract.ts';
import { changeLevel, Scratch } from '../log/recordings.ts';
import { sealAll } from '../log/sealed.ts';
import { keepAll } from '../support/keeping.ts';
import { recordStory, stampedAs, storyOfMirrors } from '../support/stories.ts';

const byproducts = suite('by-products');
const scratch = await Scratch.open();
byproducts.after(() => scratch.remove());

const scale = { windowEvents: 2 * blockEvents, pieces: 4, rollPerTask: 4 };
const story = stampedAs(await storyOfMirrors(3, 9000));

/** A closed recording, with snapshots behind blocks 2, 4, … and lifelines of every two blocks; and its snapshots' seqs. */
const whole = await (async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, story, 300);
  await keepAll(log, { distance: { events: 2000, perTask: 0 }, scale, blocksAtOnce: 3 });
  const { folder } = log;
  const reader = await openLogReader({ folder });
  const seqs = await reader.snapshotSeqs();
  await reader.close();
  await log.close();
  return { folder, seqs };
})();
const [firstSnapshot = 0, secondSnapshot = 0] = whole.seqs;

type Puts = readonly (readonly [Uint8Array, Uint8Array | 'another' | undefined])[];

/** What is wrong with a copy in which values are others: these, one with a byte that is not as it was, or none. */
async function flawsWith(puts: Puts, options: VerifyOptions = {}): Promise<readonly Flaw[]> {
  const folder = await scratch.copy(whole.folder);
  await changeLevel(folder, async (level) => {
    for (const [key, value] of puts) {
      const before = (await level.get(key)) ?? Uint8Array.of();
      assert.ok(before.length > 0, 'it is there');
      const changed = value === 'another' ? before.map((byte, i) => (i === 6 ? byte ^ 1 : byte)) : value;
      if (changed) await level.put(key, changed);
      else await level.del(key);
    }
  });
  return checked(folder, options);
}

async function checked(folder: string, options: VerifyOptions = {}): Promise<readonly Flaw[]> {
  const result = await verifyLog({ folder }, { ...options, byproducts: new ByproductCheck(scale) });
  assert.is(result.unsound, undefined);
  assert.ok(result.seq > secondSnapshot);
  return result.flaws ?? [];
}

async function valueAt(key: Uint8Array): Promise<Uint8Array> {
  let value: Uint8Array | undefined;
  await changeLevel(await scratch.copy(whole.folder), async (level) => {
    value = await level.get(key);
  });
  return value ?? (assert.unreachable('it is there') as never);
}

byproducts(
  'nothing is wrong with what was made of a log in several sessions, from wherever that is checked',
  async () => {
    assert.ok(whole.seqs.length > 3, `snapshots at ${whole.seqs}`);
    assert.equal(await checked(whole.folder), []);
    for (const seq of [1, 1500, secondSnapshot + 1, 8000]) {
      assert.equal(await checked(whole.folder, { since: { seq } }), [], `since #${seq}`);
    }
  },
);

byproducts('a snapshot that cannot be read is told, and misleads nobody', async () => {
  const damaged = await flawsWith([[snapshotKey(firstSnapshot, 'hierarchy'), 'another']]);
  assert.equal(damaged, [
    { kind: 'snapshot', seq: firstSnapshot, why: 'the snapshot of hierarchy is damaged', misleads: false },
  ]);
  const [missing] = await flawsWith([[snapshotKey(secondSnapshot, 'names'), undefined]]);
  assert.equal([missing?.seq, missing?.why], [secondSnapshot, 'there is no snapshot of names']);
});

byproducts('a snapshot that can be read and is not what the events make misleads', async () => {
  const other = await valueAt(snapshotKey(secondSnapshot, 'taskPaths'));
  const [flaw, ...others] = await flawsWith([[snapshotKey(firstSnapshot, 'taskPaths'), other]]);
  assert.equal(others, []);
  assert.equal([flaw?.kind, flaw?.seq, flaw?.misleads], ['snapshot', firstSnapshot, true]);
  assert.match(flaw?.why ?? '', /not what the events make \(taskPaths\)/);
});

byproducts('a snapshot that is found at another event than its own misleads nobody', async () => {
  const puts = ['hierarchy', 'taskPaths', 'activity', 'names', 'releases', 'chronicle'].map(async (name) => {
    return [snapshotKey(firstSnapshot, name), await valueAt(snapshotKey(secondSnapshot, name))] as const;
  });
  const [flaw, ...others] = await flawsWith(await Promise.all(puts));
  assert.equal([others, flaw?.misleads], [[], false]);
  assert.is(flaw?.why, `what is there as the snapshot of #${firstSnapshot} is that of #${secondSnapshot}`);
});

byproducts('lifelines that are damaged, missing or those of others are told', async () => {
  const flaws = await flawsWith([
    [pieceKey(1, 0), 'another'],
    [pieceKey(2, 3), undefined],
    [pieceKey(3, 1), await valueAt(pieceKey(3, 2))],
  ]);
  assert.equal(
    flaws.map(({ kind, seq, misleads }) => [kind, seq, misleads]),
    [
      ['lifelines', 2049, false],
      ['lifelines', 4097, false],
      ['lifelines', 6145, true],
    ],
  );
  assert.match(flaws[0]?.why ?? '', /^piece 0 of window 1 is damaged: .*checksum differs/);
  assert.is(flaws[1]?.why, 'piece 3 of window 2 is missing');
});

byproducts('a recording whose beginning is not kept is checked from its snapshot on', async () => {
  const folder = await scratch.copy(whole.folder);
  const log = await openLevelLog({ folder });
  const reader = await openLogReader(log);
  for await (const batch of new Cutter(reader).cut(secondSnapshot + 1)) await log.store(batch);
  await reader.close();
  await log.close();
  assert.equal(await checked(folder), []);
  await changeLevel(folder, (level) => level.put(snapshotKey(secondSnapshot, 'names'), Uint8Array.of(1)));
  assert.equal(
    (await checked(folder)).map(({ kind, seq }) => [kind, seq]),
    [['snapshot', secondSnapshot]],
  );
});

byproducts('a page of the index that is missing, damaged or says something else is told', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  for (const { seq } = log; log.seq < seq + pageBlocks * blockEvents + 10; ) {
    log.append(Array.from({ length: 8192 }, (_, task) => exit(task, 1e15 + log.seq)));
    await log.commit('written');
  }
  await sealAll(log);
  const flaws = async (): Promise<readonly Flaw[]> => {
    const { flaws: all = [] } = await verifyLog(log, { byproducts: new ByproductCheck() });
    return all.filter(({ kind }) => kind === 'index');
  };
  const page = await pageOf(log);
  assert.equal(await flaws(), []);
  await log.store({ puts: [[pageKey(0), page.map((byte, i) => (i === 9 ? byte ^ 1 : byte))]], dels: [] });
  assert.match((await flaws())[0]?.why ?? '', /^page 0 is damaged: /);
  await log.store({ puts: [], dels: [pageKey(0)] });
  assert.equal(await flaws(), [{ kind: 'index', seq: 1, why: 'page 0 is missing', misleads: false }]);
  await log.close();
});

async function pageOf(log: LevelLog): Promise<Uint8Array> {
  const reader = await openLogReader(log);
  const page = reader.store.level.getSync(pageKey(0));
  await reader.close();
  return page ?? (assert.unreachable('it is there') as never);
}

byproducts.run();
