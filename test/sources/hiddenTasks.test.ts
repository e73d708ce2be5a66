/**
 * Whether /proc hides tasks, by how it is mounted.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hidesTasks, isRestricted } from '../../src/sources/hiddenTasks.ts';
import { testNeeding } from '../support/needs.ts';

const test = suite('hidden tasks');

const mounted = (point: string, superOptions: string): string =>
  `26 30 0:23 / ${point} rw,nosuid - proc proc rw${superOptions}\n`;

test('only the option of /proc itself hides, in either spelling', () => {
  assert.not.ok(isRestricted(mounted('/proc', '')));
  assert.not.ok(isRestricted(mounted('/proc', ',hidepid=0')));
  assert.not.ok(isRestricted(mounted('/proc', ',hidepid=off')));
  assert.ok(isRestricted(mounted('/proc', ',hidepid=2')));
  assert.ok(isRestricted(mounted('/proc', ',gid=5,hidepid=invisible')));
  assert.not.ok(isRestricted(mounted('/chroot/proc', ',hidepid=2') + mounted('/proc', '')));
});

testNeeding(test, ['root'], 'nothing is hidden from root', () => {
  assert.is(hidesTasks(), false);
});

test.run();
