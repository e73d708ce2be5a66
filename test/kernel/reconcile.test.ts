/** What a whole look at the machine says beside what is known: births, changes, exits, releases, in this order. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AdoptFact, Fact } from '../../events/event.ts';
import type { TaskSeen } from '../../src/kernel/observation.ts';
import { adoptAll, reconcile } from '../../src/kernel/reconcile.ts';
import { Ground, taskSeen } from '../support/ground.ts';

const reconciled = suite('reconcile');

/** Init and a process 10 are known; there is a flagged container `/a`. */
function ground() {
  const here = new Ground();
  here.apply(adoptAll(here.state, [taskSeen(1), taskSeen(10)]));
  const a = here.mkdir(1, 'a', { notify: true });
  return { here, a, look: (seen: readonly TaskSeen[]) => reconcile(here.state, seen, true) };
}

/** `10 in 1, known` for each birth, in their order. */
function births(facts: readonly Fact[]): string[] {
  return facts
    .filter((fact): fact is AdoptFact => fact.type === 'adopt')
    .map(({ pid, container, certainty }) => `${pid} in ${container}, ${certainty}`);
}

function types(facts: readonly Fact[]): string[] {
  return facts.map(({ type }) => type);
}

reconciled('the first look of all adopts every task into the root, and knows it', () => {
  const here = new Ground();
  const facts = adoptAll(here.state, [taskSeen(1), taskSeen(10), taskSeen(11, { tgid: 10, parentPid: 10 })]);
  assert.equal(births(facts), ['1 in 1, known', '10 in 1, known', '11 in 1, known']);
  assert.equal(
    facts.map((fact) => (fact as AdoptFact).parent),
    [0, 1, 2],
  );
});

reconciled('a look that shows what is known has nothing to say', () => {
  const { look } = ground();
  assert.equal(look([taskSeen(10), taskSeen(1)]), []);
});

reconciled('a parent is born before its child, also within one tick and with pids that wrapped', () => {
  const { look } = ground();
  const child = taskSeen(300, { startTicks: 50, parentPid: 32767 });
  const grandchild = taskSeen(299, { startTicks: 50, parentPid: 300 });
  const parent = taskSeen(32767, { startTicks: 50, parentPid: 1 });
  const facts = look([taskSeen(1), taskSeen(10), grandchild, child, parent]);
  assert.equal(births(facts), ['32767 in 1, inferred', '300 in 1, inferred', '299 in 1, inferred']);
  assert.equal(
    facts.map((fact) => (fact as AdoptFact).parent),
    [1, 3, 4],
  );
});

reconciled('a leader is born before its threads, and the older before the younger', () => {
  const { look } = ground();
  const thread = taskSeen(5, { tgid: 400, parentPid: 400, startTicks: 60 });
  const leader = taskSeen(400, { startTicks: 60 });
  const older = taskSeen(500, { startTicks: 55 });
  assert.equal(births(look([taskSeen(1), taskSeen(10), thread, leader, older])), [
    '500 in 1, inferred',
    '400 in 1, inferred',
    '5 in 1, inferred',
  ]);
});

reconciled('a stranger enters its parent’s container, and its own children follow', () => {
  const { here, a, look } = ground();
  here.attach(2, a);
  const seen = [taskSeen(1), taskSeen(10), taskSeen(21, { parentPid: 20 }), taskSeen(20, { parentPid: 10 })];
  assert.equal(births(look(seen)), [`20 in ${a}, inferred`, `21 in ${a}, inferred`]);
});

reconciled('without a parent that is known it enters its thread leader’s', () => {
  const { here, a, look } = ground();
  here.attach(2, a);
  const thread = taskSeen(20, { tgid: 10, parentPid: 4000 });
  assert.equal(births(look([taskSeen(1), taskSeen(10), thread])), [`20 in ${a}, inferred`]);
});

reconciled('without either it enters the root, unknown, and so do those it made', () => {
  const { look } = ground();
  const stray = taskSeen(20, { parentPid: 4000 });
  const child = taskSeen(21, { parentPid: 20 });
  assert.equal(births(look([taskSeen(1), taskSeen(10), stray, child])), [
    '20 in 1, unknown',
    '21 in 1, unknown',
  ]);
});

reconciled('a pid under which another task lives now was used again', () => {
  const { here, a, look } = ground();
  here.attach(2, a);
  const facts = look([taskSeen(1), taskSeen(10, { startTicks: 999 })]);
  assert.equal(types(facts), ['adopt', 'exit', 'release']);
  assert.equal(births(facts), ['10 in 1, inferred']);
  here.apply(facts);
  assert.is(here.state.taskByPid(10)?.id, 3);
  assert.is(here.state.taskByPid(10)?.container.id, 1);
  assert.is(here.state.taskCount, 2);
  assert.is(here.world.taskPaths.pathsOfPid(10)?.get(0), '/');
});

reconciled('what changed in a task that lived on comes after births and before exits', () => {
  const { look } = ground();
  const facts = look([taskSeen(1, { comm: 'new', uid: 3, suid: 4 }), taskSeen(20)]);
  assert.equal(types(facts), ['adopt', 'comm', 'uid', 'exit']);
});

reconciled('command lines are told of those that are new, and where they are other than known', () => {
  const { here, look } = ground();
  const commandLine = { arguments: 'a', cut: false };
  const told = () => look([taskSeen(1, { commandLine }), taskSeen(20, { commandLine })]);
  const facts = told();
  assert.equal(types(facts), ['adopt', 'cmdline', 'cmdline', 'exit']);
  here.apply(facts);
  assert.equal(told(), []);
});

reconciled('an exit that was not seen has neither code nor signal, and is inferred', () => {
  const { look } = ground();
  assert.equal(look([taskSeen(1)]), [
    { type: 'exit', task: 2, code: 0, signal: 0, cpuUs: 0, peakBytes: 0, certainty: 'inferred' },
  ]);
});

reconciled('release is tested once for each container, at the end, by nobody in particular', () => {
  const { here, a } = ground();
  const b = here.mkdir(1, 'b', { notify: true });
  here.apply(
    reconcile(
      here.state,
      [1, 10, 20, 30].map((pid) => taskSeen(pid)),
      true,
    ),
  );
  for (const task of [2, 3]) here.attach(task, a);
  here.attach(4, b);
  const facts = reconcile(here.state, [taskSeen(1)], true);
  assert.equal(types(facts), ['exit', 'exit', 'exit', 'release', 'release']);
  assert.equal(facts.slice(3), [
    { type: 'release', container: a, path: '/a', cause: 'look', task: 0 },
    { type: 'release', container: b, path: '/b', cause: 'look', task: 0 },
  ]);
});

reconciled('a container whose last task left a child behind is not released', () => {
  const { here, a, look } = ground();
  here.apply(look([1, 10, 20].map((pid) => taskSeen(pid))));
  for (const task of [2, 3]) here.attach(task, a);
  const child = taskSeen(21, { parentPid: 20 });
  const facts = look([taskSeen(1), taskSeen(20), child]);
  assert.equal(types(facts), ['adopt', 'exit']);
});

reconciled('after a reboot nobody is who he was, whatever his pid and start time', () => {
  const { here, a } = ground();
  here.attach(2, a);
  const facts = reconcile(here.state, [taskSeen(1), taskSeen(10)], false);
  assert.equal(types(facts), ['adopt', 'adopt', 'exit', 'exit', 'release']);
  here.apply(facts);
  assert.equal(
    [...here.state.tasks()].map(({ id, pid, container }) => [id, pid, container.id]),
    [
      [3, 1, 1],
      [4, 10, 1],
    ],
  );
});

reconciled.run();
