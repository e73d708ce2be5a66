/** The simulated source tells one story for one seed, and what it tells is what a machine could have done. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import { isNonsense, observe } from '../../src/kernel/observe.ts';
import { adoptAll } from '../../src/kernel/reconcile.ts';
import type { Observation, Source, TaskSeen } from '../../src/ports.ts';
import { openSimulatedSource } from '../../src/sources/simulated.ts';
import { FakeClock } from '../support/fakeClock.ts';

const simulated = suite('simulated source');
const secondMs = 1000;

function open(seed = 1) {
  const clock = new FakeClock();
  return { clock, source: openSimulatedSource({ seed, clock, pidLimit: 600 }) };
}

function drained(source: Source): Observation[] {
  const seen: Observation[] = [];
  source.drain((observation) => seen.push(observation));
  return seen;
}

/** What one seed tells in so many seconds, asked for every `stepMs`. */
function storyOf(seed: number, seconds: number, stepMs: number): Observation[] {
  const { clock, source } = open(seed);
  const story: Observation[] = [];
  for (let ms = 0; ms < seconds * secondMs; ms += stepMs) {
    clock.pass(stepMs);
    story.push(...drained(source));
  }
  return story;
}

simulated('the same seed and clock tell the same story, however often it is asked for', () => {
  const story = storyOf(7, 60, 10);
  assert.equal(storyOf(7, 60, 5000), story);
  assert.not.equal(storyOf(8, 60, 10), story);
});

simulated('a minute holds some tens of events a second, of every type', () => {
  const story = storyOf(1, 60, 1000);
  assert.ok(story.length > 10 * 60 && story.length < 100 * 60, `${story.length} in a minute`);
  assert.equal([...new Set(story.map(({ type }) => type))].sort(), ['comm', 'exec', 'exit', 'fork', 'uid']);
  const statuses = story.flatMap((seen) => (seen.type === 'exit' ? [seen.status] : []));
  assert.ok(statuses.includes(0) && statuses.includes(1 << 8) && statuses.includes(9));
  assert.ok(story.some((seen) => seen.type === 'exec' && seen.pid !== seen.oldPid));
  assert.ok(story.some((seen) => seen.type === 'fork' && seen.pid !== seen.tgid));
});

simulated('its times never run backwards, and no task is begun before its machine', () => {
  let lastUs = 0;
  for (const { bootUs } of storyOf(3, 60, 100)) {
    assert.ok(bootUs >= lastUs && Number.isSafeInteger(bootUs));
    lastUs = bootUs;
  }
});

simulated('pids wrap within minutes, and no two living tasks ever have one', () => {
  const { clock, source } = open();
  const living = new Set([...source.scan()].map(({ pid }) => pid));
  const used = new Map<number, number>();
  for (let minute = 0; minute < 5; minute++) {
    clock.pass(60 * secondMs);
    for (const seen of drained(source)) {
      if (seen.type === 'fork') {
        assert.not(living.has(seen.pid), `${seen.pid} is born while it lives`);
        assert.ok(seen.pid < 600);
        living.add(seen.pid);
        used.set(seen.pid, (used.get(seen.pid) ?? 0) + 1);
      }
      if (seen.type === 'exit') living.delete(seen.pid);
      if (seen.type === 'exec' && seen.oldPid !== seen.pid) {
        assert.ok(living.delete(seen.oldPid));
        assert.not(living.has(seen.pid), `the leader ${seen.pid} ends before its thread takes its pid`);
        living.add(seen.pid);
      }
      assert.ok(living.size < 250, `${living.size} tasks live at once`);
    }
  }
  assert.ok([...used.values()].some((times) => times > 2));
});

