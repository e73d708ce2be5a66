/**
 * Storms on the real machine: the log holds exactly what the programs have counted that made them, and the recorder
 * knows the tasks that /proc knows. `tools/storm.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineSource } from '../src/daemon.ts';
import { hammeredPhase } from '../tools/storm/hammered.ts';
import { againPhase, mixedPhase, namespacePhase, type Phase, stressPhase } from '../tools/storm/phases.ts';
import { undisturbed } from '../tools/storm/weather.ts';
import { testNeeding } from './support/needs.ts';

const seconds = 1;

for (const source of ['ebpf', 'connector'] as const) {
  for (const phase of [mixedPhase, againPhase, namespacePhase]) {
    testNeeding(test, ['root', source, 'cc'], titleOf(phase, source), () => weatherOf(phase, source));
  }
}
testNeeding(test, ['root', 'ebpf', 'cc', 'fuse'], titleOf(hammeredPhase, 'ebpf'), () =>
  weatherOf(hammeredPhase, 'ebpf'),
);
testNeeding(test, ['root', 'ebpf', 'stress-ng'], titleOf(stressPhase, 'ebpf'), () =>
  weatherOf(stressPhase, 'ebpf'),
);
testNeeding(test, ['root', 'cc'], 'a storm that is polled is right about what remains of it', () =>
  weatherOf(mixedPhase, 'polling'),
);

test.run();

function titleOf({ what }: Phase, source: MachineSource): string {
  return `a storm is recorded exactly through ${source}: ${what}`;
}

async function weatherOf(phase: Phase, source: MachineSource): Promise<void> {
  const { checks, agreement, gaps } = await undisturbed(phase, seconds, source, (disturbances) => {
    console.log(`once more, as the recorder had a gap: ${disturbances.join('; ')}`);
  });
  assert.equal(gaps, []);
  const wrong = checks.filter(({ of, right }) => !right && (of === 'remains' || source !== 'polling'));
  assert.equal(wrong, []);
  assert.equal(agreement.leftOver, []);
  assert.equal(agreement.missing, []);
}
