/**
 * Moves: `npm run moves -- --times 300`. Exports and imports are killed at random instants: what they leave is either whole
 * or looks like nothing that is whole, and what was there before an export is still there. Prints its seed; ends with 1
 * when anything is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runMoves } from './moves/run.ts';

const { values } = parseArgs({
  options: { times: { type: 'string', default: '300' }, seed: { type: 'string' } },
});
const times = Number(values.times);
if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);

const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
const { tally, wrong } = await runMoves({ seed, times });
const sums = Object.entries(tally).map(([what, count]) => `${count} ${what}`);
console.log(`seed ${seed}: ${times} kills; ${sums.join(', ')}`);
for (const what of wrong) console.log(`  WRONG: ${what}`);
console.log(`\n${wrong.length} things are wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
