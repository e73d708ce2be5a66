/** The keeper: what it keeps is what was recorded, and the world as it was behind any event comes back from it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Hierarchy } from '../../projections/hierarchy.ts';
import { SnapshotWriter } from '../../projections/snapshot.ts';
import { World } from '../../projections/world.ts';
import type { Entry, LogQuery } from '../../src/engine/history.ts';
import type { Instant } from '../../src/engine/instant.ts';
import { openWorld } from '../../src/engine/openWorld.ts';
import { Story } from '../../src/engine/story.ts';
import { Cutter } from '../../src/log/cutter.ts';
import { blockKey, snapshotKey } from '../../src/log/keys.ts';
import { type LevelLog, openLevelLog, openLogReader } from '../../src/log/openLog.ts';
import { seededRandom } from '../../src/random.ts';
import { rejection } from '../log/contract.ts';
import { Scratch } from '../log/recordings.ts';
import { keepAll } from '../support/keeping.ts';
import { recordStory, stampedAs, storyOfMirrors } from '../support/stories.ts';

const keeper = suite('keeper');
const scratch = await Scratch.open();
keeper.after(() => scratch.remove());

const events = await storyOfMirrors(3, 9000);
const story = stampedAs(events);
const distance = { events: 2000, perTask: 0 };
const keeping = { distance, blocksAtOnce: 4 };

async function begin(): Promise<LevelLog> {
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, story);
  return log;
}

async function snapshotSeqs(log: LevelLog): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of log.snapshots(log.seq)) seqs.push(seq);
  return seqs;
}

function worldAfter(count: number): World {
  const world = new World();
  for (const event of events.slice(0, count)) world.apply(event);
  return world;
}

keeper('the world behind any event comes back, from a snapshot and what follows it', async () => {
  const log = await begin();
  await keepAll(log, keeping);
  const kept = await snapshotSeqs(log);
  assert.ok(kept.length > 3, `snapshots at ${kept}`);
  for (const [i, seq] of kept.slice(1).entries()) assert.ok((kept[i] ?? 0) - seq >= distance.events);
  const random = seededRandom(1);
  const moments = [
    ...kept,
    ...kept.map((seq) => seq - 1),
    1,
    log.seq,
    ...Array.from({ length: 10 }, () => 1 + random.below(log.seq)),
  ];
  for (const seq of moments) {
    assert.equal((await openWorld(log, seq)).dump(), worldAfter(seq).dump(), `behind seq ${seq}`);
  }
  await log.close();
});

keeper('a snapshot that is damaged, missing in part, or of another version is done without', async () => {
  const log = await begin();
  await keepAll(log, keeping);
  const [last = 0, before = 0] = await snapshotSeqs(log);
  await log.store({ puts: [[snapshotKey(last, 'hierarchy'), Uint8Array.of(1, 2, 3)]], dels: [] });
  await log.store({ puts: [], dels: [snapshotKey(before, 'chronicle')] });
  const whole = worldAfter(log.seq).dump();
  assert.equal((await openWorld(log)).dump(), whole);
  const reader = await openLogReader(log);
  assert.equal((await openWorld(reader)).dump(), whole);
  await reader.close();
  await log.close();
});

/** Has all snapshots be of a version that this tasktrail does not read. */
async function makeOlder(log: LevelLog): Promise<void> {
  const older = new SnapshotWriter('hierarchy', Hierarchy.version + 1).sealed();
  const puts = (await snapshotSeqs(log)).map((seq) => [snapshotKey(seq, 'hierarchy'), older] as const);
  await log.store({ puts, dels: [] });
}

keeper(
  'where snapshots are of another version, the next block is followed by one that can be read',
  async () => {
    const log = await openLevelLog({ folder: scratch.folder() });
    await recordStory(log, story.slice(0, 5000));
    await keepAll(log, { distance });
    await makeOlder(log);
    // By these the next one would not be due for long.
    const before = await snapshotSeqs(log);
    await recordStory(log, story.slice(5000));
    await keepAll(log, { distance: { events: 5000, perTask: 0 } });
    const [last = 0, ...others] = await snapshotSeqs(log);
    assert.equal([last, others], [5 * 1024, before]);
    const passedOver: string[] = [];
    const world = await openWorld(log, last + 10, (why) => passedOver.push(why));
    assert.equal([world.dump(), passedOver], [worldAfter(last + 10).dump(), []]);
    await openWorld(log, last - 1, (why) => passedOver.push(why));
    assert.is(passedOver.length, before.length);
    assert.match(passedOver[0] ?? '', /^the snapshot of hierarchy is of version \d+, and not \d+$/);
    await log.close();
  },
);

keeper(
  'a recording whose beginning is not kept, and came to what another version wrote, says what to do',
  async () => {
    const log = await begin();
    await keepAll(log, keeping);
    const reader = await openLogReader(log);
    const [, last = 0] = await snapshotSeqs(log);
    for await (const batch of new Cutter(reader).cut(last + 1)) await log.store(batch);
    await reader.close();
    await makeOlder(log);
    assert.match(
      await rejection(openWorld(log)),
      /^what came before cannot be told by this tasktrail: the snapshot of hierarchy is of version \d+, and not \d+, and what is kept begins at \S+Z, with event #\d+: use the tasktrail that recorded it, or record into another folder \(--data\)$/,
    );
    await log.close();
  },
);

keeper('damage at the beginning of a window stops no sealing behind it', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, story.slice(0, 5000));
  await keepAll(log, { distance });
  await log.store({ puts: [[blockKey(1), Uint8Array.of(1, 2, 3)]], dels: [] });
  await recordStory(log, story.slice(5000));
  await keepAll(log, { distance });
  assert.ok(log.sealedSeq > log.seq - 1024);
  assert.equal((await openWorld(log)).dump(), worldAfter(log.seq).dump());
  await log.close();
});

keeper('a history that goes on from a snapshot tells what one from the first event on tells', async () => {
  const log = await begin();
  const at = (part: number): Instant => ({ kind: 'seq', seq: Math.floor(log.seq * part) });
  const timeAt = (part: number): Instant => ({
    kind: 'time',
    timeUs: events[Math.floor(log.seq * part)]?.timeUs ?? 0,
  });
  const queries: LogQuery[] = [
    { since: at(0.7) },
    { since: timeAt(0.6), until: timeAt(0.8) },
    { since: timeAt(0.9), path: '/' },
    { until: timeAt(0.5), limit: 20 },
    { limit: 5 },
    { limit: 3, types: ['tree'] },
    { limit: 40, types: ['rmdir', 'gap'] },
  ];
  const told = async () => {
    const stories = [];
    for (const query of queries) stories.push(await entriesOf(log, query));
    return stories;
  };
  const before = await told();
  await keepAll(log, keeping);
  const after = await told();
  for (const [i, query] of queries.entries()) assert.equal(after[i], before[i], JSON.stringify(query));
  await log.close();
});

async function entriesOf(log: LevelLog, query: LogQuery): Promise<Entry[]> {
  const story = new Story(query);
  if (query.limit !== undefined) return story.tellLast(log, query.limit);
  const entries: Entry[] = [];
  for await (const entry of story.tell(log)) entries.push(entry);
  return entries;
}

keeper.run();
