/**
 * The simulation of the mirror in its short form: fixed seeds; that everything it is there to reach comes up; and that
 * it finds kernels which are wrong.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fact } from '../events/event.ts';
import { isNonsense, type Observed } from '../src/kernel/observe.ts';
import type { Observation } from '../src/ports.ts';
import { MirrorSimulation } from '../tools/mirrorSimulation.ts';
import { Difference, type Kernel, ourKernel } from '../tools/simulation.ts';

const simulate = suite('simulate the mirror');
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
const steps = 3000;

const outcomes = [
  ...['tree', 'untree', 'adopt', 'fork', 'exec', 'exit', 'mkdir', 'rename', 'rmdir', 'attach'],
  ...['populated', 'empty', 'nonsense fork', 'nonsense exit', 'nonsense groupRemoved'],
];

/** The difference that our kernel makes when its observations, or what it makes of them, are changed. */
async function differenceWith(
  change: (observe: (seen: Observation) => Observed, seen: Observation) => Observed,
): Promise<string> {
  const kernel: Kernel = {
    ...ourKernel,
    observe: (state, observation) => change((seen) => ourKernel.observe(state, seen), observation),
  };
  try {
    for (const seed of seeds) await new MirrorSimulation(seed, kernel).run(steps);
  } catch (error) {
    if (error instanceof Difference) return error.message;
    throw error;
  }
  return 'no difference was found';
}

function without(observed: Observed, unwanted: (fact: Fact) => boolean): Observed {
  return isNonsense(observed) ? observed : observed.filter((fact) => !unwanted(fact));
}

simulate('machine, mirror, events and rebuild agree, and every outcome comes up', async () => {
  const reached = new Set<string>();
  for (const seed of seeds) {
    const simulation = new MirrorSimulation(seed);
    await simulation.run(steps);
    for (const what of simulation.tally.keys()) reached.add(what);
  }
  assert.equal(
    outcomes.filter((outcome) => !reached.has(outcome)),
    [],
  );
});

simulate('a birth elsewhere that nobody tells of is found', async () => {
  const message = await differenceWith((observe, seen) =>
    observe(seen.type === 'fork' ? { ...seen, groups: [] } : seen),
  );
  assert.match(message, /\d+ is in \d+ of 0, and not in \d+/);
});

simulate('a process of which one thread alone is moved is found', async () => {
  const message = await differenceWith((observe, seen) =>
    observe(seen.type === 'moved' ? { ...seen, whole: false } : seen),
  );
  assert.match(message, /\d+ is in \d+ of [03], and not in \d+/);
});

for (const type of ['populated', 'empty'] as const) {
  simulate(`what is not told to be ${type} is found`, async () => {
    const message = await differenceWith((observe, seen) =>
      without(observe(seen), (fact) => fact.type === type),
    );
    assert.match(message, /no event has said so|told to be|which it was/);
  });
}

simulate('a group that keeps its old name is found', async () => {
  const message = await differenceWith((observe, seen) =>
    without(observe(seen), (fact) => fact.type === 'rename'),
  );
  assert.match(message, /group \d+ of [03] is another|has a name that is taken|takes a name that is taken/);
});

simulate.run();
