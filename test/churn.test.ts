/**
 * A churn of groups and tasks in a v1 and in the v2 hierarchy: what the recorder knows of them at the end is what the
 * kernel says. `tools/churn.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WithoutGroupsOfForks } from '../tools/churn/blindfold.ts';
import { runChurn } from '../tools/churn/run.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'cc', 'v1', 'v2'] as const;
const short = { seed: 1, seconds: 1, rounds: 1 } as const;

testNeeding(test, needs, 'after a churn every task and group is where the kernel says', async () => {
  const { counts, differences, gaps, isRebuilt } = await runChurn(short);
  for (const word of ['moves', 'made', 'renamed', 'removed', 'forks', 'into', 'execs']) {
    assert.ok((counts.get(word) ?? 0) > 0, `the churn has done nothing of ${word}`);
  }
  assert.equal(differences, []);
  assert.equal(
    gaps.filter(({ explanation }) => explanation === undefined),
    [],
  );
  assert.ok(isRebuilt, 'the log makes the same world again');
});

testNeeding(test, needs, 'a recorder that takes over in the middle of a churn knows it all', async () => {
  const { differences, gaps, isRebuilt } = await runChurn({ ...short, restart: true });
  assert.equal(differences, []);
  assert.ok(isRebuilt, 'the log makes the same world again');
  assert.is(gaps.filter(({ reason }) => reason === 'stopped').length, 1);
  assert.equal(
    gaps.filter(({ reason, explanation }) => reason !== 'stopped' && explanation === undefined),
    [],
  );
});

testNeeding(test, needs, 'what is lost of a churn is looked up', async () => {
  const { differences, gaps } = await runChurn({ ...short, ringBytes: 16_384 });
  assert.equal(differences, []);
  assert.ok(gaps.some(({ reason }) => reason === 'overflow'));
});

testNeeding(
  test,
  needs,
  'without the groups that tasks are born into, a churn shows differences',
  async () => {
    const { differences } = await runChurn({
      ...short,
      // A look at the machine, which nonsense brings about, heals what it finds; not in all rounds it comes last.
      rounds: 4,
      untilDifference: true,
      blindfold: (source) => new WithoutGroupsOfForks(source),
    });
    assert.ok(differences.length > 0);
  },
);

test.run();
