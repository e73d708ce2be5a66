/**
 * Restart: `npm run restart -- --times 100`. Storms go on inside of containers while the daemon that records them is
 * stopped, or killed, and started again; the log has to hold what the storms have counted, no more and no less, and
 * no gap. With `--change` each daemon is asked for another ring, other trees and other command lines than the one before.
 * `--no-pin` shows that it would not without what goes on in the kernel meanwhile. Prints its seeds; ends with
 * 1 when any number is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runRestarts } from './restart/run.ts';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '15' },
    seed: { type: 'string' },
    change: { type: 'boolean', default: false },
    'no-pin': { type: 'boolean', default: false },
  },
});
const times = Number(values.times);
const seconds = Number(values.seconds);
if (!(times > 0)) throw new Error(`--times is ${values.times}: give a number above 0`);
if (!(seconds > 4)) throw new Error(`--seconds is ${values.seconds}: give a number above 4`);

let done = 0;
let wrong = 0;
for (let run = 1; done < times; run++) {
  const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
  const result = await runRestarts({
    seed,
    seconds,
    times: times - done,
    pin: !values['no-pin'],
    change: values.change,
  });
  const { stops, kills, earlyKills, checks, agreement, gaps, disturbances, births } = result;
  done += stops + kills + earlyKills;
  console.log(
    `run ${run}, seed ${seed}: ${stops} stopped, ${kills} killed, ${earlyKills} killed while they started; ${births} births`,
  );
  if (disturbances > 0)
    console.log(`  ${disturbances} gaps by what process 1 did unseen: not all is counted`);
  for (const { what, expected, found, right } of checks) {
    if (!right) console.log(`  ${what}: log ${found}, counted ${expected}  WRONG`);
  }
  for (const gap of gaps) console.log(`  gap: ${gap}  WRONG`);
  for (const task of agreement.leftOver) console.log(`  left over against /proc: ${task}  WRONG`);
  for (const task of agreement.missing) console.log(`  missing against /proc: ${task}  WRONG`);
  wrong += checks.filter(({ right }) => !right).length + gaps.length;
  wrong += agreement.leftOver.length + agreement.missing.length;
}
console.log(`\n${done} restarts, ${wrong} numbers are wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
