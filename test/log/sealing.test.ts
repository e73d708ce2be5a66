/**
 * Sealing: blocks take the place of commits, while the log goes on and is read, and nothing that is read or checked
 * tells the difference.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../events/event.ts';
import { blockEvents } from '../../src/log/block.ts';
import { UnsoundLogError } from '../../src/log/errors.ts';
import { blockKey } from '../../src/log/keys.ts';
import { openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import { Sealer } from '../../src/log/sealer.ts';
import { seededRandom } from '../../src/random.ts';
import { randomStamped } from '../support/facts.ts';
import { readAll } from './contract.ts';
import { changeLevel, Scratch } from './recordings.ts';
import { commitRandom, sealAll } from './sealed.ts';

const sealing = suite('sealing');
const scratch = await Scratch.open();
sealing.after(() => scratch.remove());

for (const most of [1, 7, 1024, 5000]) {
  sealing(`what is sealed reads as before, in commits of up to ${most}`, async () => {
    const folder = scratch.folder();
    const log = await openLevelLog({ folder });
    const events = await commitRandom(log, most, most === 1 ? 2500 : 9000, most);
    const before = await verifyLog(log);
    assert.is(await sealAll(log), Math.floor(events.length / blockEvents) * blockEvents);
    assert.equal(await readAll(log), events);
    assert.equal(await verifyLog(log), before);
    for (const fromSeq of [1, 2, 1023, 1024, 1025, 1026, 2049, events.length - 1, events.length]) {
      assert.equal(await readAll(log, fromSeq), events.slice(fromSeq - 1), `from seq ${fromSeq}`);
    }
    await log.close();
    const again = await openLevelLog({ folder });
    assert.equal(again.head, log.head);
    assert.equal(await readAll(again), events);
    await again.close();
  });
}

sealing('a recording that is opened, written and sealed again and again stays one chain', async () => {
  const folder = scratch.folder();
  const events: Event[] = [];
  const heads = [];
  for (let turn = 0; turn < 6; turn++) {
    const log = await openLevelLog({ folder });
    events.push(...(await commitRandom(log, turn, 700 + 400 * turn, 300)));
    await sealAll(log);
    heads.push(log.head);
    await log.close();
  }
  const log = await openLevelLog({ folder });
  assert.equal(await readAll(log), events);
  for (const expect of heads) assert.is((await verifyLog(log, { expect })).unsound, undefined);
  const [first] = heads;
  const other = await verifyLog(log, { expect: { seq: first?.seq ?? 0, hash: '0'.repeat(64) } });
  assert.match(String(other.unsound?.why), /the log that was noted at seq 700 is another/);
  const never = await verifyLog(log, { expect: { seq: 699, hash: first?.hash ?? '' } });
  assert.match(String(never.unsound?.why), /no commit ends with seq 699/);
  const later = await verifyLog(log, { expect: { seq: log.seq + 5, hash: first?.hash ?? '' } });
  assert.match(String(later.unsound?.why), /are missing at the end, which was noted before/);
  await log.close();
});

sealing('a replay hands over any part, in order, once', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  const events = await commitRandom(log, 5, 5000, 100);
  await sealAll(log);
  for (const [fromSeq, lastSeq] of [
    [1, 5000],
    [1000, 1030],
    [4000, 9999],
    [4500, 4501],
    [5001, 6000],
  ] as const) {
    const seen: [number, string][] = [];
    const last = await log.replay(fromSeq, lastSeq, ({ seq, type }) => seen.push([seq, type]));
    const wanted = events.slice(fromSeq - 1, lastSeq);
    assert.equal(
      seen,
      wanted.map(({ seq, type }) => [seq, type] as [number, string]),
    );
    assert.is(last, wanted.at(-1)?.seq ?? fromSeq - 1);
  }
  await log.close();
});

sealing('a time is found in the blocks and behind them, and a seq tells its commit', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  const random = seededRandom(8);
  const spans = [];
  while (log.seq < 7000) {
    const firstSeq = log.seq + 1;
    log.append(randomStamped(random, 1 + random.below(700), log.head.timeUs));
    await log.commit('written');
    spans.push({ firstSeq, lastSeq: log.seq });
  }
  await sealAll(log);
  for (const span of spans) {
    for (const seq of [span.firstSeq, span.lastSeq])
      assert.equal(await log.commitOf(seq), span, `seq ${seq}`);
  }
  const events = await readAll(log);
  for (let i = 0; i < 300; i++) {
    const timeUs = (random.pick(events).timeUs ?? 0) + random.below(3) - 1;
    const wanted = events.findLast((event) => event.timeUs <= timeUs)?.seq ?? 0;
    assert.is(await log.seqAt(timeUs), wanted, `at ${timeUs}`);
  }
  await log.close();
});

sealing('a commit that is sealed while somebody looks for it is told all the same', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  await commitRandom(log, 9, 3000, 1);
  const firstSeq = log.seq + 1;
  log.append(randomStamped(seededRandom(10), 40, log.head.timeUs));
  await log.commit('written');
  const span = { firstSeq, lastSeq: log.seq };
  await commitRandom(log, 11, 1500, 30);
  const reader = await openLogReader(log);
  const { lastBlock } = reader;
  // Between any two looks of the reader, the writer has sealed all that there is.
  reader.lastBlock = async (snapshot) => {
    const block = await lastBlock.call(reader, snapshot);
    await sealAll(log);
    return block;
  };
  assert.equal(await reader.commitOf(firstSeq + 3), span);
  await reader.close();
  await log.close();
});

sealing('a block that is missing is told, and not passed over', async () => {
  const folder = scratch.folder();
  const log = await openLevelLog({ folder });
  const events = await commitRandom(log, 12, 5000, 60);
  await sealAll(log);
  await log.close();
  await changeLevel(folder, (level) => level.del(blockKey(1)));
  const reader = await openLogReader({ folder });
  const seen: Event[] = [];
  try {
    for await (const some of reader.read(1)) seen.push(...some);
    assert.unreachable('nothing was missed');
  } catch (error) {
    assert.instance(error, UnsoundLogError);
    assert.match((error as UnsoundLogError).why, /^seqs 1025 to 2048 are missing$/);
  }
  assert.equal(seen, events.slice(0, blockEvents));
  await reader.close();
});

sealing('a reader that is half-way when the rest is sealed reads on', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  const events = await commitRandom(log, 6, 6000, 50);
  const seen: Event[] = [];
  for await (const some of log.read(1)) {
    seen.push(...some);
    if (seen.length === some.length) await sealAll(log);
  }
  assert.equal(seen, events);
  await log.close();
});

sealing('a sealer that is stopped anywhere leaves a log that the next one seals on', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  const events = await commitRandom(log, 7, 8000, 90);
  for (let turn = 0; turn < 4; turn++) {
    const reader = await openLogReader(log);
    const sealer = await Sealer.open(reader);
    for (let i = 0; i < turn; i++) {
      const sealed = await sealer.next();
      if (sealed) await log.store(sealed);
    }
    // Made, and never written.
    await sealer.next();
    await reader.close();
  }
  assert.equal(await readAll(log), events);
  assert.is((await verifyLog(log)).unsound, undefined);
  await log.close();
});

sealing.run();
