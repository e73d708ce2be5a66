/**
 * What becomes of the machine's own groups and of the tasks in them: moves, births elsewhere, population, and
 * what makes no sense.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../../events/event.ts';
import type { Doer, GroupObservation } from '../../src/kernel/observation.ts';
import { isNonsense, observe } from '../../src/kernel/observe.ts';
import { adoptAll } from '../../src/kernel/reconcile.ts';
import { Ground, taskSeen } from '../support/ground.ts';

const test = suite('observeGroup');

const v2 = 0;
const rootGroup = 1;
const by: Doer = { pid: 1, uid: 0, gid: 0 };
const happening = { bootUs: 1, hierarchy: v2, by };

/** v2 is mirrored with `/a/b` and `/c`; init (1) and a process of the threads 10 and 11 are in its root. */
class Machine {
  readonly ground = new Ground();

  constructor() {
    this.ground.apply([
      {
        type: 'tree',
        tree: 1,
        name: 'v2',
        container: 2,
        hierarchy: v2,
        group: rootGroup,
        mountPoint: '/sys/fs/cgroup',
      },
    ]);
    const groups = [{ hierarchy: v2, group: rootGroup }];
    this.ground.apply(
      adoptAll(this.ground.state, [
        taskSeen(1, { groups }),
        taskSeen(10, { groups }),
        taskSeen(11, { groups, tgid: 10, parentPid: 10 }),
      ]),
    );
    this.make(20, rootGroup, 'a');
    this.make(21, 20, 'b');
    this.make(30, rootGroup, 'c');
  }

  /** What comes of an observation: the facts, each as a line, or the nonsense that it is. */
  see(observation: Parameters<typeof observe>[1]): string[] | string {
    const observed = observe(this.ground.state, observation);
    if (isNonsense(observed)) return observed.nonsense;
    this.ground.apply(observed);
    return observed.map((fact) => this.#line(fact));
  }

  make(group: number, parent: number, name: string): string[] | string {
    return this.see({ type: 'groupMade', group, parent, name, ...happening });
  }

  move(pid: number, group: number, whole = false): string[] | string {
    return this.see({ type: 'moved', pid, tgid: pid === 11 ? 10 : pid, whole, group, ...happening });
  }

  exit(pid: number): string[] | string {
    return this.see({ type: 'exit', bootUs: 1, pid, status: 0, cpuUs: 0, peakBytes: 0 });
  }

  #line(fact: Fact): string {
    const { taskPaths } = this.ground.world;
    if ('task' in fact && fact.type === 'attach') {
      const pid = this.ground.state.task(fact.task)?.pid ?? 0;
      return `attach ${pid} ${taskPaths.pathsOfPid(pid)?.get(1)}`;
    }
    if (fact.type === 'populated' || fact.type === 'empty') {
      return `${fact.type} ${this.ground.state.container(fact.container)?.name}`;
    }
    return fact.type;
  }
}

test('a thread that moves alone leaves its process where it is', () => {
  const machine = new Machine();
  assert.equal(machine.move(11, 21), ['attach 11 /a/b', 'populated b', 'populated a']);
});

test('a process that moves takes all of its threads along', () => {
  const machine = new Machine();
  assert.equal(machine.move(10, 30, true), ['attach 10 /c', 'attach 11 /c', 'populated c']);
});

test('a move between groups tells which fell empty and which did not: what holds both stays populated', () => {
  const machine = new Machine();
  machine.move(10, 21, true);
  machine.make(22, 20, 'd');
  assert.equal(machine.move(11, 22), ['attach 11 /a/d', 'populated d']);
  assert.equal(machine.move(10, 22), ['attach 10 /a/d', 'empty b']);
  assert.equal(machine.move(10, 30, true), [
    'attach 10 /c',
    'attach 11 /c',
    'empty d',
    'empty a',
    'populated c',
  ]);
});

test('the last exit empties a group and those above it', () => {
  const machine = new Machine();
  machine.move(10, 21, true);
  assert.equal(machine.exit(11), ['exit']);
  assert.equal(machine.exit(10), ['exit', 'empty b', 'empty a']);
});

