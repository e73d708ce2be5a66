/**
 * Soak: `npm run soak -- --minutes 30 --rate 5000`, a day in an hour. A machine forks, executes and exits, containers
 * come, are released and go, commands are given, and daemons follow each other, in order and killed, on the real
 * eBPF source. At the end everything is in the log that others have counted, and what the daemon knows is what the
 * kernel says; the log takes what was computed on the disk; and one daemon, left alone for more than half of the
 * time, has not grown. Prints a line a minute, its seed and a verdict; ends with 1 when a number is wrong.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runSoak } from './soak/run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '5000' },
    seed: { type: 'string' },
  },
});
const shownDetails = 50;
const seed = values.seed === undefined ? realRandom.bits() : numberOf('seed', 0);
const minutes = numberOf('minutes', 0.3);
const eventsPerSecond = numberOf('rate', 500);

console.log(`seed ${seed}: ${minutes} minutes at ${eventsPerSecond} events a second`);
const tell = (line: string): void => console.log(line);
const { checks, details, summary } = await runSoak({ seed, seconds: 60 * minutes, eventsPerSecond, tell });
console.log(`\n${summary.join('\n')}\n`);
for (const { what, expected, found, right } of checks) {
  const verdict = right ? '' : '  WRONG';
  console.log(
    `  ${what.padEnd(62)} ${found.toLocaleString('en').padStart(12)}   has to be ${expected}${verdict}`,
  );
}
for (const detail of details.slice(0, shownDetails)) console.log(`  WRONG: ${detail}`);
if (details.length > shownDetails) console.log(`  and ${details.length - shownDetails} more`);
const wrong = checks.filter(({ right }) => !right).length;
console.log(`\n${wrong} numbers are wrong`);
process.exitCode = wrong === 0 ? 0 : 1;

function numberOf(name: keyof typeof values, least: number): number {
  const number = Number(values[name]);
  if (number >= least) return number;
  throw new Error(`--${name} is ${values[name]}: give a number of at least ${least}`);
}
