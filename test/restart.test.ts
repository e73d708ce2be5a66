/**
 * Daemons that follow each other while storms go on: what happens between them is in the log, once, where it belongs.
 * `tools/restart.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runRestarts } from '../tools/restart/run.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'cc'] as const;
const short = { seconds: 5, times: 4 } as const;

for (const change of [false, true]) {
  const who = change ? 'daemons that are each asked for something else than the one before' : 'daemons';
  testNeeding(test, needs, `${who}, stopped and killed in the middle of a storm, leave no hole`, async () => {
    const result = await runRestarts({ ...short, seed: 1, pin: true, change });
    const { stops, kills, checks, agreement, gaps } = result;
    assert.ok(stops > 0 && kills > 0, `only ${stops} were stopped and ${kills} killed`);
    assert.equal(gaps, []);
    assert.equal(
      checks.filter(({ right }) => !right),
      [],
    );
    assert.equal(agreement.leftOver, []);
    assert.equal(agreement.missing, []);
  });
}

testNeeding(
  test,
  needs,
  'without pins each restart is a gap, and storms are not recorded whole',
  async () => {
    const { stops, kills, checks, gaps } = await runRestarts({
      ...short,
      seed: 2,
      pin: false,
      change: false,
    });
    assert.ok(gaps.length >= stops + kills, `${gaps.length} gaps`);
    assert.ok(checks.some(({ right }) => !right));
  },
);

test.run();
