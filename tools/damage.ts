/**
 * Damage: `npm run damage -- --times 2000`. A recording with snapshots, lifelines and a page of the index is damaged in one
 * place after the other, in each of its files in turn: a bit is flipped, 4 KiB are zeros, or the rest is missing. Whatever
 * it is, a recorder has to go on with it or say in a sentence why not, twice, and what is answered has to be what was
 * answered before. Prints its seed; ends with 1 when anything is wrong.
 */
import { runDamages } from './damage/run.ts';
import { runRepeated } from './repeated.ts';

await runRepeated(500, runDamages, ({ seed, times }, tally) => [
  `seed ${seed}: ${times} damages`,
  ...Object.entries(tally)
    .sort()
    .map(([what, count]) => `  ${count} ${what}`),
]);
