/** What one write to a container's file says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseFlag, parsePid } from '../../src/kernel/text.ts';

const text = suite('texts written to files');
const whiteSpace = '\t\n\v\f\r ';

text('a pid is decimal digits', () => {
  assert.is(parsePid('12'), 12);
  assert.is(parsePid('12\n'), 12);
  assert.is(parsePid('0'), 0);
  assert.is(parsePid('0012'), 12);
  assert.is(parsePid(`${whiteSpace}12${whiteSpace}`), 12);
  assert.is(parsePid('2147483647'), 2147483647);
});

text('every number that no task can have is one', () => {
  for (const written of ['-1', '-2147483648', '2147483648', '4294967297', `1${'0'.repeat(400)}`]) {
    assert.is(parsePid(written), -1, written);
  }
});

text('minus zero is zero', () => {
  assert.ok(Object.is(parsePid('-0'), 0));
  assert.is(parsePid('-00\n'), 0);
});

text('a pid ends at the first NUL', () => {
  assert.is(parsePid('12\0'), 12);
  assert.is(parsePid('12 \0 34'), 12);
  assert.is(parsePid('\x0012'), 'EIO');
  assert.is(parsePid('1\x002'), 1);
});

text('what does not begin with a number is EIO', () => {
  for (const written of ['x', '\n', ' ', '+1', '- 1', '--1', '.5', '\xa012', '\x1f12', 'tasks', '-']) {
    assert.is(parsePid(written), 'EIO', JSON.stringify(written));
  }
});

text('what goes on after a number is EINVAL', () => {
  for (const written of ['12 34', '12\n34\n', '12x', '0x10', '1.5', '12-', '12\xa0', '1e3']) {
    assert.is(parsePid(written), 'EINVAL', JSON.stringify(written));
  }
});

text('nothing is empty, and 4,096 bytes are the most', () => {
  assert.is(parsePid(''), 'empty');
  assert.is(parseFlag(''), 'empty');
  assert.is(parsePid('1'.padStart(4096, '0')), 1);
  assert.is(parsePid('1'.padStart(4097, '0')), 'E2BIG');
  assert.is(parsePid(`1${'\0'.repeat(4096)}`), 'E2BIG');
  assert.is(parseFlag(`${' '.repeat(4095)}1`), true);
  assert.is(parseFlag(`${' '.repeat(4096)}1`), 'E2BIG');
});

text('a flag is off when all of its digits are zeros', () => {
  for (const written of ['0', '00', '0\n', ' 0 ', '0'.repeat(4096), '0\x001']) {
    assert.is(parseFlag(written), false);
  }
  for (const written of ['1', '2', '01', '10', '1\n', ' 1 ', '18446744073709551616', '1\x00x']) {
    assert.is(parseFlag(written), true);
  }
});

text('a flag that is no number is EINVAL', () => {
  for (const written of ['x', '-1', '-0', '+1', '0x1', '\n', ' ', '0 0', '1 1', '1x', '\x001', '1\xa0']) {
    assert.is(parseFlag(written), 'EINVAL', JSON.stringify(written));
  }
});

text.run();
