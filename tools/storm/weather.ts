/**
 * Weather: one phase of the storm in a recording of its own, and everything that can be checked of it.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineSource } from '../../src/daemon.ts';
import { Recording } from '../recording.ts';
import { type Agreement, agreementOf } from './agreement.ts';
import { FirstProcess } from './firstProcess.ts';
import type { Check, Phase } from './phases.ts';
import { tally } from './tally.ts';

export interface Weather {
  readonly checks: readonly Check[];
  readonly agreement: Agreement;
  /** Where the recorder was not sure of what it had seen, in words. */
  readonly gaps: readonly string[];
  /** How many more gaps process 1 is known to have caused. What happened in these is not counted either. */
  readonly disturbances: number;
  /** Births in any container. */
  readonly births: number;
  /** The highest number of births that had the same pid. */
  readonly pidUses: number;
}

/** Fails where a phase cannot be run; what is wrong with the log is in the answer. */
export async function weather(phase: Phase, seconds: number, source: MachineSource): Promise<Weather> {
  const mount = phase.isMounted ? mkdtempSync(join(tmpdir(), 'tasktrail-storm-')) : undefined;
  const recording = await Recording.start({
    source,
    ...(mount !== undefined && { mount: { folder: mount, isRequired: true } }),
  });
  const firstProcess = new FirstProcess();
  const stormed = (async () => ({
    check: await phase.run(recording, seconds, mount === undefined ? {} : { mountPoint: mount }),
    agreement: await agreementOf(recording.reader),
  }))();
  // The recording is stopped whatever the storm has come to.
  await stormed.catch(() => {});
  firstProcess.stop();
  const tallies = await recording.stop((log) => tally(log, firstProcess));
  if (mount !== undefined) rmdirSync(mount);
  const { check, agreement } = await stormed;
  const { gaps, disturbances, births, pidUses } = tallies;
  return {
    checks: check(tallies),
    agreement,
    gaps,
    disturbances: disturbances.length,
    births: births.length,
    pidUses,
  };
}

/**
 * Runs a phase again, at most twice, while the recorder had a gap in it: somebody else may have done what no source
 * sees, and what is missed meanwhile is not this storm's. `onGaps` is told of each run that does not count.
 */
export async function undisturbed(
  phase: Phase,
  seconds: number,
  source: MachineSource,
  onGaps: (gaps: readonly string[]) => void,
): Promise<Weather> {
  for (let attempts = 3; ; attempts--) {
    const result = await weather(phase, seconds, source);
    const { gaps, disturbances } = result;
    if (gaps.length + disturbances === 0 || attempts === 1) return result;
    onGaps([...gaps, ...(disturbances > 0 ? [`${disturbances} by what process 1 did unseen`] : [])]);
  }
}
