/** How long, how much and what is left free, as a person types it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { retentionFrom } from '../../src/cli/retention.ts';
import { limitsOn } from '../../src/log/limits.ts';

const retention = suite('retention options');
const gibibyte = 2 ** 30;
const dayUs = 86_400_000_000;

retention('where nothing is typed, the lesser of two sizes counts', () => {
  const settings = retentionFrom({});
  const small = { ageUs: 28 * dayUs, sizeBytes: 5 * gibibyte, freeBytes: 7.5 * gibibyte };
  assert.equal(limitsOn(50 * gibibyte, settings), small);
  const large = { ageUs: 28 * dayUs, sizeBytes: 10 * gibibyte, freeBytes: 150 * gibibyte };
  assert.equal(limitsOn(1000 * gibibyte, settings), large);
});

retention('what is typed takes the place of the default, and none of every limit', () => {
  const typed = retentionFrom({ retain: '12h', maxSize: '1.5G', keepFree: '5%' });
  const limits = { ageUs: dayUs / 2, sizeBytes: 1.5 * gibibyte, freeBytes: 5 * gibibyte };
  assert.equal(limitsOn(100 * gibibyte, typed), limits);
  for (const none of ['none', '0']) {
    assert.equal(limitsOn(1e12, retentionFrom({ retain: none, maxSize: none, keepFree: none })), {});
  }
});

retention('what is neither is refused with what is', () => {
  for (const retain of ['28', 'd', '-1d', '1.5d', '0d', '3 fortnights']) {
    assert.throws(
      () => retentionFrom({ retain }),
      /^--retain '.*' is no time to keep things for: give one as/,
    );
  }
  for (const size of ['10', 'G', '-1G', '0G', '100%', '0%', '10GG', '1e9']) {
    const why = /'.*' is no amount of storage: give one as 500M, 10G or 10%, or none$/;
    assert.throws(() => retentionFrom({ maxSize: size }), why);
    assert.throws(() => retentionFrom({ keepFree: size }), why);
  }
});

retention.run();
