/** A whole look at a machine that does not wait: what is seen meanwhile is laid over what was read. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookAtMachine } from '../../src/engine/look.ts';
import { stitchHierarchies, stitchTasks } from '../../src/engine/stitch.ts';
import type { HierarchySeen, Observation, TaskSeen } from '../../src/ports.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeSource } from '../support/fakeSource.ts';
import { taskSeen } from '../support/ground.ts';

const look = suite('look at the machine');
const bootUs = 0;

function stitched(read: readonly TaskSeen[], ...meanwhile: readonly Observation[]): TaskSeen[] {
  return stitchTasks(new Map(read.map((task) => [task.pid, task])), meanwhile);
}

function fork(pid: number, change: Partial<TaskSeen> = {}): Observation {
  return { ...taskSeen(pid, change), type: 'fork', bootUs };
}

function exit(pid: number): Observation {
  return { type: 'exit', bootUs, pid, status: 0, cpuUs: 0, peakBytes: 0 };
}

/** `pid:comm` of each, by pid. */
function named(tasks: readonly TaskSeen[]): string[] {
  return [...tasks].sort((a, b) => a.pid - b.pid).map(({ pid, comm }) => `${pid}:${comm}`);
}

// What is laid over what.

look('a task that is born or ends meanwhile is there or not, whether it was read or not', () => {
  const read = [taskSeen(1), taskSeen(2)];
  assert.equal(named(stitched(read, fork(3))), ['1:task', '2:task', '3:task']);
  assert.equal(named(stitched([...read, taskSeen(3)], fork(3))), ['1:task', '2:task', '3:task']);
  assert.equal(named(stitched(read, exit(2))), ['1:task']);
  assert.equal(named(stitched(read, exit(3))), ['1:task', '2:task']);
});

look('a task that is born and ends meanwhile is not there', () => {
  assert.equal(named(stitched([taskSeen(1)], fork(3), exit(3))), ['1:task']);
  assert.equal(named(stitched([taskSeen(1), taskSeen(3)], fork(3), exit(3))), ['1:task']);
});

look('a pid that is used again meanwhile is the later task’s', () => {
  const tasks = stitched([taskSeen(1), taskSeen(3)], exit(3), fork(3, { startTicks: 99 }));
  assert.is(tasks.find(({ pid }) => pid === 3)?.startTicks, 99);
  assert.is(tasks.length, 2);
});

/** A move of the thread `pid` of the process `tgid`, or with `whole` of all its threads, to a group of v2. */
function moved(pid: number, tgid: number, group: number, whole: boolean): Observation {
  return { type: 'moved', bootUs, pid, tgid, whole, hierarchy: 0, group, by: { pid: 1, uid: 0, gid: 0 } };
}

/** A task in a group of v2 and in one of another hierarchy. */
function placed(pid: number, tgid: number): TaskSeen {
  const groups = [
    { hierarchy: 3, group: 30 },
    { hierarchy: 0, group: 1 },
  ];
  return taskSeen(pid, { tgid, groups });
}

/** `pid:group` of each in v2, by pid. */
function places(tasks: readonly TaskSeen[]): string[] {
  return [...tasks]
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, groups }) => `${pid}:${groups?.find(({ hierarchy }) => hierarchy === 0)?.group}`);
}

look('a task that is moved meanwhile is where it was moved to, with or without its process', () => {
  const read = [placed(10, 10), placed(11, 10), placed(20, 20)];
  assert.equal(places(stitched(read, moved(11, 10, 5, false))), ['10:1', '11:5', '20:1']);
  const whole = stitched(read, moved(10, 10, 5, true));
  assert.equal(places(whole), ['10:5', '11:5', '20:1']);
  assert.equal(whole[0]?.groups?.find(({ hierarchy }) => hierarchy === 3)?.group, 30);
});

