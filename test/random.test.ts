/** Seeded randomness repeats itself exactly, is spread evenly and stays within its bounds. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Random, realRandom, seededRandom } from '../src/random.ts';

const random = suite('random');

function take(stream: Random, count: number): number[] {
  return Array.from({ length: count }, () => stream.bits());
}

random('a seed names one stream, for ever', () => {
  assert.equal(take(seededRandom(7), 100), take(seededRandom(7), 100));
  assert.equal(take(seededRandom(1), 3), [3230568961, 1164482472, 4214456987]);
});

random('neighbouring seeds part', () => {
  const streams = Array.from({ length: 100 }, (_, seed) => take(seededRandom(seed), 2).join());
  assert.is(new Set(streams).size, 100);
});

random('choices stay within their bounds and are spread evenly', () => {
  for (const stream of [seededRandom(1), realRandom]) {
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) {
      const choice = stream.below(5);
      counts[choice] = (counts[choice] ?? 0) + 1;
    }
    assert.is(counts.length, 5);
    for (const count of counts) assert.ok(count > 1600 && count < 2400, `${counts} is uneven`);
  }
});

random.run();
