/**
 * A soak in its shortest form: daemons follow each other, one is left alone and does not grow, and the log holds what
 * it has to. `tools/soak.ts` does the same for as long as is asked for.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskCheck, memoryChecks } from '../tools/soak/checks.ts';
import type { MemoryStand } from '../tools/soak/gauge.ts';
import { runSoak } from '../tools/soak/run.ts';
import { testNeeding } from './support/needs.ts';

const test = suite('soak');

testNeeding(
  test,
  ['root', 'ebpf', 'cc'],
  'a machine that goes on and on is recorded whole, by daemons that do not grow',
  async () => {
    const { checks, details, events } = await runSoak({
      seed: 1,
      seconds: 12,
      eventsPerSecond: 3000,
      tell: () => {},
    });
    assert.ok(events > 20_000, `${events} events`);
    assert.equal(details, []);
    // How fast this machine is at the moment, and what a daemon does that is new, are not what is tested here.
    const passedOver = /^events a second|^growth of the process's own memory/;
    const wrong = checks.filter(({ what, right }) => !right && !passedOver.test(what));
    assert.equal(wrong, []);
  },
);

/** Sixty readings in which the heap grows by so many bytes from one to the next. */
function stands(growth: number): MemoryStand[] {
  return Array.from({ length: 60 }, (_, i) => ({
    ...{ second: i, events: 1000 * i, sizeBytes: 20_000 * i, tasks: 100 + (i % 7), containers: 20, gaps: 0 },
    memory: { heapBytes: 50e6 + growth * i + ((i * 7919) % 500_000), ownBytes: 80e6 },
  }));
}

test('a heap that grows slowly is found out, and one that only moves is not', () => {
  assert.equal(
    memoryChecks(stands(0)).map(({ right }) => right),
    [true, true],
  );
  const [heap] = memoryChecks(stands(200_000));
  assert.is(heap?.right, false);
});

test('a disk that holds far more or far less than was computed is found out', () => {
  const [early, later] = [stands(0)[10], stands(0)[20]];
  assert.ok(early && later);
  assert.ok(diskCheck(early, later, 10_000_000, 210e6).right);
  assert.not(diskCheck(early, later, 10_000_000, 300e6).right);
  assert.not(diskCheck(early, later, 10_000_000, 120e6).right);
});

test.run();