look('a process is moved with the threads that it has by then', () => {
  const read = [placed(10, 10), placed(11, 10)];
  const born = fork(12, { tgid: 10, groups: [{ hierarchy: 0, group: 1 }] });
  assert.equal(places(stitched(read, exit(11), born, moved(10, 10, 5, true))), ['10:5', '12:5']);
  const other = fork(11, { tgid: 20, groups: [{ hierarchy: 0, group: 7 }] });
  assert.equal(places(stitched(read, exit(11), other, moved(10, 10, 5, true))), ['10:5', '11:7']);
});

look('a thread that has taken its leader’s place is its process', () => {
  const read = [placed(10, 10), placed(11, 10)];
  const exec = {
    type: 'exec',
    bootUs,
    pid: 10,
    oldPid: 11,
    startTicks: 10,
    comm: 'sh',
    program: '',
  } as const;
  assert.equal(places(stitched(read, exit(10), exec, moved(10, 10, 5, true))), ['10:5']);
  assert.equal(places(stitched(read, exit(10), moved(10, 10, 5, true), exec)), ['10:5']);
  // Its leader had ended before the look, and nobody read that pid.
  assert.equal(places(stitched([placed(11, 10)], exec, moved(10, 10, 5, true))), ['10:5']);
});

look('groups that are made, renamed and removed meanwhile are as they are at the end', () => {
  const by = { pid: 1, uid: 0, gid: 0 };
  const read = {
    hierarchy: 0,
    name: 'v2',
    mountPoint: '/cg',
    groups: [
      { group: 1, parent: 0, name: '' },
      { group: 2, parent: 1, name: 'old' },
      { group: 3, parent: 1, name: 'gone' },
    ],
  };
  const [stitched] = stitchHierarchies(
    [read],
    [
      { type: 'groupMade', bootUs, hierarchy: 0, group: 4, parent: 2, name: 'new', by },
      { type: 'groupRenamed', bootUs, hierarchy: 0, group: 2, name: 'other', by },
      { type: 'groupRemoved', bootUs, hierarchy: 0, group: 3, by },
      { type: 'groupRemoved', bootUs, hierarchy: 7, group: 2, by },
    ],
  );
  assert.equal(
    stitched?.groups.map(({ group, parent, name }) => [group, parent, name]),
    [
      [1, 0, ''],
      [2, 1, 'other'],
      [4, 2, 'new'],
    ],
  );
});

look('names and uids are those of the end', () => {
  const [task] = stitched(
    [taskSeen(1)],
    { type: 'comm', bootUs, pid: 1, comm: 'first' },
    { type: 'uid', bootUs, pid: 1, uid: 5, suid: 6 },
    { type: 'comm', bootUs, pid: 1, comm: 'last' },
    { type: 'comm', bootUs, pid: 2, comm: 'nobody' },
  );
  assert.equal([task?.comm, task?.uid, task?.suid], ['last', 5, 6]);
});

look('a command line is that of the last program, also of who was born meanwhile', () => {
  const commandLine = (word: string) => ({ arguments: word, cut: false });
  const exec: Observation = {
    type: 'exec',
    bootUs,
    pid: 2,
    oldPid: 2,
    startTicks: 2,
    comm: 'b',
    program: '/b',
    commandLine: commandLine('b'),
  };
  const read = [
    taskSeen(1, { commandLine: commandLine('a') }),
    taskSeen(2, { commandLine: commandLine('x') }),
  ];
  const tasks = stitched(read, exec, fork(3, { parentPid: 2 }), fork(4, { parentPid: 1, tgid: 1 }));
  assert.equal(
    tasks.map((task) => task.commandLine?.arguments),
    ['a', 'b', 'b', undefined],
  );
});

look('a program that is executed gives its name', () => {
  const exec: Observation = {
    type: 'exec',
    bootUs,
    pid: 2,
    oldPid: 2,
    startTicks: 2,
    comm: 'true',
    program: '/bin/true',
  };
  assert.equal(named(stitched([taskSeen(1), taskSeen(2)], exec)), ['1:task', '2:true']);
});

