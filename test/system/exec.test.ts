/**
 * Becoming another program: its arguments, its descriptors, its signals, and what refusal says.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('exec');

/** Runs a Node process that replaces itself. */
function replaced(file: string, ...argv: string[]) {
  const program = fileURLToPath(new URL('./replace.ts', import.meta.url));
  const args = [...process.execArgv, program, file, ...argv];
  return spawnSync(process.execPath, args, { encoding: 'latin1', input: 'what stdin says' });
}

test('the process becomes the program: same pid, its exit code, its standard streams', () => {
  const { pid, status, stdout, stderr } = replaced('sh', 'sh', '-c', 'echo $$; cat; echo no >&2; exit 37');
  assert.is(stdout, `${pid}\nwhat stdin says`);
  assert.is(stderr, 'no\n');
  assert.is(status, 37);
});

test('a signal that the program dies of is the end of the process', () => {
  assert.is(replaced('sh', 'sh', '-c', 'kill -KILL $$').signal, 'SIGKILL');
});

test('the program gets the name and the arguments that it is given', () => {
  assert.is(replaced('printf', 'printf', '%s,', 'a b', '', 'caf\u00e9').stdout, 'a b,,caf\xc3\xa9,');
  assert.is(replaced('printf', 'printf', '%s', 'caf\\xe9').stdout, 'caf\xe9');
  assert.is(replaced('/bin/sh', 'strange', '-c', 'printf %s "$0"').stdout, 'strange');
});

test('no signal is ignored or blocked, and the standard streams block', () => {
  const { stdout } = replaced(
    'cat',
    'cat',
    '/proc/self/status',
    '/proc/self/fdinfo/0',
    '/proc/self/fdinfo/1',
  );
  assert.match(stdout, /^SigIgn:\t0+$/m);
  assert.match(stdout, /^SigBlk:\t0+$/m);
  const flags = [...stdout.matchAll(/^flags:\t([0-7]+)$/gm)].map(([, octal = '']) =>
    Number.parseInt(octal, 8),
  );
  assert.is(flags.length, 2);
  for (const flag of flags) assert.is(flag & 0o4000, 0);
});

test('a program that cannot be executed leaves an errno', () => {
  assert.is(replaced('/nowhere/at/all', 'x').stdout, 'ENOENT');
  assert.is(replaced('/', 'x').stdout, 'EACCES');
  assert.is(replaced('', 'x').stdout, 'ENOENT');
});

test.run();
