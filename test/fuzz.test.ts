/**
 * The mount's protocol under messages that the kernel would never send. `npm run fuzz` sends more; a seed that has once
 * found something is kept here.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzz } from '../tools/fuzz/run.ts';

const keptSeeds: readonly number[] = [1, 2, 3];
const messages = 10_000;

for (const seed of keptSeeds) {
  test(`${messages} messages of seed ${seed} break nothing, and some of them are sound`, async () => {
    const { decided, replies } = await fuzz(seed, messages);
    assert.ok(decided > 50, `only ${decided} commands`);
    assert.ok(replies > messages / 2, `only ${replies} replies`);
  });
}

test.run();
