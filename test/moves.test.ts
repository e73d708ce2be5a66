/** Exports and imports that are killed leave nothing that looks whole and is not. `tools/moves.ts` does the same at length. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runMoves } from '../tools/moves/run.ts';

test('exports and imports that are killed at any time leave all of it or nothing that looks so', async () => {
  const { tally, wrong } = await runMoves({ seed: 7, times: 6 });
  assert.equal(wrong, [], JSON.stringify(tally));
});

test.run();
