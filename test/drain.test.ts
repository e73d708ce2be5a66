/**
 * Drain before decide, on the real machine: an answer of the daemon knows of everything that had happened when it was
 * asked. `tools/drain.ts` does the same at length.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { caseNames, cases, drainedSources, lateCases, mostLate, runCase } from '../tools/drain/cases.ts';
import { Recording } from '../tools/recording.ts';
import { testNeeding } from './support/needs.ts';

const times = 500;
const undrainedTimes = 50;

for (const source of drainedSources) {
  const needs = ['root', source, 'cc'] as const;
  for (const name of caseNames) {
    const isLate = lateCases[source].includes(name);
    const knows = isLate ? 'the answer nearly always knows' : 'the answer knows';
    testNeeding(test, needs, `${cases[name]}, and ${knows}, through ${source}`, async () => {
      const { asked, wrong } = await outcome(source, true, name, times);
      assert.is(asked, times);
      assert.ok(wrong <= (isLate ? times * mostLate : 0), `${wrong} answers were wrong`);
    });

    const title = `${cases[name]}, and without the drain some answers do not know, through ${source}`;
    testNeeding(test, needs, title, async () => {
      const { wrong } = await outcome(source, false, name, undrainedTimes);
      assert.ok(wrong > 0, 'no answer was wrong');
    });
  }
}

test.run();

async function outcome(
  source: (typeof drainedSources)[number],
  drainBeforeDecide: boolean,
  name: (typeof caseNames)[number],
  times: number,
) {
  const recording = await Recording.start({ source, drainBeforeDecide });
  try {
    await recording.mkdir('/drain');
    return await runCase(recording, name, times);
  } finally {
    await recording.stop(async () => {});
  }
}
