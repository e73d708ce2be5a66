/**
 * Pruning: the archivist's thread removes what may not be kept any longer, and whatever is asked afterwards is answered
 * as before or told to be gone.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { World } from '../../projections/world.ts';
import { type Archivist, openArchivist, type Retention } from '../../src/archive/archivist.ts';
import { Pruner } from '../../src/archive/pruner.ts';
import { type Entry, History } from '../../src/engine/history.ts';
import { isUnclear } from '../../src/engine/instant.ts';
import { openWorld } from '../../src/engine/openWorld.ts';
import { answerInPast } from '../../src/engine/past.ts';
import { Story } from '../../src/engine/story.ts';
import { snapshotKey } from '../../src/log/keys.ts';
import { type LevelLog, openLevelLog, openLogReader, verifyLog } from '../../src/log/openLog.ts';
import type { Situation } from '../../src/log/retention.ts';
import { folderBytes } from '../../src/system/folder.ts';
import { rejection } from '../log/contract.ts';
import { Scratch } from '../log/recordings.ts';
import { until } from '../support/daemon.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { keepAll } from '../support/keeping.ts';
import { recordStory, stampedAs, storyOfMirrors } from '../support/stories.ts';

const pruning = suite('pruning');
const scratch = await Scratch.open();
pruning.after(() => scratch.remove());

/** A millisecond apart. */
const events = (await storyOfMirrors(3, 9000)).map((event, i) => ({ ...event, timeUs: 1e15 + 1000 * i }));
const story = stampedAs(events);
const disk = { freeBytes: 1e12, recordingBytes: 0 };

/** A recording of the story, sealed, with snapshots. */
async function made(): Promise<LevelLog> {
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, story, 300);
  await keepAll(log, { distance: { events: 2000, perTask: 0 } });
  return log;
}

/** Has the archivist look at the limits once, which it does when its time has come. */
async function prune(log: LevelLog, retention: Retention, done: (archivist: Archivist) => boolean) {
  const clock = new FakeClock();
  const failures: Error[] = [];
  const archivist = openArchivist({
    log,
    clock,
    retention,
    follow: () => () => {},
    onFailure: (error) => failures.push(error),
  });
  clock.pass(10_000);
  await until('it has pruned', () => done(archivist) || failures.length > 0);
  await archivist.close();
  assert.equal(failures, []);
}

/** Keeps what is younger than the event with this seq. */
function since(seq: number, rest: Partial<Situation> = {}): Retention {
  const nowUs = events.at(-1)?.timeUs ?? 0;
  const situation = { nowUs, limits: { ageUs: nowUs - (events[seq - 1]?.timeUs ?? 0) }, disk, ...rest };
  return { situation: () => situation, giveUp: () => assert.unreachable('nothing is given up') };
}

/** The seq and the snapshot that are kept from then on are before it. */
async function pruned(): Promise<LevelLog> {
  const log = await made();
  await prune(log, since(5500), () => log.keptFrom().seq > 1);
  const { seq } = log.keptFrom();
  assert.ok(seq > 2000 && seq <= 5500, `it is kept from seq ${seq} on`);
  return log;
}

function worldAfter(count: number): unknown {
  const world = new World();
  for (const event of events.slice(0, count)) world.apply(event);
  return world.dump();
}

pruning('what is kept is told as before, after another start too', async () => {
  let log = await pruned();
  const { seq, timeUs } = log.keptFrom();
  for (const turn of ['before', 'after']) {
    assert.equal((await openWorld(log)).dump(), worldAfter(events.length), turn);
    for (const behind of [seq - 1, seq, seq + 700]) {
      assert.equal((await openWorld(log, behind)).dump(), worldAfter(behind), `behind seq ${behind}`);
    }
    assert.is((await verifyLog(log)).unsound, undefined);
    assert.equal(log.keptFrom(), { seq, timeUs });
    await log.close();
    log = await openLevelLog(log);
  }
  const history = new History({});
  const wanted = events.map((event) => history.take(event)).filter((entry) => entry && entry.seq >= seq);
  const entries: Entry[] = [];
  for await (const entry of new Story({}).tell(log)) entries.push(entry);
  assert.equal(entries, wanted);
  await log.close();
});

pruning('what is not kept is told to be gone, with where what is kept begins', async () => {
  const log = await pruned();
  const { seq, timeUs } = log.keptFrom();
  const gone = new RegExp(`^that is not kept any more: what is kept begins at \\S+Z, with event #${seq}$`);
  const question = { kind: 'tree', path: '/' } as const;
  const instants = [
    { kind: 'time', timeUs: timeUs - 1 },
    { kind: 'seq', seq: seq - 1 },
    { kind: 'start' },
  ] as const;
  for (const instant of instants) {
    const answer = await answerInPast(log, question, instant, Number.MAX_SAFE_INTEGER);
    assert.match(isUnclear(answer) ? answer.unclear : '', gone, instant.kind);
    for (const query of [{ since: instant }, { until: instant }]) {
      assert.match(await rejection(new Story(query).tell(log).next()), gone, instant.kind);
    }
  }
  assert.not(isUnclear(await answerInPast(log, question, { kind: 'time', timeUs }, Number.MAX_SAFE_INTEGER)));
  await log.close();
});

pruning('the room is given back', async () => {
  const log = await made();
  await log.close();
  // Opening makes a table of what LevelDB has in its log file.
  const again = await openLevelLog(log);
  const before = folderBytes(log.folder);
  const limits = { sizeBytes: 1 };
  const retention = since(1, { limits, disk: { ...disk, recordingBytes: before } });
  await prune(again, retention, () => folderBytes(log.folder) < 0.7 * before);
  assert.is((await verifyLog(again)).unsound, undefined);
  await again.close();
});

pruning('an open release holds it up, and is given up when that has been for too long', async () => {
  const log = await made();
  const openRelease = 3000;
  await prune(log, since(events.length, { openRelease }), ({ isHeld }) => isHeld);
  assert.ok(log.keptFrom().seq <= openRelease);
  const longAfter = (events.at(-1)?.timeUs ?? 0) + 40 * 86_400_000_000;
  const late = { nowUs: longAfter, limits: { ageUs: 28 * 86_400_000_000 }, openRelease };
  const given: number[] = [];
  await prune(log, { ...since(1, late), giveUp: (seq) => given.push(seq) }, () => given.length > 0);
  assert.ok((given[0] ?? 0) >= openRelease);
  await log.close();
});

pruning('nothing goes that only a snapshot could tell of which cannot be read', async () => {
  const log = await made();
  const seqs: number[] = [];
  for await (const { seq } of log.snapshots(log.seq)) seqs.push(seq);
  for (const seq of seqs.slice(0, -1)) {
    await log.store({ puts: [[snapshotKey(seq, 'hierarchy'), Uint8Array.of(1)]], dels: [] });
  }
  const reader = await openLogReader(log);
  const situation = since(events.length).situation();
  assert.ok(situation);
  const pruner = new Pruner(reader);
  if (situation) for await (const batch of pruner.prune(situation)) await log.store(batch);
  await reader.close();
  assert.is(log.keptFrom().seq, (seqs.at(-1) ?? 0) + 1);
  assert.equal((await openWorld(log)).dump(), worldAfter(events.length));
  await log.close();
});

pruning.run();