test('a child is born where its parent is', () => {
  const machine = new Machine();
  machine.move(10, 21, true);
  const groups = [{ hierarchy: v2, group: 21 }];
  const seen = taskSeen(40, { parentPid: 10, groups });
  assert.equal(machine.see({ type: 'fork', bootUs: 1, ...seen }), ['fork']);
  assert.is(machine.ground.world.taskPaths.pathsOfPid(40)?.get(1), '/a/b');
});

test('a child that is born elsewhere is there from the beginning', () => {
  const machine = new Machine();
  const seen = taskSeen(40, { parentPid: 10, groups: [{ hierarchy: v2, group: 30 }] });
  assert.equal(machine.see({ type: 'fork', bootUs: 1, ...seen }), ['fork', 'populated c']);
  assert.is(machine.ground.world.taskPaths.pathsOfPid(40)?.get(1), '/c');
  assert.equal(machine.exit(40), ['exit', 'empty c']);
});

test('a move to where a task is, and the move of a zombie, change nothing', () => {
  const machine = new Machine();
  machine.move(10, 30, true);
  assert.equal(machine.move(10, 30, true), []);
  machine.exit(11);
  machine.exit(10);
  assert.equal(machine.move(10, 20, true), []);
  assert.equal(machine.move(11, 20), []);
});

test('the zombie of a leader takes the threads along that live', () => {
  const machine = new Machine();
  machine.exit(10);
  assert.equal(machine.move(10, 30, true), ['attach 11 /c', 'populated c']);
});

test('a group is renamed with everything below it', () => {
  const machine = new Machine();
  machine.move(10, 21, true);
  assert.equal(machine.see({ type: 'groupRenamed', group: 20, name: 'z', ...happening }), ['rename']);
  assert.is(machine.ground.world.taskPaths.pathsOfPid(10)?.get(1), '/z/b');
});

test('what happens to unknown groups, or to groups in use that it cannot happen to, makes no sense', () => {
  const machine = new Machine();
  machine.move(10, 21, true);
  const unknown = 'something happened to the unknown group 99 of v2';
  const observations: readonly (readonly [string, GroupObservation])[] = [
    [unknown, { type: 'groupMade', group: 50, parent: 99, name: 'x', ...happening }],
    [unknown, { type: 'groupRemoved', group: 99, ...happening }],
    [unknown, { type: 'groupRenamed', group: 99, name: 'x', ...happening }],
    [unknown, { type: 'moved', pid: 10, tgid: 10, whole: true, group: 99, ...happening }],
    [
      'v2:/a is made while it is there',
      { type: 'groupMade', group: 50, parent: rootGroup, name: 'a', ...happening },
    ],
    ['v2:/a/b is removed while it is in use', { type: 'groupRemoved', group: 21, ...happening }],
    ['v2:/a is removed while it is in use', { type: 'groupRemoved', group: 20, ...happening }],
    ['v2:/a takes the name of v2:/c', { type: 'groupRenamed', group: 20, name: 'c', ...happening }],
  ];
  for (const [sentence, observation] of observations) assert.is(machine.see(observation), sentence);
});

test('a birth into an unknown group makes no sense', () => {
  const seen = taskSeen(40, { parentPid: 10, groups: [{ hierarchy: v2, group: 99 }] });
  assert.is(
    new Machine().see({ type: 'fork', bootUs: 1, ...seen }),
    'a task is born into the unknown group 99 of v2',
  );
});

test('what is told of a hierarchy that is not mirrored is nothing to us', () => {
  const machine = new Machine();
  assert.equal(machine.see({ type: 'groupRemoved', bootUs: 1, hierarchy: 7, group: 99, by }), []);
});

test('a hierarchy that goes takes its tree, and the places of its tasks, along', () => {
  const machine = new Machine();
  assert.equal(machine.see({ type: 'hierarchyGone', bootUs: 1, hierarchy: v2 }), ['untree']);
  assert.equal([...(machine.ground.world.taskPaths.pathsOfPid(10) ?? [])], [[0, '/']]);
  assert.is(machine.ground.state.task(2)?.mirrored.length, 0);
});

test.run();
