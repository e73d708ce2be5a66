/**
 * What is asked about the present: trees side by side, what is in them, where a task is in each.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pathOfPid, recordingOf, tasksIn, treeOf } from '../../src/engine/reads.ts';
import { isRefusal, type Refusal } from '../../src/kernel/errno.ts';
import { Mirrored } from '../support/mirrored.ts';

const reads = suite('reads');

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const scope = `/system.slice/docker-${id}.scope`;

/** nginx with a worker below it, and a container of docker, in v2; a shell in our own /Charlie. */
function machine(): Mirrored {
  const here = new Mirrored('v2', 'memory');
  here.mkdir('tasktrail', '/Charlie');
  here.mkdir('v2', '/system.slice/nginx.service/worker');
  here.mkdir('v2', scope);
  here.call('v2', scope, 'web');
  here.fork(70, 'sh');
  here.move(70, 'tasktrail', '/Charlie');
  here.fork(80, 'nginx', { v2: '/system.slice/nginx.service' });
  here.fork(82, 'nginx', { v2: '/system.slice/nginx.service/worker' });
  here.fork(81, 'nginx', { v2: '/system.slice/nginx.service/worker' });
  return here;
}

function answered<T extends object>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(`${answer.errno}: ${answer.saw}`);
  return answer;
}

reads('our own tree and v2 are shown one after the other, each container with its name', () => {
  const views = answered(treeOf(machine().world, { at: '/' }, 0));
  assert.equal(
    views.map(({ tree, path, name, kind, called, tasks, populated }) =>
      [tree, path, tasks, populated ? 'populated' : 'empty', name, kind, called].filter(Boolean).join(' '),
    ),
    [
      'tasktrail / 4 populated',
      'tasktrail /Charlie 1 populated',
      'v2 / 2 populated',
      'v2 /system.slice populated system.slice slice',
      `v2 ${scope} empty docker/${id} container web`,
      'v2 /system.slice/nginx.service 1 populated nginx.service unit',
      'v2 /system.slice/nginx.service/worker 2 populated',
    ],
  );
});

reads('a part of a tree is shown by its path or its name, in the tree that has it', () => {
  const { world } = machine();
  for (const at of ['/system.slice/nginx.service', 'nginx.service']) {
    const views = answered(treeOf(world, { at }, 0));
    assert.equal(
      views.map(({ tree, path }) => `${tree} ${path}`),
      ['v2 /system.slice/nginx.service', 'v2 /system.slice/nginx.service/worker'],
    );
  }
  assert.equal(treeOf(world, { at: 'nginx.service', tree: 'memory' }, 0), {
    errno: 'ENOENT',
    saw: 'no such container',
  });
});

reads('what the tasks that ended in a container had used is summed up, in every tree', () => {
  const here = machine();
  here.oom(81);
  here.exit(81, { signal: 9, cpuUs: 1500, peakBytes: 4096 });
  here.exit(82, { cpuUs: 500, peakBytes: 8192 });
  const usageIn = (at: string, tree: string) => answered(treeOf(here.world, { at, tree }, 0))[0]?.usage;
  assert.equal(usageIn('/system.slice/nginx.service/worker', 'v2'), {
    cpuUs: 2000,
    peakBytes: 8192,
    ooms: 1,
  });
  assert.equal(usageIn('/system.slice/nginx.service', 'v2'), { cpuUs: 0, peakBytes: 0, ooms: 0 });
  assert.equal(usageIn('/', 'tasktrail'), { cpuUs: 2000, peakBytes: 8192, ooms: 1 });
});

reads('tasks say where they were found, and those below are asked for', () => {
  const { world } = machine();
  const found = (at: string, below: boolean, tree?: string) =>
    answered(tasksIn(world, { at, below, tree })).map(
      ({ tree: name, path, pid }) => `${name} ${path} ${pid}`,
    );
  assert.equal(found('nginx.service', false), ['v2 /system.slice/nginx.service 80']);
  assert.equal(found('nginx.service', true), [
    'v2 /system.slice/nginx.service 80',
    'v2 /system.slice/nginx.service/worker 81',
    'v2 /system.slice/nginx.service/worker 82',
  ]);
  assert.equal(found('/Charlie', false, 'all'), ['tasktrail /Charlie 70']);
  assert.equal(found('/', false).slice(3), ['tasktrail / 82', 'v2 / 1', 'v2 / 70']);
  assert.equal(found('docker/web', true), []);
});

reads('a task’s path is told in every tree, under the name of what is around it', () => {
  const { world } = machine();
  assert.equal(pathOfPid(world, 81), {
    pid: 81,
    path: '/',
    certainty: 'known',
    trees: [
      { tree: 'tasktrail', path: '/' },
      { tree: 'v2', path: '/system.slice/nginx.service/worker', name: 'nginx.service', kind: 'unit' },
      { tree: 'memory', path: '/' },
    ],
  });
  assert.equal(answered(pathOfPid(world, 70)).path, '/Charlie');
  assert.equal(pathOfPid(world, 99), { errno: 'ESRCH', saw: 'no task 99 lives' });
});

reads('where a task is can be in doubt in our own tree, and is what the kernel says in the others', () => {
  const here = machine();
  here.adopt(95, 'stray', 'unknown');
  assert.is(answered(pathOfPid(here.world, 95)).certainty, 'unknown');
  const stray = answered(tasksIn(here.world, { at: '/', below: false })).filter(({ pid }) => pid === 95);
  assert.equal(
    stray.map(({ tree, certainty }) => `${tree} ${certainty}`),
    ['tasktrail unknown', 'v2 known'],
  );
  here.move(95, 'v2', '/system.slice/nginx.service');
  assert.is(answered(pathOfPid(here.world, 95)).certainty, 'unknown');
  here.move(95, 'tasktrail', '/Charlie');
  assert.is(answered(pathOfPid(here.world, 95)).certainty, 'known');
});

reads('a name that a runtime gave goes with its container', () => {
  const here = machine();
  here.fork(90, 'web', { v2: scope });
  const place = () => answered(pathOfPid(here.world, 90)).trees[1];
  assert.equal([place()?.name, place()?.called], [`docker/${id}`, 'web']);
  here.move(90, 'v2', '/');
  here.rmdir('v2', scope);
  here.mkdir('v2', scope);
  here.move(90, 'v2', scope);
  assert.equal([place()?.name, place()?.called], [`docker/${id}`, undefined]);
});

reads('the name of a container that is gone is not held any more', () => {
  const here = machine();
  assert.equal(here.world.names.dump(), [{ container: here.at('v2', scope).id, name: 'web' }]);
  here.rmdir('v2', scope);
  assert.equal(here.world.names.dump(), []);
  here.mkdir('v2', scope);
  here.call('v2', scope, 'web');
  here.untree('v2');
  assert.equal(here.world.names.dump(), []);
});

reads('the state of a recording counts the containers of each tree', () => {
  const here = machine();
  const { trees, containers } = recordingOf(here.world, 0);
  assert.is(containers, 8);
  assert.equal(trees, [
    { tree: 'tasktrail', mountPoint: '', containers: 2 },
    { tree: 'v2', mountPoint: '/sys/fs/cgroup/v2', containers: 5 },
    { tree: 'memory', mountPoint: '/sys/fs/cgroup/memory', containers: 1 },
  ]);
  here.untree('v2');
  assert.equal(
    recordingOf(here.world, 0).trees.map(({ tree }) => tree),
    ['tasktrail', 'memory'],
  );
});

reads.run();
