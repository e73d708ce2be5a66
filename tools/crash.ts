/**
 * Crash: `npm run crash -- --times 300`. Daemons are killed at random instants under commands, releases and forks, and
 * started again. No answered command may be missing, the log has to be sound, what it makes has to be what the last
 * daemon knew, and each release's agent has to have run, by its own count, at least once unless it is stale, and at
 * most as often as the log says that it was tried. Prints its seeds; ends with 1 when anything is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runCrashes } from './crash/run.ts';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '300' },
    seed: { type: 'string' },
    'no-pin': { type: 'boolean', default: false },
  },
});
const times = Number(values.times);
if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);

/** A recording is read from its beginning at each start: it must not become too long. */
const timesInOne = 20;

let wrong = 0;
for (let done = 0; done < times; done += timesInOne) {
  const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
  const kills = Math.min(timesInOne, times - done);
  const result = await runCrashes({ seed, times: kills, pin: !values['no-pin'] });
  const { events, gaps, disturbances, answered, releases, attempts, stale, runs } = result;
  console.log(
    `seed ${seed}: ${kills} kills, ${events} events, ${gaps.length} gaps (beside ${disturbances} by what process 1 did unseen), ${answered} commands answered, ` +
      `${releases} releases (${stale} stale), ${attempts} attempts, ${runs} runs`,
  );
  for (const what of result.wrong) console.log(`  WRONG: ${what}`);
  wrong += result.wrong.length;
  if (values['no-pin']) continue;
  for (const gap of gaps) console.log(`  WRONG: gap: ${gap}`);
  wrong += gaps.length;
}
console.log(`\n${wrong} things are wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
