/** A source whose queue is kept while nobody reads it: what a recorder takes from it, gives back, and goes on with. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HierarchySeen, Observation } from '../../src/ports.ts';
import { Recording } from '../support/recording.ts';

const test = suite('kept queue');

test('what was queued while nobody read comes in as at any other time, and there is no gap', async () => {
  const before = await begunKept();
  before.source.happen('start t');
  await before.recorder.stop();
  const last = before.log.head;
  before.clock.pass(5000);
  before.source.happen('t forks c');
  before.clock.pass(5000);
  const after = await Recording.reopen(before);
  await after.start();
  const events = await after.events(last.seq + 1);
  assert.equal(
    events.map(({ type }) => type),
    ['fork', 'source', 'clock'],
  );
  assert.equal(
    events.map(({ timeUs }) => timeUs - last.timeUs),
    [5_000_000, 10_000_000, 10_000_000],
  );
});

test('what is not written yet is not given back', async () => {
  const { source, log, recorder, clock } = await begunKept();
  const freed = queueOf(source).freed;
  source.happen('start t');
  recorder.read(() => {});
  assert.is(queueOf(source).read, freed + 1);
  clock.pass(20);
  assert.is(queueOf(source).freed, freed);
  assert.is(log.writtenCursor, `${freed} 0`);
  await recorder.commit('written');
  recorder.read(() => {});
  assert.is(queueOf(source).freed, freed + 1);
  assert.is(log.writtenCursor, `${freed + 1} 0`);
});

test('a commit that a follower asks for in the middle is made when all is taken in', async () => {
  const { source, log, recorder } = await begunKept();
  const { length } = log.commits;
  let asked: Promise<void> | undefined;
  recorder.follow(() => {
    asked ??= recorder.commit('synced');
    assert.is(log.commits.length, length);
  });
  source.happen('start t');
  source.happen('start u');
  recorder.read(() => {});
  await asked;
  assert.is(log.writtenCursor, `${queueOf(source).read} 0`);
  assert.is(log.head.seq, log.seq);
});

test('nobody waits to be woken before all is given back, and then somebody does', async () => {
  const { source, recorder, clock } = await begunKept();
  source.happen('start t');
  source.ring();
  clock.pass(100);
  assert.not(source.armed);
  await recorder.commit('written');
  clock.pass(40);
  assert.ok(source.armed);
});

test('what changes nothing is given back as well', async () => {
  const { source, recorder, clock } = await begunKept();
  source.happen('start t');
  recorder.read(() => {});
  await recorder.commit('written');
  source.queue({
    type: 'comm',
    bootUs: clock.nowUs,
    pid: source.cast.pidOf('t'),
    comm: source.cast.task('t').comm,
  });
  source.ring();
  clock.pass(200);
  await recorder.commit('written');
  clock.pass(40);
  assert.ok(queueOf(source).isFree);
  assert.ok(source.armed);
});

test('a queue that fills up is written at once', async () => {
  const { source, log, recorder } = await begunKept();
  queueOf(source).isFilling = true;
  const { length } = log.commits;
  source.happen('start t');
  recorder.read(() => {});
  // As soon as what is going on is done.
  await Promise.resolve();
  assert.equal(log.commits.slice(length), ['written']);
});

test('in doubt the room is given back at once, and whoever comes after a kill finds something missing', async () => {
  const before = await begunKept();
  const { source, log, clock } = before;
  source.happen('start t');
  before.recorder.read(() => {});
  // A look was taken a moment ago, so that the next one has to wait.
  source.miss('start u');
  source.happen('u exits');
  before.recorder.read(() => {});
  await before.recorder.commit('written');
  clock.pass(20);
  const cursor = log.writtenCursor;
  source.miss('start v');
  source.happen('v exits');
  source.happen('t forks c');
  source.ring();
  clock.pass(20);
  await before.recorder.commit('written');
  assert.is(log.writtenCursor, cursor);
  assert.is(queueOf(source).freed, Number(cursor.split(' ')[0]) + 2);
  const last = log.head;
  const after = await Recording.reopen(before);
  await after.start();
  const [, , gap, ...looked] = await after.events(last.seq + 1);
  assert.is(gap?.type === 'gap' && gap.reason, 'stopped');
  assert.ok(looked.some(({ type }) => type === 'adopt'));
});

test('much that was queued comes in in parts, and who asks meanwhile is answered behind all of it', async () => {
  const before = await begunKept();
  before.source.happen('start t');
  await before.recorder.stop();
  const { length } = before.log.commits;
  renameOften(before.source, 50_000);
  const after = await Recording.reopen(before);
  const started = after.start();
  const last = after.log.seq;
  assert.ok(last < 50_000, `${last} events are in before others have had a turn`);
  const answer = after.mkdir('/a');
  await started;
  assert.is(await answer, 'done');
  assert.ok(after.log.commits.length >= length + 3);
  const types = await after.types();
  assert.is(types.filter((type) => type === 'comm').length, 50_000);
  assert.ok(types.lastIndexOf('comm') < types.indexOf('mkdir'));
  assert.ok(types.lastIndexOf('comm') < types.lastIndexOf('source'));
  assert.not(types.slice(types.indexOf('comm')).includes('gap'));
});

test('what is queued in front of a loss is recorded, however much that is', async () => {
  const before = await begunKept();
  before.source.happen('start t');
  await before.recorder.stop();
  renameOften(before.source, 50_000);
  before.source.lose('t forks d');
  const after = await Recording.reopen(before);
  await after.start();
  const events = await after.events();
  const gap = events.findLastIndex(({ type }) => type === 'gap');
  assert.is(events.slice(0, gap).filter(({ type }) => type === 'comm').length, 50_000);
});

test('what was lost while nobody read is a gap behind what was queued', async () => {
  const before = await begunKept();
  before.source.happen('start t');
  await before.recorder.stop();
  const last = before.log.head;
  before.source.happen('t forks c');
  before.source.lose('t forks d');
  const after = await Recording.reopen(before);
  await after.start();
  const events = await after.events(last.seq + 1);
  assert.equal(
    events.map(({ type }) => type),
    ['fork', 'gap', 'adopt', 'source', 'clock'],
  );
  const gap = events[1];
  assert.equal(gap?.type === 'gap' && [gap.reason, gap.lost], ['overflow', 1]);
});

test('the kernel is told who was attached, and a task met by a look is where the kernel has it', async () => {
  const recording = await begunKept();
  const { source, recorder, world } = recording;
  await recording.mkdir('/a');
  source.happen('start t');
  await recording.attach('/a', 't');
  const a = world.hierarchy.taskByPid(source.cast.pidOf('t'))?.container.id;
  assert.is(source.told.get(source.cast.pidOf('t')), a);
  // Its parent ends at once: by its relatives it would be taken for one of the root.
  source.lose('t forks c');
  source.lose('c forks d');
  source.lose('c exits');
  source.told.set(source.cast.pidOf('d'), a ?? 0);
  recorder.read(() => {});
  const met = world.hierarchy.taskByPid(source.cast.pidOf('d'));
  assert.equal([met?.container.id, met?.certainty], [a, 'known']);
});

test('whose birth came at the same time as an attach is told the kernel again', async () => {
  const recording = await begunKept();
  const { source, recorder, world } = recording;
  await recording.mkdir('/a');
  source.happen('start t');
  await recording.attach('/a', 't');
  // The kernel had t in the root yet when it was born.
  source.happen('t forks c');
  recorder.read(() => {});
  const pid = source.cast.pidOf('c');
  assert.is(source.told.get(pid), world.hierarchy.taskByPid(pid)?.container.id);
});

test('what is mirrored from now on becomes a tree by a look, while all that happens goes on being recorded', async () => {
  const { last, after } = await mirroringAnew();
  const { source } = after;
  source.groupsOf = () => [inGroup];
  let hasForked = false;
  source.onScan = () => {
    if (hasForked) return;
    hasForked = true;
    for (const seen of source.cast.happen('c forks d')) {
      source.queue({ ...seen, bootUs: after.clock.nowUs, groups: [inGroup] } as Observation);
    }
  };
  await after.start();
  const types = await after.types(last + 1);
  assert.equal(
    types.filter((type, i) => type !== types[i - 1]),
    ['untree', 'fork', 'source', 'clock', 'fork', 'tree', 'mkdir', 'attach', 'populated'],
  );
  const { hierarchy } = after.world;
  const group = hierarchy.mirrorOf(7)?.groups.get(2)?.id;
  assert.equal(
    [...hierarchy.tasks()].map(({ mirrored }) => mirrored.map(({ id }) => id)),
    source.cast.tasks().map(() => [group]),
  );
});

test('whoever is moved while what is mirrored anew is looked at ends up where he was moved to', async () => {
  const { last, after } = await mirroringAnew();
  const { source, clock, world } = after;
  const pid = source.cast.pidOf('t');
  source.groupsOf = () => [inGroup];
  source.onScan = () => {
    const by = { pid: 1, uid: 0, gid: 0 };
    source.queue(
      { type: 'groupMade', bootUs: clock.nowUs, hierarchy: 7, group: 3, parent: 1, name: 'late', by },
      { type: 'moved', bootUs: clock.nowUs, hierarchy: 7, group: 3, pid, tgid: pid, whole: false, by },
    );
    source.onScan = () => {};
  };
  await after.start();
  const [place] = world.hierarchy.taskByPid(pid)?.mirrored ?? [];
  assert.is(place?.name, 'late');
  assert.not((await after.types(last + 1)).includes('gap'));
});

test('what goes wrong while it is looked at is a gap, and the trees stand behind it', async () => {
  const { last, after } = await mirroringAnew();
  const { source } = after;
  source.groupsOf = () => [inGroup];
  source.onScan = () => {
    source.lose('t forks e');
    source.onScan = () => {};
  };
  await after.start();
  const types = await after.types(last + 1);
  assert.is(types.filter((type) => type === 'gap').length, 1);
  assert.is([...after.world.hierarchy.tasks()].length, source.cast.tasks().length);
  assert.ok([...after.world.hierarchy.tasks()].every(({ mirrored }) => mirrored.length === 1));
});

test('the kernel keeps no place of one who had ended when it was told of it', async () => {
  const recording = await begunKept();
  const { source } = recording;
  await recording.mkdir('/a');
  source.happen('start t');
  await recording.attach('/a', 't');
  const pid = source.cast.pidOf('t');
  // The kernel took the place away before it was told of it.
  source.happen('t exits');
  recording.recorder.read(() => {});
  assert.not(source.told.has(pid));
});

test.run();

/** A recorder has stopped that mirrored hierarchy 5, behind event `last`; the next, which has not started, is to mirror 7. */
async function mirroringAnew(): Promise<{ last: number; after: Recording }> {
  const first = await begunKept();
  first.source.mirrored = [hierarchySeen(5)];
  first.source.happen('start t');
  await first.recorder.stop();
  const before = await Recording.reopen(first);
  await before.start();
  await before.recorder.stop();
  const { source, clock, log } = before;
  source.mirrored = [hierarchySeen(7)];
  source.queue({ type: 'mirrors', bootUs: clock.nowUs, hierarchies: [7] });
  source.happen('t forks c');
  return { last: log.seq, after: await Recording.reopen(before) };
}

const inGroup = { hierarchy: 7, group: 2 };

function hierarchySeen(hierarchy: number): HierarchySeen {
  const groups = [
    { group: 1, parent: 0, name: '' },
    { group: 2, parent: 1, name: 'a' },
  ];
  return { hierarchy, name: `name=h${hierarchy}`, mountPoint: '/mnt', groups };
}

async function begunKept(): Promise<Recording> {
  const recording = await Recording.begin();
  await recording.recorder.stop();
  recording.source.keep();
  const again = await Recording.reopen(recording);
  await again.start();
  // The log of before had no queue, so that this begins with a gap, and goes on from there.
  await again.recorder.commit('written');
  again.recorder.read(() => {});
  return again;
}

/** A task changes its name again and again. */
function renameOften(source: Recording['source'], times: number): void {
  const pid = source.cast.pidOf('t');
  for (let i = 1; i <= times; i++) source.queue({ type: 'comm', bootUs: 0, pid, comm: `name ${i}` });
}

function queueOf(source: Recording['source']): NonNullable<Recording['source']['keptQueue']> {
  assert.ok(source.keptQueue);
  return source.keptQueue;
}
