/**
 * The root's `release_agent`, in the hands of a real shell: what is written to it is run from then on, also by the next
 * daemon.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/daemon.ts';
import { testNeeding } from '../support/needs.ts';
import { MountedDaemon, types } from './mountedDaemon.ts';

const releaseAgent = suite('release agent');

let daemon: MountedDaemon;
releaseAgent.before.each(() => {
  daemon = new MountedDaemon();
});
releaseAgent.after.each(async () => {
  await daemon.close();
});

testNeeding(
  releaseAgent,
  ['ebpf', 'fuse'],
  'what is written to release_agent is run from then on, is told, and outlives the daemon',
  async () => {
    const [calls, agent] = [join(daemon.data, 'calls'), join(daemon.data, 'agent')];
    assert.is(await daemon.start(), 'serves', daemon.output);
    writeFileSync(agent, `#!/bin/sh\necho "$1" >>'${calls}'\n`);
    chmodSync(agent, 0o755);
    const shell = daemon.shell('sh');
    await types(shell, [
      ['cat release_agent', '/sbin/container_release_agent'],
      ['stat -c "%a %u:%g" release_agent', '644 0:0'],
      [`/bin/echo ${agent} > release_agent; cat release_agent`, agent],
      ['tasktrail status | grep ^agent', `agent      ${agent}`],
      [
        "tasktrail log --type appoint | tr -s ' ' | cut -d ' ' -f 4-",
        `appoint the release agent is ${agent} by PID echo (uid 0)`,
      ],
      ['mkdir a; echo 1 > a/notify_on_release; (echo 0 > a/tasks)', ''],
    ]);
    await until('the agent', () => callsIn(calls) === '/a\n');
    assert.is(await daemon.stop(), 0, daemon.output);
    assert.is(await daemon.start(), 'serves', daemon.output);
    assert.match(daemon.output, `run ${agent}`);
    await types(daemon.shell('sh'), [
      ['cat release_agent; (echo 0 > a/tasks)', agent],
      ['tasktrail log --type appoint | wc -l', '1'],
    ]);
    await until('the agent', () => callsIn(calls) === '/a\n/a\n');
    assert.is(await daemon.stop(), 0, daemon.output);
    assert.is(await daemon.start('--release-agent', '/bin/true'), 'serves', daemon.output);
    await types(daemon.shell('sh'), [
      ['cat release_agent', '/bin/true'],
      ['tasktrail set / release_agent /bin/false; cat release_agent', '/bin/false'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

testNeeding(
  releaseAgent,
  ['ebpf', 'fuse'],
  'release_agent takes nothing but an absolute path, and from nobody but root',
  async () => {
    assert.is(await daemon.start(), 'serves', daemon.output);
    await types(daemon.shell('sh'), [
      ['as() { setpriv --reuid $1 --regid $1 --clear-groups sh -c "$2"; }', ''],
      ['/bin/echo agent > release_agent', '/bin/echo: write error: Invalid argument'],
      ['/bin/echo > release_agent', '/bin/echo: write error: Invalid argument'],
      ["printf '/a\\n/b\\n' > release_agent", 'sh: PID: printf: printf: I/O error'],
      ["as 1234 'echo /bin/true > release_agent' 2>&1 | grep -c 'Permission denied'", '1'],
      [
        'exec 3> release_agent; as 1234 "/bin/echo /bin/true >&3"',
        '/bin/echo: write error: Permission denied',
      ],
      ['exec 3>&-; tasktrail delegate / 1234:1234; stat -c %u . tasks release_agent', '1234\n1234\n0'],
      ["as 1234 'rm -f release_agent; mv release_agent x; chmod 666 release_agent' 2>&1 | wc -l", '3'],
      ['cat release_agent', '/sbin/container_release_agent'],
    ]);
    assert.is(await daemon.stop(), 0, daemon.output);
  },
);

releaseAgent.run();

function callsIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // There has been none.
    return '';
  }
}
