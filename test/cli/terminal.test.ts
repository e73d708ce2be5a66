/**
 * The terminal: what goes to which stream, in which order, and when there is colour.
 */
import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal, wantsColour } from '../../src/cli/terminal.ts';

const terminal = suite('terminal');

/** Two streams that write into one list, as a terminal has them. */
function streams(isTTY: boolean) {
  const written: string[] = [];
  const stream = (name: string): NodeJS.WriteStream => {
    const writable = new Writable({
      write(chunk, _encoding, done) {
        written.push(`${name}: ${chunk}`);
        done();
      },
    });
    return Object.assign(writable, { isTTY }) as unknown as NodeJS.WriteStream;
  };
  return { written, output: stream('out'), errors: stream('err') };
}

terminal('what is told comes after what was printed before it', () => {
  const { written, output, errors } = streams(false);
  const { print, tell, flush } = openTerminal(output, errors, {});
  print('a');
  print('b');
  tell('c');
  print('d');
  flush();
  assert.equal(written, ['out: a\nb\n', 'err: c\n', 'out: d\n']);
});

terminal('printed lines are written out without being asked for', async () => {
  const { written, output, errors } = streams(false);
  openTerminal(output, errors, {}).print('a');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(written, ['out: a\n']);
});

terminal('progress is shown to a terminal only, and wiped before anything else', () => {
  const piped = streams(false);
  openTerminal(piped.output, piped.errors, {}).progress('half');
  assert.equal(piped.written, []);
  const shown = streams(true);
  const { progress, tell } = openTerminal(shown.output, shown.errors, {});
  progress('half');
  tell('done');
  assert.equal(shown.written, ['err: half', 'err: \r\x1b[K', 'err: done\n']);
});

terminal('there is colour on a terminal, and not where somebody has said no', () => {
  assert.is(wantsColour(true, {}), true);
  assert.is(wantsColour(false, {}), false);
  assert.is(wantsColour(true, { NO_COLOR: '1' }), false);
  assert.is(wantsColour(true, { NO_COLOR: '' }), true);
  assert.is(wantsColour(true, { TERM: 'dumb' }), false);
});

terminal.run();
