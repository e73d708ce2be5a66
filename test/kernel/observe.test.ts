/** What is seen becomes what happened; what cannot have happened is nonsense, and nothing is guessed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../../events/event.ts';
import type { Observation, TaskSeen } from '../../src/kernel/observation.ts';
import { isNonsense, observe } from '../../src/kernel/observe.ts';
import { adoptAll } from '../../src/kernel/reconcile.ts';
import { Ground, taskSeen } from '../support/ground.ts';

const observed = suite('observations');
const t = 10;

/** Init, `t`, and a thread 11 of `t`: tasks 1, 2 and 3. */
function ground() {
  const here = new Ground();
  here.apply(adoptAll(here.state, [taskSeen(1), taskSeen(t), taskSeen(11, { tgid: t, parentPid: t })]));
  const see = (observation: Observation): readonly Fact[] => {
    const facts = observe(here.state, observation);
    if (isNonsense(facts)) throw new Error(facts.nonsense);
    return facts;
  };
  const seeAndApply = (observation: Observation) => here.apply(see(observation));
  const nonsense = (observation: Observation) => {
    const facts = observe(here.state, observation);
    return isNonsense(facts) ? facts.nonsense : `sense: ${JSON.stringify(facts)}`;
  };
  return { here, see, seeAndApply, nonsense };
}

const bootUs = 0;
const fork = (pid: number, parentPid: number): Observation => ({
  ...taskSeen(pid, { parentPid }),
  type: 'fork',
  bootUs,
});
const exit = (pid: number, status = 0): Observation => ({
  type: 'exit',
  bootUs,
  pid,
  status,
  cpuUs: 0,
  peakBytes: 0,
});
const exec = (pid: number, oldPid = pid): Observation => ({
  type: 'exec',
  bootUs,
  pid,
  oldPid,
  startTicks: 77,
  comm: 'true',
  program: '/bin/true',
});

observed('a wait status is a code or a signal', () => {
  const { see } = ground();
  const ended = (status: number) => {
    const [fact] = see(exit(t, status));
    return fact?.type === 'exit' && [fact.code, fact.signal];
  };
  assert.equal(ended(0), [0, 0]);
  assert.equal(ended(3 << 8), [3, 0]);
  assert.equal(ended(255 << 8), [255, 0]);
  assert.equal(ended(9), [0, 9]);
  // Dumped core: the bit beside the signal is not part of it.
  assert.equal(ended(11 | 0x80), [0, 11]);
});

observed('a child takes the next task id and knows its parent', () => {
  const { see } = ground();
  const [fact] = see(fork(12, 11));
  assert.equal(fact?.type === 'fork' && [fact.task, fact.parent], [4, 3]);
});

observed('a thread that executes a program keeps its task id and takes its leader’s pid', () => {
  const { here, seeAndApply } = ground();
  seeAndApply(exit(t));
  seeAndApply(exec(t, 11));
  const task = here.state.taskByPid(t);
  assert.is(task?.id, 3);
  assert.is(task?.startTicks, 77);
  assert.is(task?.program, '/bin/true');
  assert.is(here.state.taskByPid(11), undefined);
});

observed('a thread on its way to its leader’s place gives its pid up before its exec is seen', () => {
  const { here, seeAndApply } = ground();
  seeAndApply(exit(t));
  seeAndApply(fork(11, 1));
  assert.is(here.state.taskByPid(11)?.id, 4);
  seeAndApply(exec(t, 11));
  assert.is(here.state.taskByPid(t)?.id, 3);
  assert.is(here.state.taskByPid(11)?.id, 4);
  seeAndApply(exit(11));
  seeAndApply(exit(t));
  assert.is(here.state.taskCount, 1);
});

observed('a pid that is free is somebody else’s next', () => {
  const { here, seeAndApply } = ground();
  seeAndApply(exit(t));
  seeAndApply(fork(t, 1));
  assert.is(here.state.taskByPid(t)?.id, 4);
});

observed('a name or a uid that stays is no event', () => {
  const { see } = ground();
  assert.equal(see({ type: 'comm', bootUs, pid: t, comm: 'task' }), []);
  assert.equal(see({ type: 'uid', bootUs, pid: t, uid: 0, suid: 0 }), []);
  assert.is(see({ type: 'comm', bootUs, pid: t, comm: 'new' }).length, 1);
  assert.is(see({ type: 'uid', bootUs, pid: t, uid: 0, suid: 5 }).length, 1);
});

observed('what nobody known does makes no sense', () => {
  const { nonsense } = ground();
  assert.is(nonsense(fork(50, 40)), 'unknown task 40 forked 50');
  assert.is(nonsense(exit(40)), 'unknown task 40 exited');
  assert.is(nonsense(exec(40)), 'unknown task 40 executed a program');
  assert.is(nonsense({ type: 'comm', bootUs, pid: 40, comm: '' }), 'unknown task 40 changed its name');
  assert.is(nonsense({ type: 'uid', bootUs, pid: 40, uid: 0, suid: 0 }), 'unknown task 40 changed its uid');
});

observed('neither does a birth under a pid that lives, nor a thread that takes it', () => {
  const { nonsense } = ground();
  assert.is(nonsense(fork(t, 1)), 'task 10 is born while it lives');
  // Its leader lives, so it cannot be about to take the leader's place.
  assert.is(nonsense(fork(11, 1)), 'task 11 is born while it lives');
  assert.is(nonsense(exec(t, 11)), 'task 11 takes the pid 10 of a task that lives');
});

observed(
  'what two looks find differently has happened in between, inferred, and nothing is told of the rest',
  () => {
    const { here, see, seeAndApply } = ground();
    const found = (...tasks: readonly TaskSeen[]): Observation => ({ type: 'looked', bootUs, tasks });
    const both = [taskSeen(1), taskSeen(t)];
    const third = taskSeen(11, { tgid: t, parentPid: t });
    assert.equal(see(found(...both, third)), []);
    const facts = see(found(...both, taskSeen(12, { parentPid: t, comm: 'new' })));
    assert.equal(
      facts.map((fact) => [fact.type, 'certainty' in fact && fact.certainty]),
      [
        ['adopt', 'inferred'],
        ['exit', 'inferred'],
      ],
    );
    seeAndApply(found(...both));
    assert.equal([...here.state.tasks()].map(({ pid }) => pid).sort(), [1, t]);
  },
);

observed.run();
