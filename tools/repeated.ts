/**
 * A proof that is repeated many times from a seed: how its program is asked (`--times`, `--seed`), and how it tells that
 * something was wrong, with which it ends with 1.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';

export interface Repeated {
  readonly seed: number;
  readonly times: number;
}

export interface Outcomes {
  /** How often it came to what. */
  readonly tally: Readonly<Record<string, number>>;
  /** In words; empty where nothing was. */
  readonly wrong: readonly string[];
}

/** Runs it as the command line says, `usualTimes` where that says nothing, and prints what `tell` makes of what came of it. */
export async function runRepeated(
  usualTimes: number,
  run: (repeated: Repeated) => Promise<Outcomes>,
  tell: (repeated: Repeated, tally: Outcomes['tally']) => readonly string[],
): Promise<void> {
  const { values } = parseArgs({
    options: { times: { type: 'string', default: String(usualTimes) }, seed: { type: 'string' } },
  });
  const times = Number(values.times);
  if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);
  const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
  const { tally, wrong } = await run({ seed, times });
  for (const line of tell({ seed, times }, tally)) console.log(line);
  for (const what of wrong) console.log(`  WRONG: ${what}`);
  console.log(`\n${wrong.length} things are wrong`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

/** The one line that tells of kills. */
export function killsLine({ seed, times }: Repeated, tally: Outcomes['tally']): readonly string[] {
  const sums = Object.entries(tally).map(([what, count]) => `${count} ${what}`);
  return [`seed ${seed}: ${times} kills; ${sums.join(', ')}`];
}
