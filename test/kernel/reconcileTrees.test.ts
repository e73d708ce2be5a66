/**
 * What a whole look at the machine's hierarchies says beside what is known: trees and groups that have come,
 * have another name, or have gone, and tasks that are elsewhere by now.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupSeen, HierarchySeen, Observation, TaskSeen } from '../../src/kernel/observation.ts';
import { isNonsense, observe } from '../../src/kernel/observe.ts';
import { adoptAll, reconcile } from '../../src/kernel/reconcile.ts';
import { reconcileGroups, reconcileTrees, removeGroups } from '../../src/kernel/reconcileTrees.ts';
import { Ground, taskSeen } from '../support/ground.ts';

const test = suite('reconcileTrees');

const v2 = 0;
const happening = { bootUs: 1, hierarchy: v2, by: { pid: 1, uid: 0, gid: 0 } };
const rootGroup: GroupSeen = { group: 1, parent: 0, name: '' };

function hierarchy(groups: readonly GroupSeen[], id = v2): HierarchySeen {
  return {
    hierarchy: id,
    name: id === v2 ? 'v2' : 'cpuset',
    mountPoint: '/cg',
    groups: [rootGroup, ...groups],
  };
}

function task(pid: number, group: number): TaskSeen {
  return taskSeen(pid, { groups: [{ hierarchy: v2, group }] });
}

/** A recorder's way through a look, on a world in memory. */
class Looker {
  readonly ground = new Ground();

  look(hierarchies: readonly HierarchySeen[], tasks: readonly TaskSeen[], sameBoot = true): string[] {
    const { state } = this.ground;
    const types: string[] = [];
    const apply = (facts: ReturnType<typeof reconcile>): void => {
      this.ground.apply(facts);
      for (const fact of facts) types.push(fact.type);
    };
    apply(reconcileTrees(state, hierarchies, sameBoot));
    for (const seen of hierarchies) apply(reconcileGroups(state, seen));
    apply(state.taskCount === 0 ? adoptAll(state, tasks) : reconcile(state, tasks, sameBoot));
    for (const seen of hierarchies) apply(removeGroups(state, seen));
    return types;
  }

  see(observation: Observation): string[] {
    const observed = observe(this.ground.state, observation);
    if (isNonsense(observed)) return [observed.nonsense];
    this.ground.apply(observed);
    return observed.map(({ type }) => type);
  }

  pathOf(pid: number): string | undefined {
    return this.ground.world.taskPaths
      .pathsOfPid(pid)
      ?.get([...this.ground.state.trees()].at(-1)?.number ?? 0);
  }
}

const machineAtStart = [
  hierarchy([
    { group: 20, parent: 1, name: 'a' },
    { group: 21, parent: 20, name: 'b' },
  ]),
];

function started(): Looker {
  const looker = new Looker();
  looker.look(machineAtStart, [task(1, 1), task(10, 21)]);
  return looker;
}

test('the first look makes the tree, its groups, and puts every task into its own', () => {
  const looker = new Looker();
  assert.equal(looker.look(machineAtStart, [task(1, 1), task(10, 21)]), [
    ...['tree', 'mkdir', 'mkdir', 'adopt', 'adopt'],
    ...['populated', 'populated'],
  ]);
  assert.is(looker.pathOf(10), '/a/b');
  assert.is(looker.pathOf(1), '/');
});

test('a look that shows what is known has nothing to say', () => {
  const looker = started();
  const groups = [
    { group: 20, parent: 1, name: 'a' },
    { group: 21, parent: 20, name: 'b' },
  ];
  assert.equal(looker.look([hierarchy(groups)], [task(1, 1), task(10, 21)]), []);
});

test('a group that was removed and made anew under its name is another group', () => {
  const looker = started();
  const groups = [
    { group: 20, parent: 1, name: 'a' },
    { group: 99, parent: 20, name: 'b' },
  ];
  const types = looker.look([hierarchy(groups)], [task(1, 1), task(10, 99)]);
  assert.equal(types, ['mkdir', 'attach', 'empty', 'populated', 'rmdir']);
  assert.is(looker.pathOf(10), '/a/b');
});

test('groups that have exchanged their names have done so', () => {
  const looker = new Looker();
  const before = [
    { group: 20, parent: 1, name: 'a' },
    { group: 21, parent: 1, name: 'b' },
  ];
  const after = [
    { group: 20, parent: 1, name: 'b' },
    { group: 21, parent: 1, name: 'a' },
  ];
  looker.look([hierarchy(before)], [task(1, 20)]);
  assert.equal(looker.look([hierarchy(after)], [task(1, 20)]), ['rename', 'rename']);
  assert.is(looker.pathOf(1), '/b');
  const tree = looker.ground.state.mirrorOf(v2);
  assert.equal([...(tree?.root.children.keys() ?? [])].sort(), ['a', 'b']);
});

