/** What /proc says of threads that ask. */
import { spawn, spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pidMeant } from '../../src/system/pidNamespace.ts';
import { statusOfThread } from '../../src/system/taskStatus.ts';
import { testNeeding } from '../support/needs.ts';

const taskStatus = suite('task status');

taskStatus('a thread of ours has our groups and counts tasks as we do', () => {
  const { groups, sharesPids } = statusOfThread(process.pid);
  assert.equal(
    [...groups].sort(),
    (process.getgroups?.() ?? []).filter((gid) => groups.includes(gid)).sort(),
  );
  assert.ok(sharesPids);
  assert.is(pidMeant(process.pid, 1), 1);
});

taskStatus('a thread that is gone is in no groups, and counts like nobody', () => {
  const { pid } = spawnSync('true');
  assert.equal(statusOfThread(pid), { groups: [], sharesPids: false });
});

testNeeding(taskStatus, ['root'], 'a process has the groups that it was given', async () => {
  const child = spawn('setpriv', ['--groups', '7,1234', 'sh', '-c', 'echo ready; read -r line']);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.equal(statusOfThread(child.pid ?? 0), { groups: [7, 1234], sharesPids: true });
  child.kill();
});

testNeeding(
  taskStatus,
  ['root'],
  'a process in a pid namespace of its own counts otherwise, and means by a number whom it counts so',
  async () => {
    const child = spawn('unshare', ['--pid', '--fork', 'sh', '-c', 'echo ready; read -r line']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const inside = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' });
    const pid = Number(inside.stdout);
    assert.not(statusOfThread(pid).sharesPids);
    assert.is(pidMeant(pid, 1), pid);
    assert.is(pidMeant(pid, 1000), undefined);
    child.stdin.end();
  },
);

taskStatus.run();
