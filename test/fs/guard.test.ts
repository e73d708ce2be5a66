/**
 * The guard's side of the daemon: it goes on whatever becomes of the guard's process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Guard } from '../../src/fs/guard.ts';
import { FakeClock } from '../support/fakeClock.ts';

const guards = suite('guard');

/** How many processes this one has started and not lost. */
function childCount(): number {
  const lists = readdirSync('/proc/self/task').map((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8'),
  );
  return lists.join('').split(' ').filter(Boolean).length;
}

guards('a guard that cannot be started is tried again at the next beat', async () => {
  const clock = new FakeClock();
  const guard = new Guard(clock);
  const before = childCount();
  const { execPath } = process;
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', hear);
  guard.watch(1);
  try {
    // No program can have this path: it fails in the call itself, as it does for want of memory.
    process.execPath = '/no\0where';
    clock.pass(1000);
  } finally {
    process.execPath = execPath;
  }
  assert.is(childCount(), before);
  clock.pass(1000);
  assert.is(childCount(), before + 1);
  await guard.close();
  assert.is(childCount(), before);
  assert.is(clock.waiting, 0);
  process.off('warning', hear);
  assert.match(String(warnings), /the guard of the mounts cannot be started/);
});

guards.run();
