/** Damage in every file of a recording: a short form of `npm run damage`. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runDamages } from '../tools/damage/run.ts';

test('a recorder goes on with what was damaged or says why not, and answers as before', async () => {
  const seed = 1;
  const { tally, wrong } = await runDamages({ seed, times: 16 });
  assert.equal(wrong, [], `seed ${seed}`);
  const outcomes = Object.keys(tally).join('; ');
  for (const outcome of [/begun, then begun/, /set aside, then begun/]) assert.match(outcomes, outcome);
});

test.run();
