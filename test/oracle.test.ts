/**
 * The oracle in short: tasktrail and the kernel's own cgroups answer the same. `npm run oracle` runs longer.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Difference, Oracle, type OracleOptions } from '../tools/oracle/oracle.ts';
import { testNeeding } from './support/needs.ts';

const oracle = suite('oracle');
const needed = ['root', 'ebpf', 'cc', 'v1'] as const;

/** Runs one program; resolves with the difference that it found, if it did. */
async function run(options: OracleOptions, steps: number): Promise<Difference | undefined> {
  const opened = await Oracle.open(options);
  try {
    await opened.run(steps);
    return undefined;
  } catch (error) {
    if (error instanceof Difference) return error;
    throw error;
  } finally {
    await opened.close();
  }
}

for (const seed of [1, 2]) {
  testNeeding(oracle, needed, `tasktrail does what the kernel does, 300 steps of seed ${seed}`, async () => {
    const found = await run({ seed }, 300);
    assert.is(found?.message, undefined);
  });
}

for (const seed of [1, 2]) {
  const title = `tasktrail's mount does what the kernel's does, by the same system calls, 300 steps of seed ${seed}`;
  testNeeding(oracle, [...needed, 'fuse'], title, async () => {
    const found = await run({ seed, through: 'mount' }, 300);
    assert.is(found?.message, undefined);
  });
}

testNeeding(oracle, needed, 'a recorder that does not drain before it decides is found out', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const found = await run({ seed, drainBeforeDecide: false }, 2000);
    if (found === undefined) continue;
    assert.match(found.message, `npm run oracle -- --seed ${seed} --steps ${found.step}`);
    return;
  }
  assert.unreachable('10,000 steps went well without it');
});

testNeeding(oracle, needed, 'nothing is left behind', () => {
  for (const file of ['mounts', 'cgroup']) {
    assert.not.match(readFileSync(`/proc/self/${file}`, 'latin1'), `tasktrail-oracle-${process.pid}`);
  }
});

oracle.run();
