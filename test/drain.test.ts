/**
 * Drain before decide, on the real machine: an answer of the daemon knows of everything that had happened when it was
 * asked. `tools/drain.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { caseNames, cases, runCase } from '../tools/drain/cases.ts';
import { Recording } from '../tools/recording.ts';
import { testNeeding } from './support/needs.ts';

const needs = ['root', 'ebpf', 'cc'] as const;
const times = 500;
const undrainedTimes = 50;

for (const name of caseNames) {
  testNeeding(test, needs, `${cases[name]}, and the answer knows`, async () => {
    assert.equal(await outcome(true, name, times), { asked: times, wrong: 0 });
  });

  testNeeding(test, needs, `${cases[name]}, and without the drain some answers do not know`, async () => {
    const { wrong } = await outcome(false, name, undrainedTimes);
    assert.ok(wrong > 0, 'no answer was wrong');
  });
}

test.run();

async function outcome(drainBeforeDecide: boolean, name: (typeof caseNames)[number], times: number) {
  const recording = await Recording.start({ drainBeforeDecide });
  try {
    await recording.mkdir('/drain');
    return await runCase(recording, name, times);
  } finally {
    await recording.stop(async () => {});
  }
}
