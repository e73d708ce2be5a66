/**
 * The simulation in its short form: fixed seeds, kernel and model side by side; that nothing it is there to
 * reach stays unreached; and that it finds kernels which are wrong, and says how to have that again.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../events/event.ts';
import type { Hierarchy } from '../projections/hierarchy.ts';
import { isRefusal } from '../src/kernel/errno.ts';
import { isNonsense } from '../src/kernel/observe.ts';
import { Difference, type Kernel, ourKernel, Simulation } from '../tools/simulation.ts';

const simulate = suite('simulate');
const seeds = [7, 10, 11, 25, 35, 48, 51, 52];
const steps = 4000;

/** What must come up if the seeds are worth anything. */
const outcomes = [
  ...['EACCES', 'EEXIST', 'EINVAL', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'done'].map((end) => `mkdir ${end}`),
  ...['EACCES', 'EBUSY', 'ENOENT', 'ENOTDIR', 'EPERM', 'done'].map((end) => `rmdir ${end}`),
  ...['EACCES', 'EBUSY', 'EEXIST', 'EINVAL', 'EIO', 'EISDIR', 'ENAMETOOLONG'].map((end) => `rename ${end}`),
  ...['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EPERM', 'idle', 'done'].map((end) => `rename ${end}`),
  ...['E2BIG', 'EACCES', 'EINVAL', 'EIO', 'ENODEV', 'ESRCH', 'idle', 'done'].map((end) => `write ${end}`),
  ...['EACCES', 'ENODEV', 'ESRCH', 'idle', 'done'].map((end) => `attach ${end}`),
  ...['EPERM', 'idle', 'done'].flatMap((end) => [`attr ${end}`, `delegate ${end}`]),
  ...['create EACCES', 'symlink EPERM', 'link EPERM', 'fifo EPERM', 'unlink EPERM'],
  ...['exit', 'attach', 'rmdir', 'look'].map((cause) => `release ${cause}`),
  ...['fork', 'exec', 'exit', 'comm', 'uid'].flatMap((type) => [`fact ${type}`, `nonsense ${type}`]),
  ...['fact adopt', 'fact gap', 'fact stop', 'fact clock', 'fact stale', 'fact outcome', 'fact refused'],
  ...['release of the longest path', 'task under a path too long by one', 'pid that came back'],
];

/** The difference that a run ends with. */
async function differenceWith(kernel: Kernel): Promise<Difference> {
  try {
    for (const seed of seeds) await new Simulation(seed, kernel).run(steps);
  } catch (error) {
    if (error instanceof Difference) return error;
    throw error;
  }
  return assert.unreachable('no difference was found') as never;
}

/** Our kernel, with the facts of its decisions and observations changed. */
function kernelWith(change: (facts: readonly Fact[], state: Hierarchy) => readonly Fact[]): Kernel {
  return {
    ...ourKernel,
    decide: (state, command, actor) => {
      const decision = ourKernel.decide(state, command, actor);
      return isRefusal(decision) ? decision : change(decision, state);
    },
    observe: (state, observation) => {
      const observed = ourKernel.observe(state, observation);
      return isNonsense(observed) ? observed : change(observed, state);
    },
  };
}

simulate('kernel, model and rebuild agree, and every outcome comes up', async () => {
  const reached = new Set<string>();
  for (const seed of seeds) {
    const simulation = new Simulation(seed);
    await simulation.run(steps);
    for (const outcome of simulation.tally.keys()) reached.add(outcome);
  }
  assert.equal(
    outcomes.filter((outcome) => !reached.has(outcome)),
    [],
  );
});

simulate('a seed is one run', async () => {
  const [one, other] = [new Simulation(99), new Simulation(99)];
  await one.run(2000);
  await other.run(2000);
  assert.equal(one.tally, other.tally);
  assert.equal(one.world.dump(), other.world.dump());
});

simulate('a kernel that forgets the release at an rmdir is found, and its seed told', async () => {
  const kernel = kernelWith((facts) =>
    facts.filter((fact) => fact.type !== 'release' || fact.cause !== 'rmdir'),
  );
  const { message, seed, step } = await differenceWith(kernel);
  assert.match(message, `--seed ${seed} --steps ${step}`);
  await new Simulation(seed).run(step);
});

simulate('a kernel that lets a child inherit from the leader of its caller is found', async () => {
  const leaderOf = (state: Hierarchy, id: number) => state.taskByPid(state.task(id)?.tgid ?? 0)?.id ?? id;
  const kernel = kernelWith((facts, state) =>
    facts.map((fact) => (fact.type === 'fork' ? { ...fact, parent: leaderOf(state, fact.parent) } : fact)),
  );
  await differenceWith(kernel);
});

simulate('a kernel that takes a pid that came back for the task it was is found', async () => {
  const kernel: Kernel = {
    ...ourKernel,
    reconcile: (state, seen, sameBoot) => {
      const asKnown = seen.map((task) => {
        return { ...task, startTicks: state.taskByPid(task.pid)?.startTicks ?? task.startTicks };
      });
      return ourKernel.reconcile(state, asKnown, sameBoot);
    },
  };
  await differenceWith(kernel);
});

simulate.run();
