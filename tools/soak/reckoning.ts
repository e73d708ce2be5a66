/**
 * The reckoning of a soak: its log against all that others know, when nobody records any more.
 */
import { textOf } from '../../events/bytes.ts';
import { pathOf } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import { openLogReader } from '../../src/log/openLog.ts';
import type { Answered } from '../crash/load.ts';
import { accountOfFolder } from '../crash/run.ts';
import { treeIn } from '../crash/treeAtRest.ts';
import type { Witness } from '../storm/firstProcess.ts';
import type { Check } from '../storm/phases.ts';
import { type Tallies, tally } from '../storm/tally.ts';
import { noneCheck } from './checks.ts';
import type { KernelAgreement, Numbers } from './kernelSide.ts';

export interface Reckoning {
  readonly checks: readonly Check[];
  /** What is wrong beside the numbers, in words. */
  readonly details: readonly string[];
  readonly events: number;
  /** What it was about, in words: so many of what. */
  readonly summary: readonly string[];
}

export interface Known {
  /** Where the log lies. */
  readonly folder: string;
  /** What the storm holds against it. */
  storm(tallies: Tallies): readonly Check[];
  /** The containers as the last daemon knew them. */
  readonly live: string;
  /** What was answered to commands. */
  readonly answered: readonly Answered[];
  /** The paths that the agent was run for. */
  readonly runs: readonly string[];
  readonly agreement: KernelAgreement;
  readonly witness: Witness;
}

export async function reckon({
  folder,
  storm,
  live,
  answered,
  runs,
  agreement,
  witness,
}: Known): Promise<Reckoning> {
  const account = await accountOfFolder(folder, answered, runs, witness);
  const tallies = await talliesIn(folder, witness);
  const rebuilt = treeIn(account.world);
  const differing = [
    ...(live === rebuilt ? [] : [`the daemon knew ${live}, and the log makes ${rebuilt}`]),
    ...misnumbered(account.world, agreement.numbers),
  ];
  return {
    checks: [
      ...storm(tallies),
      noneCheck('gaps', tallies.gaps),
      noneCheck('commands, releases and runs that do not agree', account.wrong),
      noneCheck('containers that differ', differing),
      noneCheck('differences to the kernel', agreement.differing),
    ],
    details: [
      ...tallies.gaps.map((gap) => `gap: ${gap}`),
      ...account.wrong,
      ...differing,
      ...agreement.differing,
    ],
    events: account.events,
    summary: [
      `${account.events} events, ${tallies.births.length} births`,
      `${answered.length} commands answered`,
      `${account.releases} releases (${account.stale} stale), ${account.attempts} attempts, ${account.runs} runs`,
      `${tallies.disturbances.length} gaps by what process 1 did unseen, which are not tasktrail's`,
      `${agreement.shared} statements of the kernel compared`,
    ],
  };
}

async function talliesIn(folder: string, witness: Witness): Promise<Tallies> {
  const log = await openLogReader({ folder });
  try {
    return await tally(log, witness);
  } finally {
    await log.close();
  }
}

/** In words, the containers that have another number in the log than in the kernel; some have gone meanwhile. */
function misnumbered({ hierarchy }: World, numbers: Numbers): string[] {
  return [...numbers].flatMap(([path, number]) => {
    const container = hierarchy.container(number);
    const found = container && textOf(pathOf(container));
    return found === undefined || found === path ? [] : [`the kernel puts tasks of ${path} into ${found}`];
  });
}
