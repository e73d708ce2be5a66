/**
 * Powercut: `npm run powercut -- --images 10000`. Opens what losses of power would leave of a log, and holds it against
 * what was answered: nothing of that may be missing, and nothing may be there that was not appended. With `--no-sync`
 * syncs count for nothing, and it has to find losses. Prints its seeds: the workload and what each loss keeps follow from
 * them, the order in which threads of it reach the kernel does not, so that `--keep FOLDER` keeps what is wrong. Ends
 * with 1 when anything is missing or wrong, or an image does not open.
 */
import { parseArgs } from 'node:util';
import { realRandom } from '../src/random.ts';
import { runPowerCuts } from './powercut/run.ts';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    keep: { type: 'string' },
    'no-sync': { type: 'boolean', default: false },
  },
});
const images = Number(values.images);
if (!(images > 0)) throw new Error(`--images is ${values.images}: give a number above 0`);

/** One seed's share. */
const workloads = 5;
const imagesOfWorkload = 200;
const commits = 300;
const shownFaults = 5;

const totals = { sound: 0, refused: 0, missing: 0, wrong: 0 };
for (let done = 0; done < images; done += workloads * imagesOfWorkload) {
  const seed = values.seed === undefined ? realRandom.bits() : Number(values.seed);
  const result = await runPowerCuts({
    seed,
    workloads,
    commits,
    images: Math.min(imagesOfWorkload, Math.ceil((images - done) / workloads)),
    syncs: !values['no-sync'],
    ...(values.keep !== undefined && { keep: values.keep }),
  });
  const { verdicts, faults } = result;
  console.log(
    `seed ${seed}: ${result.operations} operations, ${result.syncs} syncs, ${result.tables} tables, ${result.answered} events answered; ` +
      `of the images ${verdicts.sound} are sound, ${verdicts.refused} do not open, ` +
      `in ${verdicts.missing} something is missing, in ${verdicts.wrong} wrong`,
  );
  for (const fault of faults.slice(0, shownFaults)) console.log(`  ${fault}`);
  if (faults.length > shownFaults) console.log(`  and ${faults.length - shownFaults} more`);
  for (const kind of ['sound', 'refused', 'missing', 'wrong'] as const) totals[kind] += verdicts[kind];
}
console.log(
  `\n${totals.missing} missing, ${totals.wrong} wrong, ${totals.refused} that say they are not sound`,
);
process.exitCode = totals.missing + totals.wrong + totals.refused === 0 ? 0 : 1;