look('a thread that executes one is found under its leader’s pid, whichever of both was read', () => {
  const exec: Observation = {
    type: 'exec',
    bootUs,
    pid: 2,
    oldPid: 3,
    startTicks: 2,
    comm: 'true',
    program: '/bin/true',
  };
  const leader = taskSeen(2, { parentPid: 77 });
  const thread = taskSeen(3, { tgid: 2, parentPid: 2, startTicks: 9 });
  const successor = taskSeen(2, { comm: 'true', parentPid: 77 });
  assert.equal(stitched([leader, thread], exit(2), exec), [successor]);
  assert.equal(stitched([leader], exit(2), exec), [successor]);
  // Read when it had happened already.
  assert.equal(stitched([successor], exit(2), exec), [successor]);
  assert.equal(stitched([successor], exit(2), exec, exit(2)), []);
  assert.equal(named(stitched([thread], exit(2), exec)), ['2:true']);
  assert.equal(stitched([], exit(2), exec), []);
});

look('the pid that a thread gave up for its leader’s may be another task’s by then', () => {
  const exec: Observation = {
    type: 'exec',
    bootUs,
    pid: 2,
    oldPid: 3,
    startTicks: 2,
    comm: 'true',
    program: '/bin/true',
  };
  const read = [taskSeen(2), taskSeen(3, { tgid: 2 })];
  assert.equal(named(stitched(read, exit(2), fork(3), exec)), ['2:true', '3:task']);
});

// The look itself.

function ground() {
  const clock = new FakeClock();
  const source = new FakeSource(clock);
  return { clock, source, pids: () => lookAtMachine(source, clock).tasks.map(({ pid }) => pid) };
}

look('what was queued before it is in what it reads, and is not counted twice', () => {
  const { clock, source, pids } = ground();
  source.happen('start t');
  source.happen('start u');
  source.happen('t exits');
  clock.pass(1);
  const { cast } = source;
  assert.equal(pids(), [1, 100, cast.pidOf('u')]);
  assert.is(
    source.drain(() => {}),
    0,
  );
});

look('what happens while it reads is in it, and is not handed over again', () => {
  const { source, pids } = ground();
  let started = false;
  source.onScan = () => {
    if (started) return;
    started = true;
    source.happen('start t');
    source.happen('sh exits');
  };
  assert.equal(pids(), [1, source.cast.pidOf('t')]);
  assert.is(
    source.drain(() => {}),
    0,
  );
});

look('what is stamped before it and queued late has happened before it', () => {
  const { clock, source, pids } = ground();
  // The end of an earlier task of this pid is still on its way when the look finds the pid's next task.
  const late: Observation = {
    type: 'exit',
    bootUs: clock.nowUs - 10,
    pid: 100,
    status: 0,
    cpuUs: 0,
    peakBytes: 0,
  };
  source.onScan = () => source.queue(late);
  assert.equal(pids(), [1, 100]);
});

look('a hierarchy that ends while it reads is not in it', () => {
  const { clock, source } = ground();
  const seen = (hierarchy: number, name: string): HierarchySeen => ({
    hierarchy,
    name,
    mountPoint: `/cg/${name}`,
    groups: [{ group: 1, parent: 0, name: '' }],
  });
  source.mirrored = [seen(0, 'v2'), seen(7, 'name=short')];
  let ended = false;
  source.onScan = () => {
    if (!ended) source.queue({ type: 'hierarchyGone', bootUs: clock.nowUs, hierarchy: 7 });
    ended = true;
  };
  assert.equal(
    lookAtMachine(source, clock).hierarchies.map(({ name }) => name),
    ['v2'],
  );
});

look('the queue is emptied again and again while many tasks are read', () => {
  const { source, pids } = ground();
  for (let i = 0; i < 200; i++) source.miss(`start t${i}`);
  assert.is(pids().length, 202);
  assert.ok(source.drains >= 4);
});

look.run();
