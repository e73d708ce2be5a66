/**
 * Storm: `npm run storm -- --seconds 10`. Records this machine while programs make tasks inside of containers as fast
 * as they can, and holds what the log says of them against what they have counted themselves, and what the recorder
 * knows at the end against /proc. Prints one line for each number; ends with 1 when any is wrong.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { Recording } from './recording.ts';
import { agreementOf } from './storm/agreement.ts';
import {
  againPhase,
  type Check,
  mixedPhase,
  namespacePhase,
  type Phase,
  stressPhase,
} from './storm/phases.ts';
import { tally } from './storm/tally.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds is ${values.seconds}: give a number above 0`);

const phases = [mixedPhase, againPhase, namespacePhase, stressPhase].filter(isPossible);
const recording = await Recording.start();
const runs: { phase: Phase; check: Awaited<ReturnType<Phase['run']>> }[] = [];
for (const phase of phases) runs.push({ phase, check: await phase.run(recording, seconds) });
const agreement = await agreementOf(recording.reader);
const tallies = await recording.stop(tally);

let wrong = 0;
for (const { phase, check } of runs) {
  console.log(`\n${phase.name}: ${phase.what}, ${seconds} s`);
  for (const one of check(tallies)) print(one);
}
console.log('\nat the end');
const { shared, leftOver, missing } = agreement;
print({
  what: 'left over against /proc',
  expected: '0',
  found: leftOver.length,
  right: leftOver.length === 0,
});
print({ what: 'missing against /proc', expected: '0', found: missing.length, right: missing.length === 0 });
for (const task of leftOver) console.log(`  left over: ${task}`);
for (const task of missing) console.log(`  missing: ${task}`);
print({ what: 'gaps', expected: '0', found: tallies.gaps, right: tallies.gaps === 0 });
console.log(`\n${tallies.births.length} births recorded, ${shared} tasks live; ${wrong} numbers are wrong`);
process.exitCode = wrong === 0 ? 0 : 1;

function print({ what, expected, found, right }: Check): void {
  if (!right) wrong += 1;
  const verdict = right ? '' : '  WRONG';
  console.log(`  ${what.padEnd(44)} log ${String(found).padStart(9)}   counted ${expected}${verdict}`);
}

function isPossible(phase: Phase): boolean {
  if (phase !== stressPhase || spawnSync('stress-ng', ['--version']).status === 0) return true;
  console.log('skipped: stress-ng is not installed');
  return false;
}
