/**
 * Storm: `npm run storm -- --seconds 10 --source ebpf`. Records this machine while programs make tasks inside of
 * containers as fast as they can, and holds what the log says of them against what they have counted themselves, and
 * what the recorder knows at the end against /proc. Prints one line for each number; ends with 1 when any is wrong.
 * Polling misses what is short: that is printed, and only what remains has to be right.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type MachineSource, machineSources } from '../src/daemon.ts';
import { hammeredPhase } from './storm/hammered.ts';
import {
  againPhase,
  type Check,
  mixedPhase,
  namespacePhase,
  type Phase,
  stressPhase,
} from './storm/phases.ts';
import { undisturbed } from './storm/weather.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, source: { type: 'string', default: 'ebpf' } },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds is ${values.seconds}: give a number above 0`);
const source = machineSources.find((name) => name === values.source);
if (source === undefined)
  throw new Error(`--source is ${values.source}: give ${machineSources.join(' or ')}`);

let wrong = 0;
for (const phase of [mixedPhase, againPhase, namespacePhase, hammeredPhase, stressPhase]) {
  if (isPossible(phase)) await show(phase, source);
}
console.log(`\n${wrong} numbers are wrong`);
process.exitCode = wrong === 0 ? 0 : 1;

async function show(phase: Phase, source: MachineSource): Promise<void> {
  console.log(`\n${phase.name}: ${phase.what}, ${seconds} s`);
  const { checks, agreement, gaps, births, pidUses } = await undisturbed(
    phase,
    seconds,
    source,
    (disturbances) => {
      for (const gap of disturbances) console.log(`  once more, as the recorder had a gap: ${gap}`);
    },
  );
  for (const check of checks) {
    if (source === 'polling' && check.of === 'deeds') printMissed(check);
    else print(check);
  }
  printNone('left over against /proc', agreement.leftOver);
  printNone('missing against /proc', agreement.missing);
  printNone('gaps', gaps);
  console.log(
    `  ${births} births in all, up to ${pidUses} with the same pid; ${agreement.shared} tasks live`,
  );
}

function print({ what, expected, found, right }: Check): void {
  if (!right) wrong += 1;
  const verdict = right ? '' : '  WRONG';
  console.log(`  ${what.padEnd(44)} log ${String(found).padStart(9)}   counted ${expected}${verdict}`);
}

function printMissed({ what, expected, found }: Check): void {
  console.log(
    `  ${what.padEnd(44)} log ${String(found).padStart(9)}   counted ${expected}, others were missed`,
  );
}

function printNone(what: string, found: readonly string[]): void {
  print({ of: 'remains', what, expected: '0', found: found.length, right: found.length === 0 });
  for (const one of found) console.log(`    ${one}`);
}

function isPossible(phase: Phase): boolean {
  if (phase !== stressPhase || spawnSync('stress-ng', ['--version']).status === 0) return true;
  console.log(`\nskipped: ${phase.what} (stress-ng is not installed)`);
  return false;
}
