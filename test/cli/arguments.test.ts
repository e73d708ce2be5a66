/**
 * Arguments arrive unharmed, in whatever encoding they were typed, and folders and hints follow from them.
 */
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { argumentsAsText, typedBytes, typedText } from '../../src/cli/arguments.ts';
import { defaultFolder, folderFrom, invocation, quoted } from '../../src/cli/dataFolder.ts';

const args = suite('arguments');

const neverAsked = (): Uint8Array => {
  throw new Error('the command line was read without need');
};

args('what is UTF-8 is taken as Node decoded it, and a typed backslash means itself', () => {
  const typed = argumentsAsText(['tree', '/Zoë', 'a\\x41', 'tab\there'], neverAsked);
  assert.equal(typed, ['tree', '/Zoë', 'a\\x5cx41', 'tab\\x09here']);
  assert.equal(typed.map(typedText), ['tree', '/Zoë', 'a\\x41', 'tab\there']);
});

args('what is not UTF-8 comes from the raw command line, from its end', () => {
  const raw = Buffer.concat([
    Buffer.from('node\0--no-warnings\0main.js\0mkdir\0/caf'),
    Buffer.from([0xe9, 0]),
    Buffer.from('\0/Zoë\0'),
  ]);
  const typed = argumentsAsText(['mkdir', '/caf\ufffd', '', '/Zoë'], () => raw);
  assert.equal(typed, ['mkdir', '/caf\\xe9', '', '/Zoë']);
  assert.is(typedBytes(typed[1] ?? ''), '/caf\xe9');
  assert.is(typedText(typed[1] ?? ''), undefined);
});

args('bytes survive the way through a real process', () => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { argumentsAsText } from ${JSON.stringify(new URL('../../src/cli/arguments.ts', import.meta.url).href)};
    process.stdout.write(JSON.stringify(
      argumentsAsText(process.argv.slice(2), () => readFileSync('/proc/self/cmdline'))));`;
  // A shell, since Node itself can pass nothing but UTF-8 to a child.
  const script = `printf '%s' "$PROGRAM" > "$FOLDER/main.mts" && exec "$NODE" --import tsx "$FOLDER/main.mts" mkdir "$(printf '/caf\\351')"`;
  const folder = spawnSync('mktemp', ['-d'], { encoding: 'utf8' }).stdout.trim();
  const run = spawnSync('sh', ['-c', script], {
    encoding: 'utf8',
    env: { ...process.env, PROGRAM: program, FOLDER: folder, NODE: process.execPath },
  });
  spawnSync('rm', ['-r', folder]);
  assert.equal(JSON.parse(run.stdout), ['mkdir', '/caf\\xe9'], run.stderr);
});

args('the folder is the one that is named, else the environment’s, else the usual place', () => {
  assert.is(defaultFolder({ TASKTRAIL_DATA: '/data' }, true), '/data');
  assert.is(defaultFolder({}, true), '/var/lib/tasktrail');
  assert.is(defaultFolder({ XDG_STATE_HOME: '/state' }, false), '/state/tasktrail');
  assert.match(defaultFolder({ XDG_STATE_HOME: 'relative' }, false), /^\/.*\/\.local\/state\/tasktrail$/);
  assert.equal(folderFrom('/a/../b', {}, true), { path: '/b', typed: '/a/../b' });
  assert.throws(() => folderFrom('/caf\\xe9', {}, true), /is not UTF-8/);
  assert.throws(() => folderFrom('', {}, true), /names no folder/);
});

args('a hint can be typed as it stands', () => {
  const usual = { path: '/var/lib/tasktrail', typed: '' };
  const special = { path: '/x/my data', typed: 'my data' };
  assert.is(invocation('tree', usual, {}), 'tasktrail tree');
  assert.is(invocation('log --follow', special, {}), "tasktrail log --data 'my data' --follow");
  assert.is(invocation('tree', usual, { npm_command: 'exec' }), 'npx tasktrail tree');
  assert.is(quoted("it's"), "'it'\\''s'");
});

args.run();
