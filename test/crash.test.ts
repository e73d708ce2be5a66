/**
 * Daemons that are killed under commands, releases and forks: what was answered is there, and each release's agent has
 * run. `tools/crash.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCrashes } from '../tools/crash/run.ts';
import { testNeeding } from './support/needs.ts';

testNeeding(
  test,
  ['root', 'ebpf'],
  'daemons that are killed lose nothing that was answered or released',
  async () => {
    const { wrong, gaps, answered, releases } = await runCrashes({ seed: 1, times: 5, pin: true });
    assert.ok(answered > 0 && releases > 0, `${answered} commands and ${releases} releases`);
    assert.equal(wrong, []);
    assert.equal(gaps, []);
  },
);

test.run();