simulated('a scan shows what an observer has come to know of every task', () => {
  const { clock, source } = open(5);
  const world = new World();
  let seq = 0;
  const apply = (facts: readonly Fact[]): void => {
    for (const fact of facts) world.apply({ ...fact, seq: ++seq, timeUs: seq, skewUs: 0 });
  };
  apply([{ type: 'tree', tree: 0, name: 'tasktrail', container: 1, hierarchy: 0, group: 0, mountPoint: '' }]);
  apply(adoptAll(world.hierarchy, [...source.scan()]));
  for (let step = 0; step < 300; step++) {
    clock.pass(700);
    for (const observation of drained(source)) {
      const observed = observe(world.hierarchy, observation);
      if (isNonsense(observed)) assert.unreachable(observed.nonsense);
      else apply(observed);
    }
    const known = [...world.hierarchy.tasks()].map(essence).sort(byPid);
    assert.equal([...source.scan()].map(essence).sort(byPid), known);
  }
});

simulated(
  'an exit tells the time that the task has used, and the memory with the last of its process',
  () => {
    const { clock, source } = open(3);
    const tgids = new Map<number, number>();
    const bornUs = new Map<number, number>();
    for (const { pid, tgid } of source.scan()) tgids.set(pid, tgid);
    let usedUs = 0;
    for (let step = 0; step < 100; step++) {
      clock.pass(secondMs);
      for (const seen of drained(source)) {
        if (seen.type === 'fork') {
          tgids.set(seen.pid, seen.tgid);
          bornUs.set(seen.pid, seen.bootUs);
        }
        if (seen.type === 'exec' && tgids.delete(seen.oldPid)) tgids.set(seen.pid, seen.pid);
        if (seen.type !== 'exit') continue;
        const tgid = tgids.get(seen.pid) ?? 0;
        tgids.delete(seen.pid);
        assert.is(seen.peakBytes > 0, ![...tgids.values()].includes(tgid));
        assert.ok(seen.cpuUs <= seen.bootUs - (bornUs.get(seen.pid) ?? 0));
        usedUs += seen.cpuUs;
      }
    }
    assert.ok(usedUs > 0);
  },
);

simulated('it mirrors no hierarchy', () => {
  const { source } = open();
  assert.equal(source.hierarchies(), []);
  for (const { groups } of source.scan()) assert.is(groups, undefined);
});

simulated('a look shows one task, and nothing where none lives', () => {
  const { clock, source } = open();
  clock.pass(10 * secondMs);
  for (const task of source.scan()) assert.equal(source.look(task.pid), task);
  assert.is(source.look(599), undefined);
});

simulated('a task whose parent has ended is a child of init', () => {
  const { clock, source } = open();
  for (let step = 0; step < 100; step++) {
    clock.pass(secondMs);
    const tasks = [...source.scan()];
    const pids = new Set(tasks.map(({ pid }) => pid));
    for (const { pid, parentPid } of tasks) assert.ok(pid === 1 ? parentPid === 0 : pids.has(parentPid));
  }
});

simulated('it wakes once when something is queued, and not before', () => {
  const { clock, source } = open();
  let wakes = 0;
  source.wake(() => {
    wakes += 1;
    assert.ok(drained(source).length > 0);
  });
  clock.pass(10 * secondMs);
  assert.is(wakes, 1);
  source.wake(() => assert.unreachable('a closed source does not wake'));
  source.close();
  clock.pass(10 * secondMs);
});

simulated('it says that nothing of it is real, and is another boot at each opening', () => {
  const { clock, source } = open(42);
  assert.is(source.name, 'simulated');
  assert.match(source.blind, /made up/);
  assert.match(source.bootId, /^simulated-42-/);
  clock.pass(1);
  assert.is.not(openSimulatedSource({ seed: 42, clock }).bootId, source.bootId);
});

simulated.run();

function essence({ pid, tgid, startTicks, uid, suid, comm }: Omit<TaskSeen, 'parentPid' | 'commandLine'>) {
  return { pid, tgid, startTicks, uid, suid, comm };
}

function byPid(a: { pid: number }, b: { pid: number }): number {
  return a.pid - b.pid;
}
