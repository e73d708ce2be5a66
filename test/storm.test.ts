/**
 * Storms on the real machine: the log holds exactly what the programs have counted that made them, and the recorder
 * knows the tasks that /proc knows. `tools/storm.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Recording } from '../tools/recording.ts';
import { agreementOf } from '../tools/storm/agreement.ts';
import { againPhase, mixedPhase, namespacePhase, type Phase, stressPhase } from '../tools/storm/phases.ts';
import { tally } from '../tools/storm/tally.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'cc'] as const;
const seconds = 1;

for (const phase of [mixedPhase, againPhase, namespacePhase]) {
  testNeeding(test, needs, titleOf(phase), () => weather(phase));
}
testNeeding(test, ['root', 'ebpf', 'stress-ng'], titleOf(stressPhase), () => weather(stressPhase));

test.run();

function titleOf({ what }: Phase): string {
  return `a storm is recorded exactly: ${what}`;
}

async function weather(phase: Phase): Promise<void> {
  const recording = await Recording.start();
  const stormed = (async () => ({
    checks: await phase.run(recording, seconds),
    agreement: await agreementOf(recording.reader),
  }))();
  // The recording is stopped whatever the storm has come to.
  await stormed.catch(() => {});
  const tallies = await recording.stop(tally);
  const { checks, agreement } = await stormed;
  assert.equal(
    checks(tallies).filter(({ right }) => !right),
    [],
  );
  assert.equal(agreement.leftOver, []);
  assert.equal(agreement.missing, []);
  assert.is(tallies.gaps, 0);
}
