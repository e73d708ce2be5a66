/**
 * Damage: `npm run damage -- --times 2000`. A recording with snapshots, lifelines and a page of the index is damaged in one
 * place after the other, in each of its files in turn: a bit is flipped, 4 KiB are zeros, or the rest is missing. Whatever
 * it is, a recorder has to go on with it or say in a sentence why not, twice, and what is answered has to be what was
 * answered before. Prints its seed; ends with 1 when anything is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runDamages } from './damage/run.ts';

const { values } = parseArgs({
  options: { times: { type: 'string', default: '500' }, seed: { type: 'string' } },
});
const times = Number(values.times);
if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);

const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
const { tally, wrong } = await runDamages({ seed, times });
console.log(`seed ${seed}: ${times} damages`);
for (const [what, count] of Object.entries(tally).sort()) console.log(`  ${count} ${what}`);
for (const what of wrong) console.log(`  WRONG: ${what}`);
console.log(`\n${wrong.length} things are wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
