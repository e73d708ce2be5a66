/**
 * The polling source: looks when it is time to, or when somebody knows more than it, and finds what is there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation, TaskSeen } from '../../src/ports.ts';
import { openPollingSource } from '../../src/sources/polling.ts';
import { lookAtTask } from '../../src/sources/proc.ts';
import { FakeClock } from '../support/fakeClock.ts';

const test = suite('polling source');

const intervalMs = 1000;

function ground() {
  const clock = new FakeClock();
  const source = openPollingSource({ clock, intervalMs });
  /** What one drain finds; undefined where it was not yet time to look. */
  const found = (): readonly TaskSeen[] | undefined => {
    const seen: Observation[] = [];
    assert.is(
      source.drain((observation) => seen.push(observation)),
      seen.length,
    );
    const [looked] = seen;
    return looked?.type === 'looked' ? looked.tasks : undefined;
  };
  return { clock, source, found };
}

test('it looks once an interval, and tells all tasks each time', () => {
  const { clock, found } = ground();
  assert.is(found(), undefined);
  clock.pass(intervalMs - 1);
  assert.is(found(), undefined);
  clock.pass(1);
  const self = found()?.find(({ pid }) => pid === process.pid);
  assert.equal(self, lookAtTask(process.pid));
  assert.is(found(), undefined);
});

test('where they are asked for, its looks tell command lines', () => {
  const clock = new FakeClock();
  const source = openPollingSource({ clock, intervalMs, commandLines: { limitBytes: 4, secrets: [] } });
  const self = [...source.scan()].find(({ pid }) => pid === process.pid);
  assert.is(self?.commandLine?.cut, true);
});

test('a look that somebody else takes counts', () => {
  const { clock, source, found } = ground();
  clock.pass(intervalMs - 1);
  for (const _ of source.scan());
  clock.pass(1);
  assert.is(found(), undefined);
});

test('a task that is asked for and was not found has the next drain look at once', async () => {
  const { source, found } = ground();
  for (const _ of source.scan());
  const child = spawn('sleep', ['60']);
  try {
    await once(child, 'spawn');
    assert.is(found(), undefined);
    assert.is(source.look(child.pid ?? 0)?.pid, child.pid);
    assert.ok(found()?.some(({ pid }) => pid === child.pid));
    // Now it is known.
    source.look(child.pid ?? 0);
    assert.is(found(), undefined);
  } finally {
    child.kill();
  }
});

test('it wakes when the next look is due', () => {
  const { clock, source } = ground();
  let woken = 0;
  source.wake(() => {
    woken += 1;
  });
  clock.pass(intervalMs - 1);
  assert.is(woken, 0);
  clock.pass(2);
  assert.is(woken, 1);
  source.wake(() => {
    woken += 1;
  });
  source.close();
  clock.pass(10 * intervalMs);
  assert.is(woken, 1);
});

test('it says what it does not see, and how far apart its looks are', () => {
  const { source } = ground();
  assert.match(source.blind, /what lives between two looks at \/proc, which are 1 s apart/);
  assert.is(source.lost(), 0);
  assert.equal(source.hierarchies(), []);
});

test.run();
