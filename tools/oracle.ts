/**
 * `npm run oracle -- --steps 20000 --seeds 10`: the oracle from the command line. The steps are divided among the
 * seeds; each seed has a mount, a recording and processes of its own, and leaves nothing behind. Progress goes to
 * stderr, the one line that counts to stdout. Exit 0: no difference. 1: one. 2: usage.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { Difference, type Door, Oracle } from './oracle/oracle.ts';

const seedLimit = 2 ** 32;

const usage = `Usage: npm run oracle -- [--steps N] [--seeds N | --seed N] [--through DOOR] [--tally] [--no-drain]

Needs root, eBPF, a C compiler, and a kernel with cgroup v1.

  --steps N    how many random steps in all (2000)
  --seeds N    how many programs to divide them among (1)
  --seed N     the first program, 0 to ${seedLimit - 1}; without it a new one is taken and printed
  --through X  what tasktrail is asked by: its "commands" (the default), or system calls in its "mount"
  --tally      print how often each outcome came up
  --no-drain   decide without draining the source first, to see that this is found
`;

interface Options {
  readonly steps: number;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly through: Door;
  readonly showsTally: boolean;
  readonly drainBeforeDecide: boolean;
}

/** The oracle that is open or about to be, for whoever interrupts. */
let current: Promise<Oracle> | undefined;
let isInterrupted = false;

async function runAll({
  steps,
  seeds,
  firstSeed,
  through,
  drainBeforeDecide,
}: Options): Promise<Map<string, number>> {
  const tally = new Map<string, number>();
  const startMs = performance.now();
  let [done, events, gaps] = [0, 0, 0];
  for (let i = 0; i < seeds; i++) {
    const seed = (firstSeed + i) % seedLimit;
    const length = Math.floor((steps * (i + 1)) / seeds) - done;
    current = Oracle.open({ seed, through, drainBeforeDecide });
    const oracle = await current;
    try {
      await oracle.run(length);
      const recorded = await oracle.recorded();
      events += recorded.events;
      gaps += recorded.gaps;
    } finally {
      await oracle.close();
      current = undefined;
    }
    done += length;
    for (const [what, count] of oracle.tally) tally.set(what, (tally.get(what) ?? 0) + count);
    process.stderr.write(
      `seed ${seed}: ${done} steps, ${events} events, ${gaps} gaps, ${secondsSince(startMs)} s\n`,
    );
  }
  console.log(
    `no difference in ${steps} steps over ${seeds} seeds from ${firstSeed} (${events} events, ${gaps} gaps, ${secondsSince(startMs)} s)`,
  );
  return tally;
}

function secondsSince(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1);
}

/** A whole number from `least` to `limit`, or an error that says what was wrong. */
function numberOf(option: string, text: string, least: number, limit: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= least && value <= limit) return value;
  throw new TypeError(`--${option} takes a whole number from ${least} to ${limit}, not "${text}"`);
}

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      steps: { type: 'string' },
      seeds: { type: 'string' },
      seed: { type: 'string' },
      through: { type: 'string', default: 'commands' },
      tally: { type: 'boolean' },
      'no-drain': { type: 'boolean' },
    },
  });
  const through = values.through;
  if (through !== 'commands' && through !== 'mount') {
    throw new TypeError(`--through takes "commands" or "mount", not "${through}"`);
  }
  return {
    through,
    steps: numberOf('steps', values.steps ?? '2000', 1, Number.MAX_SAFE_INTEGER),
    seeds: numberOf('seeds', values.seeds ?? '1', 1, seedLimit),
    firstSeed:
      values.seed === undefined ? realRandom.bits() : numberOf('seed', values.seed, 0, seedLimit - 1),
    showsTally: values.tally === true,
    drainBeforeDecide: values['no-drain'] !== true,
  };
}

/** Nothing is left behind by whoever loses patience. */
async function interrupt(): Promise<void> {
  isInterrupted = true;
  await (await current)?.close();
  process.exit(130);
}

async function main(args: string[]): Promise<number> {
  let options: Options;
  try {
    options = optionsOf(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`oracle: ${error.message}\n\n${usage}`);
    return 2;
  }
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      'oracle: only root can mount a hierarchy of cgroup v1 and see all tasks: run it as root\n',
    );
    return 2;
  }
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const tally = await runAll(options);
    if (!options.showsTally) return 0;
    for (const [what, count] of [...tally].sort()) console.log(`${String(count).padStart(9)}  ${what}`);
    return 0;
  } catch (error) {
    if (isInterrupted) return 130;
    if (!(error instanceof Difference)) throw error;
    console.log(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