test('a subtree that has gone is removed from its leaves on, after its tasks have left', () => {
  const looker = started();
  const types = looker.look([hierarchy([])], [task(1, 1), task(10, 1)]);
  assert.equal(types, ['attach', 'empty', 'empty', 'rmdir', 'rmdir']);
});

test('a group that has gone and is still in use by what a look knows stays until a look knows more', () => {
  const looker = started();
  assert.equal(looker.look([hierarchy([])], [task(1, 1), task(10, 21)]), []);
  assert.is(looker.pathOf(10), '/a/b');
  const types = looker.look([hierarchy([])], [task(1, 1), task(10, 1)]);
  assert.equal(types, ['attach', 'empty', 'empty', 'rmdir', 'rmdir']);
});

test('a group that has gone stays while one in it seems not to have', () => {
  const looker = started();
  assert.equal(
    looker.look([hierarchy([{ group: 21, parent: 20, name: 'b' }])], [task(1, 1), task(10, 21)]),
    [],
  );
});

test('a task whose group could not be read is nowhere in the mirror until the kernel tells', () => {
  const looker = started();
  const { state } = looker.ground;
  const types = looker.look(machineAtStart, [task(1, 1), task(10, 21), taskSeen(30)]);
  assert.equal(types, ['adopt']);
  assert.is(looker.pathOf(30), undefined);
  assert.is(state.mirrorOf(v2)?.root.tasks.size, 1);
  assert.equal(looker.see({ type: 'moved', ...happening, pid: 30, tgid: 30, whole: true, group: 20 }), [
    'attach',
  ]);
  assert.is(looker.pathOf(30), '/a');
  assert.equal(looker.look(machineAtStart, [task(1, 1), task(30, 20)]), ['exit', 'empty']);
});

test('a child of such a task is where the kernel has told it to be born', () => {
  const looker = started();
  looker.look(machineAtStart, [task(1, 1), task(10, 21), taskSeen(30)]);
  const groups = [{ hierarchy: v2, group: 20 }];
  assert.equal(looker.see({ type: 'fork', bootUs: 1, ...taskSeen(31, { parentPid: 30, groups }) }), ['fork']);
  assert.is(looker.pathOf(31), '/a');
  const { activity, hierarchy } = looker.ground.world;
  assert.is(activity.totalOf(hierarchy.mirrorOf(v2)?.groups.get(20)?.id ?? 0).forks, 1);
  assert.equal(looker.see({ type: 'fork', bootUs: 1, ...taskSeen(32, { parentPid: 30 }) }), ['fork']);
  assert.is(looker.pathOf(32), undefined);
});

test('a task that is known to be in a group and could not be read stays there', () => {
  const looker = started();
  assert.equal(looker.look(machineAtStart, [task(1, 1), taskSeen(10)]), []);
  assert.is(looker.pathOf(10), '/a/b');
});

test('another boot keeps nothing of a mirrored tree', () => {
  const looker = started();
  const groups = [{ group: 20, parent: 1, name: 'a' }];
  const types = looker.look([hierarchy(groups)], [task(1, 20)], false);
  assert.equal(types, ['untree', 'tree', 'mkdir', 'adopt', 'exit', 'exit', 'populated']);
});

test('a hierarchy that is mirrored from now on takes in the tasks that are known', () => {
  const looker = started();
  const groups = [
    { group: 20, parent: 1, name: 'a' },
    { group: 21, parent: 20, name: 'b' },
  ];
  const cpuset = hierarchy([{ group: 5, parent: 1, name: 'set' }], 3);
  const both = (pid: number, group: number, set: number): TaskSeen =>
    taskSeen(pid, {
      groups: [
        { hierarchy: v2, group },
        { hierarchy: 3, group: set },
      ],
    });
  const types = looker.look([hierarchy(groups), cpuset], [both(1, 1, 1), both(10, 21, 5)]);
  assert.equal(types, ['tree', 'mkdir', 'attach', 'attach', 'populated']);
  assert.is(looker.pathOf(10), '/set');
  // They have come into the tree, and nobody has moved.
  const { activity, hierarchy: state } = looker.ground.world;
  const counted = [...(state.mirrorOf(3)?.groups.values() ?? [])].map(
    ({ id }) => activity.totalOf(id).attaches,
  );
  assert.equal(counted, [0, 0]);
});

test('a hierarchy that is mirrored no longer goes', () => {
  const looker = started();
  assert.equal(looker.look([], [taskSeen(1), taskSeen(10)]), ['untree']);
});

test.run();
