/**
 * What of a command line is told, and what never is.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLineOf } from '../../src/sources/commandLines.ts';

const commandLines = suite('command lines');

/** The command line that stands in memory as these words, as it is told. */
function told(words: readonly string[], limitBytes = 100, ...secrets: RegExp[]) {
  const bytes = words.map((word) => `${word}\0`).join('');
  const { arguments: kept = undefined, cut = false } =
    commandLineOf(bytes.slice(0, limitBytes), bytes.length, { limitBytes, secrets }) ?? {};
  return kept === undefined ? undefined : { words: kept.split('\0'), cut };
}

commandLines('arguments are told as they are, empty ones too but for those at the end', () => {
  assert.equal(told(['sh', '-c', 'echo \xff']), { words: ['sh', '-c', 'echo \xff'], cut: false });
  assert.equal(told(['sh', '', 'x', '', '']), { words: ['sh', '', 'x'], cut: false });
});

commandLines('a task of the kernel has none', () => {
  assert.is(told([]), undefined);
});

commandLines('what is longer than the limit is cut, and says so', () => {
  assert.equal(told(['sleep', '1000'], 8), { words: ['sleep', '10'], cut: true });
  assert.equal(told(['sleep', '1'], 8), { words: ['sleep', '1'], cut: false });
});

commandLines('a secret is replaced, in one argument or across two', () => {
  const password = /(?<=--password[= ])\S+/gu;
  const one = told(['db', '--password=hunter2', '-v'], 100, password);
  assert.equal(one?.words, ['db', '--password=[redacted]', '-v']);
  const two = told(['db', '--password', 'hunter2', '-v'], 100, password);
  assert.equal(two?.words, ['db', '--password', '[redacted]', '-v']);
});

commandLines('every match of every pattern is replaced, also behind text that is not ASCII', () => {
  const all = told(['x', 'gr\xc3\xbcn a1 b2 a3'], 100, /a\d/gu, /b\d/gu);
  assert.equal(all?.words, ['x', 'gr\xc3\xbcn [redacted] [redacted] [redacted]']);
});

commandLines('no byte changes that no pattern matches, be it text or not', () => {
  const words = ['x', '\xef\xbb\xbf\xff\xfe\xc3\xbc\xf0\x9f\x98\x80\xed\xa0\x80\xc0\x80\xe2\x82'];
  assert.equal(told(words, 100, /q*/gu)?.words, words);
  assert.equal(told([...words, 'secret'], 100, /secret/gu)?.words, [...words, '[redacted]']);
});

commandLines.run();
