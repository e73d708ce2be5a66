/** A daemon on a recording that is not sound: it says so everywhere, and records on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startDaemon } from '../src/daemon.ts';
import { allCommits, snapshotKey } from '../src/log/keys.ts';
import { openLogReader, verifyLog } from '../src/log/openLog.ts';
import { readAll } from './log/contract.ts';
import { changeLevel, Scratch } from './log/recordings.ts';

const unsound = suite('unsound');
const scratch = await Scratch.open();
unsound.after(() => scratch.remove());

const simulated = {
  source: 'simulated',
  releaseAgent: '/agent',
  syncIntervalMs: 1000,
  version: 'test',
} as const;

unsound('a daemon sets aside what is not sound, once, and records on behind it', async () => {
  const folder = scratch.folder();
  const options = { ...simulated, folder };
  const first = await startDaemon(options);
  assert.is(first.aside, undefined);
  await first.stop();
  const { seq } = first.view;
  await changeLevel(folder, async (level) => {
    const [key] = await level.keys({ ...allCommits, reverse: true, limit: 1 }).all();
    if (key) await level.put(key, Uint8Array.of(1, 2, 3));
  });
  assert.ok((await verifyLog({ folder })).unsound);
  const second = await startDaemon(options);
  const { aside } = second;
  assert.ok(aside && aside.seq <= seq && aside.lastSeq === seq, JSON.stringify(aside));
  assert.equal(second.view.setAside, [aside?.folder.split('/').at(-1)]);
  await second.stop();
  const third = await startDaemon(options);
  assert.is(third.aside, undefined);
  assert.is(third.view.setAside?.length, 1);
  await third.stop();
  assert.is((await verifyLog({ folder })).unsound, undefined);
  const log = await openLogReader({ folder });
  const gaps = (await readAll(log)).filter(({ type }) => type === 'gap');
  assert.equal(
    gaps.map((gap) => gap.type === 'gap' && gap.reason),
    ['unsound', 'stopped'],
  );
  await log.close();
});

unsound('a daemon that passes over a snapshot says so once', async () => {
  const folder = scratch.folder();
  const told: string[] = [];
  const options = { ...simulated, folder, onTrouble: (sentence: string) => told.push(sentence) };
  await (await startDaemon(options)).stop();
  await changeLevel(folder, async (level) => {
    for (const seq of [3, 4]) await level.put(snapshotKey(seq, 'hierarchy'), Uint8Array.of(1, 2, 3));
  });
  const daemon = await startDaemon(options);
  assert.is(daemon.view.unsealed, undefined);
  await daemon.stop();
  assert.is(told.length, 1);
  assert.match(
    told[0] ?? '',
    /^a snapshot could not be used, .*: the snapshot of hierarchy is damaged; `tasktrail verify/,
  );
});

unsound.run();
