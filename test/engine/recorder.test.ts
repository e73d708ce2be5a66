/** The one writer: what it records of a machine and of commands, in which order, and how safe an answer is. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, EventType } from '../../events/event.ts';
import { rootActor } from '../support/ground.ts';
import { HeldLog } from '../support/heldLog.ts';
import { Recording, replay } from '../support/recording.ts';

const recorder = suite('recorder');
const somebody = { pid: 100, uid: 1000, gid: 1000, groups: [] };

function only<T extends EventType>(events: readonly Event[], type: T): Extract<Event, { type: T }>[] {
  return events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
}

/** Promises that can settle have settled after this. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

// Start and stop.

recorder('a new recording says what it is, of what, and who is there, and is synced then', async () => {
  const { log, source, clock, events } = await begun();
  assert.equal(
    (await events()).map(({ type }) => type),
    ['recording', 'tree', 'source', 'clock', 'adopt', 'adopt'],
  );
  const [recording, tree, from, offset] = await events();
  assert.equal([recording?.type === 'recording' && recording.id, tree?.seq], ['recording-id', 2]);
  assert.equal(from?.type === 'source' && [from.name, from.bootId], [source.name, source.bootId]);
  assert.is(offset?.type === 'clock' && offset.offsetUs, clock.offsetUs);
  assert.equal(log.commits, ['synced']);
  assert.is(log.head.seq, log.seq);
});

recorder(
  'while the disk is too slow, what happens waits in the queue, and is recorded when it is not',
  async () => {
    const { log, source, clock, recorder: engine, events } = await begun();
    const { pid } = source.cast.task('sh');
    const before = log.seq;
    const letGo = log.hold();
    const rename = (count: number): void => {
      for (let i = 0; i < count; i++)
        source.queue({ type: 'comm', bootUs: clock.nowUs, pid, comm: `sh-${i % 100}` });
    };
    for (let second = 0; second < 5; second++) {
      rename(100_000);
      source.ring();
      clock.pass(1000);
    }
    const taken = log.seq - before;
    assert.ok(taken >= 200_000 && taken <= 300_000, `${taken} were taken in`);

    letGo();
    await settled();
    clock.pass(1000);
    await engine.commit('written');
    assert.is(only(await events(), 'comm').length, 500_000);
  },
);

recorder('a recording that goes on has a gap since its last event, and what the gap hid', async () => {
  const before = await Recording.begin();
  before.source.happen('start t');
  before.source.happen('start u');
  await before.recorder.stop();
  const last = before.log.head;
  before.source.miss('t forks c');
  before.source.miss('u exits');
  before.clock.pass(60_000);
  const after = await Recording.reopen(before);
  await after.start();
  const events = await after.events(last.seq + 1);
  assert.equal(
    events.map(({ type }) => type),
    ['source', 'clock', 'gap', 'adopt', 'exit'],
  );
  const [gap] = only(events, 'gap');
  assert.equal([gap?.reason, gap?.sinceUs, gap?.lost], ['stopped', last.timeUs, 0]);
  assert.equal(
    [only(events, 'adopt')[0]?.certainty, only(events, 'exit')[0]?.certainty],
    ['inferred', 'inferred'],
  );
});

recorder(
  'what the log has lost at its end is a gap, and what the machine shows of it is inferred',
  async () => {
    const before = await Recording.begin();
    const { timeUs } = before.log.head;
    const after = await Recording.reopen(before);
    const aside = {
      folder: '/data/unsound-8-20261124T031200Z',
      seq: 8,
      lastSeq: 11,
      why: 'a file is damaged',
    };
    const { seq } = after.log;
    await after.start(aside);
    const gap = (await after.events(seq + 1)).find(({ type }) => type === 'gap');
    assert.equal(gap?.type === 'gap' && [gap.reason, gap.lost, gap.sinceUs, gap.detail], [
      'unsound',
      4,
      timeUs,
      'what had been recorded as events #8 to #11 was not sound and is set aside in unsound-8-20261124T031200Z: a file is damaged',
    ]);
    const anew = await Recording.reopen({ ...before, log: new HeldLog() } as Recording);
    await anew.start({ ...aside, seq: 1, lastSeq: 0 });
    assert.equal((await anew.types()).slice(0, 5), ['recording', 'tree', 'source', 'clock', 'gap']);
  },
);

recorder('after a reboot all tasks of old have exited, though their pids are there again', async () => {
  const before = await Recording.begin();
  await before.recorder.stop();
  before.source.bootId = 'boot-2';
  const after = await Recording.reopen(before);
  await after.start();
  const types = await after.types(before.log.seq - 5);
  assert.equal(types.slice(-4), ['adopt', 'adopt', 'exit', 'exit']);
  assert.is(after.world.hierarchy.taskCount, 2);
});

recorder('a loss during the first look is made good at the next drain', async () => {
  const clockwork = await Recording.begin();
  await clockwork.recorder.stop();
  const recording = await Recording.reopen(clockwork);
  let first = true;
  recording.source.onScan = () => {
    if (first) recording.source.lose('start t');
    first = false;
  };
  await recording.start();
  recording.recorder.read(() => {});
  assert.ok(recording.world.hierarchy.taskByPid(recording.source.cast.pidOf('t')));
});

recorder('a stop takes in what is queued, is the last event, and is synced', async () => {
  const { recorder: writer, source, log, types } = await begun();
  source.happen('start t');
  await writer.stop();
  assert.equal((await types()).slice(-2), ['fork', 'stop']);
  assert.is(log.commits.at(-1), 'synced');
});

recorder('nothing is recorded after a stop', async () => {
  const { recorder: writer, source, clock, log } = await begun();
  await writer.stop();
  const { seq } = log;
  source.happen('start t');
  source.ring();
  clock.pass(10_000);
  assert.throws(() => writer.read(() => {}), /nothing is recorded any more/);
  assert.is(log.seq, seq);
});

recorder('what the log holds rebuilds the world exactly', async () => {
  const recording = await Recording.begin();
  const { source, clock } = recording;
  await recording.mkdir('/a');
  await recording.write('/a', 'notify_on_release', '1');
  source.happen('start t');
  await recording.attach('/a', 't');
  source.happen('t clones c');
  source.happen('c execs /bin/true');
  clock.pass(1500);
  source.happen('t exits 3');
  await recording.rmdir('/missing');
  await recording.recorder.stop();
  assert.equal((await replay(recording.log)).dump(), recording.world.dump());
});

// Order.

recorder('a command is decided after everything that was queued before it', async () => {
  const recording = await Recording.begin();
  const { source } = recording;
  await recording.mkdir('/a');
  source.happen('start t');
  await recording.attach('/a', 't');
  source.happen('t exits');
  assert.is(await recording.rmdir('/a'), 'done');
  assert.equal((await recording.types()).slice(-2), ['exit', 'rmdir']);
});

recorder('without the drain it is decided on what is no longer so', async () => {
  const recording = await Recording.begin({ drainBeforeDecide: false });
  const { source } = recording;
  await recording.mkdir('/a');
  source.happen('start t');
  await recording.attach('/a', 't');
  source.happen('t exits');
  assert.is(await recording.rmdir('/a'), 'EBUSY');
});

recorder('a read is answered after everything that was queued before it', async () => {
  const { recorder: writer, source } = await begun();
  source.happen('start t');
  const pid = source.cast.pidOf('t');
  assert.is(
    writer.read((world) => world.taskPaths.pathsOfPid(pid)?.get(0)),
    '/',
  );
});

recorder('a wake drains until nothing comes, and only then waits to be woken again', async () => {
  const { source, clock, world } = await begun();
  source.happen('start t');
  source.ring();
  assert.is(world.hierarchy.taskCount, 3);
  assert.not(source.armed);
  source.happen('t forks c');
  clock.pass(20);
  assert.is(world.hierarchy.taskCount, 4);
  assert.not(source.armed);
  clock.pass(20);
  assert.ok(source.armed);
});

recorder('an exit and the release that it causes are shown as one', async () => {
  const recording = await Recording.begin();
  await recording.mkdir('/a');
  await recording.write('/a', 'notify_on_release', '1');
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  const batches: EventType[][] = [];
  recording.recorder.follow((events) => batches.push(events.map(({ type }) => type)));
  recording.source.happen('t exits');
  recording.source.ring();
  assert.equal(batches, [['exit', 'release']]);
});

recorder('every follower sees the log’s order, also of what another one causes', async () => {
  const recording = await Recording.begin();
  const { recorder: writer } = recording;
  const seqs: number[] = [];
  writer.follow((events) => {
    if (events.some(({ type }) => type === 'mkdir')) writer.record({ type: 'suppressed', uid: 0, count: 1 });
  });
  const unfollow = writer.follow((events) => seqs.push(...events.map(({ seq }) => seq)));
  await recording.mkdir('/a');
  assert.equal(seqs, [recording.log.seq - 1, recording.log.seq]);
  unfollow();
  await recording.mkdir('/b');
  assert.is(seqs.length, 2);
});

// Time.

recorder('times never run backwards, and the kernel’s own is kept beside them', async () => {
  const { source, clock, events, recorder: writer } = await begun();
  for (const [name, agoUs] of [
    ['t', 0],
    ['u', 700],
    ['v', 300],
  ] as const) {
    clock.nowUs -= agoUs;
    source.happen(`start ${name}`);
    clock.nowUs += agoUs;
  }
  writer.read(() => {});
  await writer.commit('written');
  const forks = only(await events(), 'fork');
  const nowUs = clock.wallUs();
  assert.equal(
    forks.map(({ timeUs, skewUs }) => [timeUs - nowUs, skewUs]),
    [
      [0, 0],
      [0, -700],
      [0, -300],
    ],
  );
});

recorder('a step of the wall-clock is an event, and slewing is none', async () => {
  const { clock, log, events, recorder: writer } = await begun();
  clock.offsetUs += 9_999;
  clock.pass(3000);
  assert.is(log.seq, 6);
  clock.offsetUs += 5_000_000;
  clock.pass(1000);
  await writer.commit('written');
  const [, step] = only(await events(), 'clock');
  assert.is(step?.offsetUs, clock.offsetUs);
  assert.is(step?.timeUs, clock.wallUs());
});

recorder('a wall-clock that is set back holds time still until it has caught up', async () => {
  const recording = await Recording.begin();
  const { clock } = recording;
  const beforeUs = clock.wallUs();
  clock.offsetUs -= 3_600_000_000;
  clock.pass(1000);
  await recording.mkdir('/a');
  const made = only(await recording.events(), 'mkdir')[0];
  assert.is(made?.timeUs, beforeUs);
  assert.is((made?.timeUs ?? 0) + (made?.skewUs ?? 0), clock.wallUs());
});

// Loss and nonsense.

recorder('what the source lost is one gap with its number, and what a look concludes', async () => {
  const { source, events, recorder: writer, log } = await begun();
  source.happen('start t');
  writer.read(() => {});
  const { seq } = log;
  source.lose('t forks c');
  source.lose('t exits');
  writer.read(() => {});
  writer.read(() => {});
  await writer.commit('written');
  const since = await events(seq + 1);
  assert.equal(
    since.map(({ type }) => type),
    ['gap', 'adopt', 'exit'],
  );
  const [gap] = only(since, 'gap');
  assert.equal([gap?.reason, gap?.lost], ['overflow', 2]);
});

recorder('a gap begins with the last event before it, not with what came behind the loss', async () => {
  const { source, clock, events, recorder: writer, world } = await begun();
  const lastUs = world.chronicle.timeUs;
  clock.pass(100);
  source.lose('start t');
  clock.pass(100);
  source.happen('start u');
  writer.read(() => {});
  await writer.commit('written');
  assert.is(only(await events(), 'gap')[0]?.sinceUs, lastUs);
});

recorder('a birth into groups that were not found is one gap that says so, and a look', async () => {
  const { source, events, recorder: writer, log } = await begun();
  const { seq } = log;
  const born = source.cast.happen('start t');
  source.queue(...born.map((seen) => (seen.type === 'fork' ? { ...seen, unplaced: true as const } : seen)));
  writer.read(() => {});
  writer.read(() => {});
  await writer.commit('written');
  const since = await events(seq + 1);
  assert.equal(
    since.map(({ type }) => type),
    ['fork', 'gap'],
  );
  const [gap] = only(since, 'gap');
  const detail = `task ${source.cast.pidOf('t')} was born into groups that could not be found`;
  assert.equal([gap?.reason, gap?.lost, gap?.detail], ['unplaced', 0, detail]);
});

recorder('a task that a look cannot place has it looked at once more, and then left alone', async () => {
  const { source, clock, events, recorder: writer, log } = await begun();
  const { seq } = log;
  source.isUnplaced = (pid) => pid === source.cast.pidOf('t');
  source.lose('start t');
  for (let i = 0; i < 4; i++) {
    writer.read(() => {});
    clock.pass(1_000_000);
  }
  await writer.commit('written');
  assert.equal(
    only(await events(seq + 1), 'gap').map(({ reason, detail }) => [reason, detail]),
    [
      ['overflow', ''],
      ['unplaced', 'the groups of 1 task could not be found'],
    ],
  );
});

recorder('nonsense is a gap that says what did not make sense, and a look', async () => {
  const { source, events, recorder: writer, log, world } = await begun();
  const { seq } = log;
  source.miss('start t');
  source.happen('t forks c');
  source.happen('start u');
  writer.read(() => {});
  await writer.commit('written');
  const since = await events(seq + 1);
  assert.equal(
    since.map(({ type }) => type),
    ['gap', 'adopt', 'adopt', 'adopt'],
  );
  const [gap] = only(since, 'gap');
  const { cast } = source;
  assert.equal(
    [gap?.reason, gap?.detail],
    ['nonsense', `unknown task ${cast.pidOf('t')} forked ${cast.pidOf('c')}`],
  );
  assert.is(world.hierarchy.taskCount, 5);
});

recorder(
  'looks that nobody waits for keep a distance, and one gap covers what happens between them',
  async () => {
    const { source, clock, events, recorder: writer, log, world } = await begun();
    const { seq } = log;
    for (const [missed, child] of ['tc', 'uv', 'wx']) {
      source.miss(`start ${missed}`);
      source.happen(`${missed} forks ${child}`);
      source.ring();
      clock.pass(100);
    }
    clock.pass(1000);
    await writer.commit('written');
    assert.is(only(await events(seq + 1), 'gap').length, 2);
    assert.is(world.hierarchy.taskCount, source.cast.tasks().length);
  },
);

recorder('whoever asks is answered after a look, however long ago the last one was', async () => {
  const { source, recorder: writer, world } = await begun();
  for (const [missed, child] of ['tc', 'uv']) {
    source.miss(`start ${missed}`);
    source.happen(`${missed} forks ${child}`);
    writer.read(() => {});
    assert.is(world.hierarchy.taskCount, source.cast.tasks().length);
  }
});

// Commands.

recorder('a command is answered when it is synced, and shown before', async () => {
  const recording = await Recording.begin();
  const letGo = recording.log.hold();
  let answer = '';
  const answered = recording.mkdir('/a').then((text) => {
    answer = text;
  });
  await settled();
  assert.is(recording.world.hierarchy.root.children.size, 1);
  assert.is(recording.log.commits.at(-1), 'synced');
  assert.is(answer, '');
  letGo();
  await answered;
  assert.is(answer, 'done');
});

recorder('a log that fails is told once, and nothing is answered any more', async () => {
  const recording = await Recording.begin();
  recording.log.failure = new Error('no space');
  const outcomes = await Promise.allSettled([recording.mkdir('/a'), recording.mkdir('/b')]);
  assert.equal(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(
    recording.failures.map(({ message }) => message),
    ['no space'],
  );
  assert.throws(() => recording.recorder.read(() => 0), /nothing is recorded any more/);
  recording.clock.pass(5000);
  recording.recorder.record({ type: 'stale', release: 1 });
});

recorder('a refusal changes nothing and is recorded: who tried what, and what stood in the way', async () => {
  const recording = await Recording.begin();
  assert.is(await recording.mkdir('/new', somebody), 'EACCES');
  await recording.recorder.commit('written');
  const [refused] = only(await recording.events(), 'refused');
  assert.equal(
    [refused?.command, refused?.path, refused?.errno, refused?.by.uid, refused?.by.pid, refused?.by.task],
    ['mkdir', '/new', 'EACCES', 1000, 100, 2],
  );
  assert.is(refused?.saw, 'uid 1000 may not write in its parent');
  assert.is(recording.world.hierarchy.containerCount, 1);
});

recorder('refusals are recorded at a bounded rate for each uid, and the rest is counted', async () => {
  const recording = await Recording.begin();
  for (let i = 0; i < 80; i++) await recording.mkdir('/new', somebody);
  await recording.mkdir('/new', { ...somebody, uid: 1001 });
  recording.clock.pass(1000);
  await recording.recorder.commit('written');
  const events = await recording.events();
  assert.is(only(events, 'refused').filter(({ by }) => by.uid === 1000).length, 50);
  assert.is(only(events, 'refused').filter(({ by }) => by.uid === 1001).length, 1);
  assert.equal(
    only(events, 'suppressed').map(({ uid, count }) => [uid, count]),
    [[1000, 30]],
  );
  for (let i = 0; i < 80; i++) await recording.mkdir('/new', somebody);
  recording.clock.pass(1000);
  await settled();
  recording.clock.pass(5000);
  await settled();
  const later = await recording.events();
  assert.is(only(later, 'refused').filter(({ by }) => by.uid === 1000).length, 60);
  assert.equal(
    only(later, 'suppressed').map(({ count }) => count),
    [30, 70],
  );
});

recorder('a stop forgets no refusal that was only counted', async () => {
  const recording = await Recording.begin();
  for (let i = 0; i < 51; i++) await recording.mkdir('/new', somebody);
  await recording.recorder.stop();
  assert.equal((await recording.types()).slice(-2), ['suppressed', 'stop']);
});

// Meeting the task that a command names.

recorder('a task that is alive and was not seen yet is waited for', async () => {
  const recording = await Recording.begin();
  const { source, clock } = recording;
  clock.readingUs = 100;
  await recording.mkdir('/a');
  // Its fork gets into the queue when the recorder has looked a few times already.
  const before = source.drains;
  const seen = source.cast.happen('start t');
  source.beforeDrain = () => {
    if (source.drains === before + 4) source.queue(...seen);
  };
  assert.is(await recording.attach('/a', 't'), 'done');
  assert.equal((await recording.types()).slice(-2), ['fork', 'attach']);
});

recorder('a task that is alive and never seen is taken from a look, behind a gap', async () => {
  const recording = await Recording.begin();
  recording.clock.readingUs = 100;
  await recording.mkdir('/a');
  recording.source.miss('start t');
  assert.is(await recording.attach('/a', 't'), 'done');
  const events = (await recording.events()).slice(-3);
  assert.equal(
    events.map(({ type }) => type),
    ['gap', 'adopt', 'attach'],
  );
  assert.is(only(events, 'adopt')[0]?.certainty, 'inferred');
});

recorder('a task that does not live is not waited for', async () => {
  const recording = await Recording.begin();
  recording.source.happen('start t');
  recording.source.happen('t exits');
  assert.is(await recording.attach('/', 't'), 'ESRCH');
});

recorder('whose task it is, is asked anew when it matters', async () => {
  const recording = await Recording.begin();
  const { source } = recording;
  await recording.mkdir('/a');
  await recording.submit('delegate', '/a', rootActor, (_place, { root }) => {
    const a = root.children.get('a');
    return { type: 'delegate', container: a?.id ?? 0, uid: 1000, gid: 1000 };
  });
  source.happen('start t');
  recording.recorder.read(() => {});
  source.miss('t becomes uid 1000');
  assert.is(await recording.attach('/a', 't', somebody), 'done');
  assert.equal((await recording.types()).slice(-2), ['uid', 'attach']);
});

recorder('of a process that is to move, each thread is asked for', async () => {
  const recording = await Recording.begin();
  const { source } = recording;
  await recording.mkdir('/a');
  await recording.submit('delegate', '/a', rootActor, (_place, { root }) => {
    const a = root.children.get('a');
    return { type: 'delegate', container: a?.id ?? 0, uid: 1000, gid: 1000 };
  });
  source.happen('start t');
  source.happen('t clones u');
  recording.recorder.read(() => {});
  source.miss('t becomes uid 1000');
  source.miss('u becomes uid 1000');
  const answer = await recording.submit('attach', '/a', somebody, (_place, { root }) => {
    const a = root.children.get('a');
    return { type: 'attach', container: a?.id ?? 0, pid: source.cast.pidOf('t') };
  });
  assert.is(answer, 'done');
});

// Durability.

recorder('observations are written soon, many at once, and synced within the interval', async () => {
  const { source, clock, log } = await begun();
  log.commits.splice(0);
  source.happen('start t');
  source.ring();
  clock.pass(100);
  source.happen('t clones u');
  clock.pass(50);
  assert.equal(log.commits, []);
  clock.pass(50);
  assert.equal(log.commits.splice(0), ['written']);
  clock.pass(800);
  assert.equal(log.commits, ['synced']);
});

recorder('the interval is the one that was asked for', async () => {
  const { source, clock, log } = await begun({ syncIntervalMs: 5000 });
  source.happen('start t');
  source.ring();
  await settled();
  log.commits.splice(0);
  clock.pass(4900);
  assert.equal(log.commits.splice(0), ['written']);
  clock.pass(100);
  assert.equal(log.commits, ['synced']);
});

recorder('a machine that is idle costs no commit', async () => {
  const { clock, log } = await begun();
  log.commits.splice(0);
  clock.pass(60_000);
  assert.equal(log.commits, []);
});

recorder.run();

/** A recording that has begun, with its ways of looking at it loose. */
async function begun(options: Parameters<typeof Recording.begin>[0] = {}) {
  const recording = await Recording.begin(options);
  return {
    recorder: recording.recorder,
    source: recording.source,
    clock: recording.clock,
    log: recording.log,
    world: recording.world,
    events: (fromSeq?: number) => recording.events(fromSeq),
    types: (fromSeq?: number) => recording.types(fromSeq),
  };
}
