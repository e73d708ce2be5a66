/**
 * Fork races through the mount: `npm run races -- --times 20000`. A program in a container forks and at once reads its
 * container's `tasks`: whatever was made by then is listed, and whatever was reaped is not. Then the same with the drain
 * switched off, where some answers must be wrong, or the test could not fail. Ends with 1 when either is not so.
 */
import { parseArgs } from 'node:util';
import { runRaces } from './races/run.ts';

const { values } = parseArgs({ options: { times: { type: 'string', default: '20000' } } });
const times = Number(values.times);
if (!Number.isInteger(times) || times < 1) throw new Error(`--times is ${values.times}: give a whole number`);

const drained = await runRaces(times, true);
console.log(`drained: ${drained.missed} of ${drained.asked} answers in ${times} forks were wrong`);
const fewTimes = Math.ceil(times / 20);
const undrained = await runRaces(fewTimes, false);
console.log(`not drained: ${undrained.missed} of ${undrained.asked} answers in ${fewTimes} forks were wrong`);
process.exitCode = drained.missed === 0 && undrained.missed > 0 ? 0 : 1;
