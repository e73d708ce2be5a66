/**
 * Storms on the real machine: the log holds exactly what the programs have counted that made them, and the recorder
 * knows the tasks that /proc knows. `tools/storm.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { againPhase, mixedPhase, namespacePhase, type Phase, stressPhase } from '../tools/storm/phases.ts';
import { undisturbed } from '../tools/storm/weather.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'cc'] as const;
const seconds = 1;

for (const phase of [mixedPhase, againPhase, namespacePhase]) {
  testNeeding(test, needs, titleOf(phase), () => weatherOf(phase));
}
testNeeding(test, ['root', 'ebpf', 'stress-ng'], titleOf(stressPhase), () => weatherOf(stressPhase));

test.run();

function titleOf({ what }: Phase): string {
  return `a storm is recorded exactly: ${what}`;
}

async function weatherOf(phase: Phase): Promise<void> {
  const { checks, agreement, gaps } = await undisturbed(phase, seconds, (disturbances) => {
    console.log(`once more, as the recorder had a gap: ${disturbances.join('; ')}`);
  });
  assert.equal(gaps, []);
  assert.equal(
    checks.filter(({ right }) => !right),
    [],
  );
  assert.equal(agreement.leftOver, []);
  assert.equal(agreement.missing, []);
}
