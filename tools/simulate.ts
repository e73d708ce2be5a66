/**
 * `npm run simulate -- --steps 1000000 --seed N`: the simulation from the command line. It runs in episodes,
 * each a machine and a log of its own with the next seed, so that a difference can be had again quickly. Of each seed
 * a machine with cgroup hierarchies comes after the one with requests, for as many steps.
 * Progress goes to stderr, the one line that counts to stdout. Exit 0: no difference. 1: one. 2: usage.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { MirrorSimulation } from './mirrorSimulation.ts';
import { Difference, Simulation } from './simulation.ts';

const episodeSteps = 50_000;
const seedLimit = 2 ** 32;

const usage = `Usage: npm run simulate -- [--steps N] [--seed N] [--tally]

  --steps N   how many random commands and observations (100000)
  --seed N    where to begin, 0 to ${seedLimit - 1}; without it a new seed is taken and printed
  --tally     print how often each outcome came up
`;

async function simulate(steps: number, firstSeed: number): Promise<Map<string, number>> {
  const tally = new Map<string, number>();
  const startMs = performance.now();
  let events = 0;
  for (let done = 0, episode = 0; done < steps; episode++) {
    const seed = (firstSeed + episode) % seedLimit;
    const length = Math.min(episodeSteps, steps - done);
    const simulation = new Simulation(seed);
    await simulation.run(length);
    const mirror = new MirrorSimulation(seed);
    await mirror.run(length);
    done += length;
    events += simulation.events + mirror.events;
    for (const [what, count] of [...simulation.tally, ...mirrorTally(mirror)]) {
      tally.set(what, (tally.get(what) ?? 0) + count);
    }
    const stepsPerSecond = Math.round(done / ((performance.now() - startMs) / 1000));
    process.stderr.write(`seed ${seed}: ${done} steps, ${events} events, ${stepsPerSecond} steps/s\n`);
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`no difference in ${steps} steps from seed ${firstSeed} (${events} events, ${seconds} s)`);
  return tally;
}

function mirrorTally({ tally }: MirrorSimulation): [string, number][] {
  return [...tally].map(([what, count]) => [`mirror: ${what}`, count]);
}

/** A whole number from 0 to `limit`, or an error that says what was wrong. */
function numberOf(option: string, text: string, limit: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value <= limit) return value;
  throw new TypeError(`--${option} takes a whole number from 0 to ${limit}, not "${text}"`);
}

function optionsOf(args: string[]) {
  const { values } = parseArgs({
    args,
    options: { steps: { type: 'string' }, seed: { type: 'string' }, tally: { type: 'boolean' } },
  });
  return {
    steps: numberOf('steps', values.steps ?? '100000', Number.MAX_SAFE_INTEGER),
    seed: values.seed === undefined ? realRandom.bits() : numberOf('seed', values.seed, seedLimit - 1),
    showsTally: values.tally === true,
  };
}

async function main(args: string[]): Promise<number> {
  let options: ReturnType<typeof optionsOf>;
  try {
    options = optionsOf(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`simulate: ${error.message}\n\n${usage}`);
    return 2;
  }
  try {
    const tally = await simulate(options.steps, options.seed);
    if (!options.showsTally) return 0;
    for (const [what, count] of [...tally].sort()) console.log(`${String(count).padStart(9)}  ${what}`);
    return 0;
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    console.log(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
