/**
 * One run of restarts: storms make and end tasks inside of two containers, and count them, while one daemon after the
 * other is stopped or killed at a random instant and followed by the next. In the end the log has to hold exactly what
 * the storms have counted, each in its container, without a gap.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openLogReader } from '../../src/log/openLog.ts';
import { type Random, seededRandom } from '../../src/random.ts';
import { Stage } from '../recording.ts';
import { type Agreement, agreementOf } from '../storm/agreement.ts';
import { FirstProcess, type Witness } from '../storm/firstProcess.ts';
import { againPhase, type Check, mixedPhase } from '../storm/phases.ts';
import { tally } from '../storm/tally.ts';
import { PatientReader } from './patientReader.ts';
import { Restarter, type Restarts } from './restarter.ts';
import { SuccessiveDaemons } from './successive.ts';

export interface RestartOptions {
  readonly seed: number;
  /** How long the storms go on; as many restarts happen as fit, at most `times`. */
  readonly seconds: number;
  readonly times: number;
  /** Off only to show that it is needed. */
  readonly pin: boolean;
  /** Each daemon is asked for something else, so that its programs take over from those of the one before. */
  readonly change: boolean;
}

export interface RestartResult extends Restarts {
  readonly checks: readonly Check[];
  readonly agreement: Agreement;
  readonly gaps: readonly string[];
  /** How many more gaps process 1 is known to have caused; what happened in these is not counted either. */
  readonly disturbances: number;
  readonly births: number;
}

const longestDaemonMs = 700;
/** What daemons are asked for: a ring, trees to mirror, and command lines, in any combination. */
const choices: readonly (readonly (readonly string[])[])[] = [
  [
    ['--ring-size', '16M'],
    ['--ring-size', '32M'],
    ['--ring-size', '64M'],
  ],
  [[], ['--mirror', 'none'], ['--mirror', 'cpuset'], ['--mirror', 'cpuset', '--mirror', 'v2']],
  [[], ['--cmdline'], ['--cmdline', '64']],
];

/** So long before the storms end no other restart is begun. */
const lastRestartMs = 2000;

export async function runRestarts(options: RestartOptions): Promise<RestartResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-restart-'));
  const daemons = new SuccessiveDaemons(folder, [
    ...['--release-agent', '/bin/true'],
    ...(options.pin ? [] : ['--no-pin']),
  ]);
  const firstProcess = new FirstProcess();
  try {
    return await runOn(daemons, firstProcess, options);
  } finally {
    firstProcess.stop();
    await daemons.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runOn(
  daemons: SuccessiveDaemons,
  witness: Witness,
  { seed, seconds, times, change }: RestartOptions,
): Promise<RestartResult> {
  const random = seededRandom(seed);
  const asked = (): readonly string[] => (change ? someOf(random) : []);
  await daemons.start(asked());
  const reader = new PatientReader(daemons.folder);
  const stage = new Stage(daemons.folder, reader);
  const endMs = performance.now() + 1000 * seconds - lastRestartMs;
  const storms = Promise.all([mixedPhase, againPhase].map((phase) => phase.run(stage, seconds)));
  // What is wrong with a storm is told when the restarts are over.
  storms.catch(() => {});
  for (const { name } of [mixedPhase, againPhase]) await reader.untilPopulated(`/${name}`);
  const restarts = new Restarter(daemons, random, asked);
  for (let i = 0; i < times && performance.now() < endMs; i++) {
    await setTimeout(random.below(longestDaemonMs));
    await restarts.next();
  }
  const checksOf = await storms;
  const agreement = await agreementOf(daemons.reader);
  await daemons.down(true);
  const log = await openLogReader({ folder: daemons.folder });
  try {
    const tallies = await tally(log, witness);
    const { gaps, disturbances, births } = tallies;
    return {
      ...restarts.counts,
      checks: checksOf.flatMap((check) => check(tallies)),
      agreement,
      gaps,
      disturbances: disturbances.length,
      births: births.length,
    };
  } finally {
    await log.close();
  }
}

function someOf(random: Random): string[] {
  return choices.flatMap((each) => each[random.below(each.length)] ?? []);
}
