/**
 * What `--cmdline` and `--redact` mean, and how command lines are printed.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLinesFrom } from '../../src/cli/commandLines.ts';
import { commandLineText } from '../../src/cli/format/commandLine.ts';

const commandLines = suite('--cmdline');

commandLines('nothing is recorded unless it is asked for', () => {
  assert.is(commandLinesFrom(undefined), undefined);
  assert.throws(() => commandLinesFrom(undefined, ['x']), /--redact goes with --cmdline/);
});

commandLines('the limit may be given', () => {
  assert.equal(commandLinesFrom(true), { limitBytes: 1024, secrets: [] });
  assert.is(commandLinesFrom('4096', ['a b'])?.limitBytes, 4096);
  for (const wrong of ['0', '4097', '-1', '1k', '']) {
    assert.throws(() => commandLinesFrom(wrong), /from 1 to 4096/);
  }
});

commandLines('a pattern that is none is refused, and it is said what is wrong with it', () => {
  assert.throws(() => commandLinesFrom(true, ['(']), /--redact \(: Invalid regular expression/);
});

commandLines('a command line is printed as a shell would take it', () => {
  assert.is(
    commandLineText({ arguments: ['sh', '-c', "echo 'a'", ''], cut: false }),
    `sh -c 'echo '\\''a'\\''' ''`,
  );
  assert.is(commandLineText({ arguments: ['sleep', '10'], cut: true }), 'sleep 10…');
});

commandLines.run();
