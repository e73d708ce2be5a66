/**
 * Errno names, and what a refused system call says.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errnoName, SystemCallError } from '../../src/system/errno.ts';

const test = suite('errno');

test('a number has its name, and one that has none is told as a number', () => {
  assert.is(errnoName(1), 'EPERM');
  assert.is(errnoName(11), 'EAGAIN');
  assert.is(errnoName(110), 'ETIMEDOUT');
  assert.is(errnoName(524), 'errno 524');
});

test('a refused call says what was tried and why it failed', () => {
  const error = new SystemCallError('opening the door', 13);
  assert.is(error.message, 'opening the door: EACCES');
  assert.is(error.errno, 'EACCES');
});

test.run();
