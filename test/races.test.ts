/**
 * Fork races through the mount: whoever forks and at once reads its container's tasks finds all that have been made.
 * `npm run races` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runRaces } from '../tools/races/run.ts';
import { testNeeding } from './support/needs.ts';

const needed = ['root', 'ebpf', 'fuse', 'cc'] as const;

testNeeding(test, needed, 'what was forked is listed and what was reaped is not, 300 times', async () => {
  const { asked, missed } = await runRaces(300, true);
  assert.ok(asked > 300 * 10, `only ${asked} answers`);
  assert.is(missed, 0);
});

testNeeding(test, needed, 'without the drain some answers are wrong', async () => {
  const { missed } = await runRaces(50, false);
  assert.ok(missed > 0, 'no answer was wrong');
});

test.run();
