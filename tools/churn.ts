/**
 * Churn: `npm run churn -- --runs 10 --seed 1 --seconds 6`. Programs make, rename and remove groups of a v1 and of the
 * v2 cgroup hierarchy and move tasks among them while others fork; a recorder that starts in the middle of it must
 * know at the end what the kernel knows. A run in which too little was moved, less than 10,000 in 6 seconds, proves nothing
 * and is not right. One more run in which it is not told into which groups a task is born must
 * show differences, or the comparison could not. Prints each run; ends with 1 when anything is not so.
 *
 * `--mirror cpuset,memory` mirrors these as well. `--restart` has another recorder take over in each round, and
 * `--ring 65536` has a ring of so few bytes that much is lost: then there are gaps, and nothing may differ either.
 */
import { parseArgs } from 'node:util';
import { textOf } from '../events/bytes.ts';
import type { GapReason } from '../events/event.ts';
import { WithoutGroupsOfForks } from './churn/blindfold.ts';
import { type ExplainedGap, type Run, type RunOptions, runChurn } from './churn/run.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    mirror: { type: 'string', default: '' },
    ring: { type: 'string' },
    restart: { type: 'boolean', default: false },
  },
});
const runs = wholeNumber('runs', 1);
const firstSeed = wholeNumber('seed', 0);
const options = {
  seconds: wholeNumber('seconds', 1),
  rounds: wholeNumber('rounds', 1),
  mirror: values.mirror.split(',').filter((name) => name !== ''),
  restart: values.restart,
  ...(values.ring !== undefined && { ringBytes: wholeNumber('ring', 1) }),
};
/** Of gaps of other reasons there may be none. */
const expectedGaps = new Set<GapReason>([
  ...(options.restart ? ['stopped' as const] : []),
  ...(options.ringBytes === undefined ? [] : ['overflow' as const]),
]);
const shownDifferences = 10;
/** 10,000 in a run of the usual 6 seconds. */
const leastMoves = Math.ceil((10_000 / 6) * options.seconds);

let wrong = 0;
for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
  const run = await runAndPrint(seed, options);
  const isRight =
    run.differences.length === 0 &&
    run.isRebuilt &&
    movesOf(run) >= leastMoves &&
    run.gaps.every(({ reason, explanation }) => expectedGaps.has(reason) || explanation !== undefined);
  if (!isRight) wrong += 1;
}
console.log('\nwithout the groups that tasks are born into:');
const blind = await runAndPrint(firstSeed, {
  ...options,
  blindfold: (source) => new WithoutGroupsOfForks(source),
});
const canFail = blind.differences.length > 0;
console.log(
  `\n${runs - wrong} of ${runs} runs are right; without these groups differences ${canFail ? 'are' : 'are NOT'} found`,
);
process.exitCode = wrong === 0 && canFail ? 0 : 1;

async function runAndPrint(seed: number, rest: Omit<RunOptions, 'seed'>): Promise<Run> {
  const run = await runChurn({ seed, ...rest });
  const count = (word: string): string => (run.counts.get(word) ?? 0).toLocaleString('en');
  console.log(
    [
      `seed ${seed}: ${count('moves')} moves; ${count('made')} groups made, ${count('renamed')} renamed, ${count('removed')} removed`,
      `  ${count('forks')} forks, ${count('into')} of them with CLONE_INTO_CGROUP; ${count('threads')} threads, ${count('execs')} execs by threads`,
      `  ${run.events.toLocaleString('en')} events, ${run.gaps.length} gaps${run.gaps.map(gapText).join('')}`,
      `  ${run.compared.join(', ')} sentences compared: ${run.differences.length} differences`,
      ...run.differences.slice(0, shownDifferences).map((difference) => `    ${textOf(difference)}`),
      ...(run.differences.length > shownDifferences ? ['    …'] : []),
      ...(run.isRebuilt ? [] : ['  the log does NOT make the same world again']),
      ...(movesOf(run) >= leastMoves
        ? []
        : [`  that are too FEW moves: ${leastMoves.toLocaleString('en')} are needed`]),
    ].join('\n'),
  );
  return run;
}

function movesOf({ counts }: Run): number {
  return counts.get('moves') ?? 0;
}

function gapText({ reason, lost, detail, explanation }: ExplainedGap): string {
  const whose = explanation === undefined ? '' : ` (none of the churn's: ${explanation})`;
  return `\n    ${reason}${lost === 0 ? '' : `, ${lost} lost`}${detail === '' ? '' : `: ${detail}`}${whose}`;
}

function wholeNumber(name: keyof typeof values, least: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${name} is ${values[name]}: give a whole number of at least ${least}`);
}
