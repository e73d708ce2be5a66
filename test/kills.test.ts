/** A log that is killed while it is kept is sound, and so is what lies beside it. `tools/kills.ts` does the same at length. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runKills } from '../tools/kills/run.ts';

test('whatever a process was at with a log when it was killed, nothing that was answered is missing or wrong', async () => {
  const seed = 3;
  const { tally, wrong } = await runKills({ seed, times: 6 });
  assert.equal(wrong, [], `seed ${seed}: ${JSON.stringify(tally)}`);
});

test.run();
