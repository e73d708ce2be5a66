/**
 * Kills: `npm run kills -- --times 300`. A process that appends to a log, seals it, keeps snapshots, removes its beginning
 * and makes a recording of this format of one of format 0 is killed in the middle of each, again and again on the same
 * recording. What it leaves has to be sound, with all that was answered, and everything beside the events as these make
 * it. Prints its seed; ends with 1 when anything is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runKills } from './kills/run.ts';

const { values } = parseArgs({
  options: { times: { type: 'string', default: '300' }, seed: { type: 'string' } },
});
const times = Number(values.times);
if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);

const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
const { tally, wrong } = await runKills({ seed, times });
const sums = Object.entries(tally).map(([what, count]) => `${count} ${what}`);
console.log(`seed ${seed}: ${times} kills; ${sums.join(', ')}`);
for (const what of wrong) console.log(`  WRONG: ${what}`);
console.log(`\n${wrong.length} things are wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
