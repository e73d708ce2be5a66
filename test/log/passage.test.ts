/**
 * The passage through a recording: its commits come out as they went in, sealed or not, from any checkpoint on; and what
 * is checked from a checkpoint on.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blockEvents } from '../../src/log/block.ts';
import { origin } from '../../src/log/commit.ts';
import { blockKey } from '../../src/log/keys.ts';
import { type LevelLog, openLevelLog, openLogReader, readHead, verifyLog } from '../../src/log/openLog.ts';
import { beginningOf, type Checkpoint, checkpointBefore, passageFrom } from '../../src/log/passage.ts';
import { changeLevel, Scratch } from './recordings.ts';
import { commitRandom, sealAll } from './sealed.ts';

const passage = suite('passage');
const scratch = await Scratch.open();
passage.after(() => scratch.remove());

async function valuesFrom(log: LevelLog, seq?: number): Promise<Uint8Array[]> {
  const reader = await openLogReader(log);
  const values: Uint8Array[] = [];
  const from: Checkpoint = seq === undefined ? beginningOf(reader) : await checkpointBefore(reader, seq);
  for await (const commits of passageFrom(reader, from)) {
    values.push(...commits.map(({ value }) => Uint8Array.from(value)));
  }
  await reader.close();
  return values;
}

for (const most of [3, 700, 5000]) {
  passage(
    `sealed commits of up to ${most} events come out as they were written, from any checkpoint on`,
    async () => {
      const log = await openLevelLog({ folder: scratch.folder() });
      await commitRandom(log, most, 6000, most);
      const written = await valuesFrom(log);
      await sealAll(log);
      await commitRandom(log, most + 1, 700, most);
      const all = await valuesFrom(log);
      assert.equal(all.slice(0, written.length), written);
      for (const seq of [0, 1, 1024, 1025, 3000, 5120, 5121, 5900, 6700, 9999]) {
        const some = await valuesFrom(log, seq);
        assert.ok(some.length > 0, `something behind the checkpoint before ${seq}`);
        assert.equal(some, all.slice(-some.length), `from seq ${seq} on`);
      }
      await log.close();
    },
  );
}

passage('a check from a checkpoint on counts from there, and finds the same end', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  const events = await commitRandom(log, 4, 9000, 20);
  await sealAll(log);
  const whole = await verifyLog(log);
  assert.is(whole.firstSeq, 1);
  for (const seq of [1, 1024, 2000, 8192, 8193, 8999]) {
    const { firstSeq, events: count, ...rest } = await verifyLog(log, { since: { seq } });
    assert.ok(
      firstSeq <= seq && firstSeq > seq - 2 * blockEvents,
      `from ${firstSeq}, where ${seq} was asked for`,
    );
    assert.is(count, 9000 - firstSeq + 1);
    assert.equal([rest.seq, rest.hash, rest.unsound], [9000, whole.hash, undefined]);
  }
  const timeUs = events[4999]?.timeUs ?? 0;
  const { firstSeq } = await verifyLog(log, { since: { timeUs } });
  const from = events[firstSeq - 1]?.timeUs ?? Number.POSITIVE_INFINITY;
  assert.ok(from < timeUs && firstSeq > 2000, 'it begins before that time, and not long before');
  assert.equal(await verifyLog(log, { since: { timeUs: 0 } }), whole);
  await log.close();
  assert.equal(await readHead({ folder }), log.head);
});

passage('what is not sound before a checkpoint is not seen from it on, and behind it is', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  await commitRandom(log, 8, 6000, 20);
  const early = log.head;
  await commitRandom(log, 9, 3000, 20);
  await sealAll(log);
  await log.close();
  await changeLevel(folder, async (level) => {
    const value = await level.get(blockKey(3));
    if (value)
      await level.put(blockKey(3), value.with(value.length >> 1, 255 - (value[value.length >> 1] ?? 0)));
  });
  assert.is((await verifyLog({ folder })).unsound?.seq, 3073);
  assert.is((await verifyLog({ folder }, { since: { seq: 2000 } })).unsound?.seq, 3073);
  assert.is((await verifyLog({ folder }, { since: { seq: 6000 } })).unsound, undefined);
  assert.is((await verifyLog({ folder }, { since: { seq: 8500 }, expect: early })).unsound, undefined);
  const other = { ...early, hash: '0'.repeat(64) };
  const changed = await verifyLog({ folder }, { since: { seq: 8500 }, expect: other });
  assert.match(String(changed.unsound?.why), /the log that was noted at seq 6000 is another/);
});

passage('an empty log and one without a block begin where every recording does', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  log.append([]);
  await commitRandom(log, 1, 10, 3);
  const reader = await openLogReader(log);
  assert.equal(await checkpointBefore(reader, 7), beginningOf(reader));
  assert.equal(beginningOf(reader).link, origin);
  await reader.close();
  await log.close();
});

passage.run();
