import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realClock } from '../src/clock.ts';

const test = suite('clock');

test('the boot clock is the uptime in microseconds, and does not run backwards', () => {
  const clock = realClock();
  const uptimeUs = () => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1_000_000;
  const before = uptimeUs();
  const first = clock.bootUs();
  const second = clock.bootUs();
  // /proc tells hundredths of a second, cut off.
  assert.ok(first >= before && second >= first && uptimeUs() + 10_000 >= second);
  assert.ok(Number.isSafeInteger(first));
});

test('the wall clock is the time since the epoch in microseconds', () => {
  const before = Date.now();
  const wallUs = realClock().wallUs();
  assert.ok(Number.isSafeInteger(wallUs));
  assert.ok(wallUs >= before * 1000 && wallUs < (Date.now() + 1) * 1000);
});

test('what was put off is done, unless it is cancelled', async () => {
  const clock = realClock();
  const done: string[] = [];
  const cancel = clock.after(1, () => done.push('cancelled'));
  cancel();
  await new Promise<void>((resolve) => clock.after(5, resolve));
  assert.equal(done, []);
});

test.run();
