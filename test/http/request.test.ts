/**
 * Commands of the API find what they name in our own tree; what only a mirrored tree has is refused with what to
 * use instead.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommandName, Commands } from '../../src/http/api.ts';
import { requestOf } from '../../src/http/request.ts';
import { decide } from '../../src/kernel/decide.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { rootActor } from '../support/ground.ts';
import { Mirrored } from '../support/mirrored.ts';

const request = suite('request');

/** nginx.service is in v2, /Charlie in our own tree, and init in both roots. */
function machine(): Mirrored {
  const here = new Mirrored('v2');
  here.mkdir('tasktrail', '/Charlie');
  here.mkdir('v2', '/system.slice/nginx.service');
  return here;
}

/** The types of what happens; or the errno, and what was seen. */
function outcome<Name extends CommandName>(name: Name, body: Commands[Name], uid = 0): string {
  const state = machine().world.hierarchy;
  const actor = { ...rootActor, uid };
  const { plan } = requestOf([name, body] as Parameters<typeof requestOf>[0], actor);
  const planned = plan(state);
  const decision = isRefusal(planned) ? planned : decide(state, planned, actor);
  if (isRefusal(decision)) return `${decision.errno}: ${decision.saw}`;
  return decision.map(({ type }) => type).join(' ');
}

const slice = '/sys/fs/cgroup/v2/system.slice';
const nginx = `${slice}/nginx.service`;
const mirrors = (instead: string): string => `EROFS: tasktrail only mirrors the kernel's v2: ${instead}`;

request('commands are for our own tree', () => {
  assert.is(outcome('mkdir', { path: '/Charlie/a', mode: 0o777, umask: 0 }), 'mkdir');
  assert.is(outcome('mkdir', { path: '/system.slice', mode: 0o777, umask: 0 }), 'mkdir');
  assert.is(outcome('attach', { path: '/Charlie', pid: 1, thread: false }), 'attach');
  assert.is(outcome('rename', { from: '/Charlie', to: '/Delta' }), 'rename');
  assert.is(outcome('rmdir', { path: '/Charlie/' }), 'rmdir');
});

request('what only a mirrored tree has is refused with what to use instead', () => {
  for (const path of ['/system.slice/nginx.service', 'nginx.service']) {
    const attached = outcome('attach', { path, pid: 1, thread: false });
    assert.is(attached, mirrors(`write the pid into ${nginx}/cgroup.procs`), path);
    assert.ok(outcome('delegate', { path, uid: 1, gid: 1 }).includes(nginx), path);
    assert.is(outcome('rmdir', { path }), mirrors(`remove ${nginx} with rmdir(1)`), path);
    for (const to of ['/system.slice/x', '/Delta']) {
      assert.ok(outcome('rename', { from: path, to }).startsWith('EROFS: '), path);
    }
  }
  const made = outcome('mkdir', { path: '/system.slice//a/', mode: 0o777, umask: 0 });
  assert.is(made, mirrors(`make ${slice}/a with mkdir(1)`));
  assert.ok(outcome('rmdir', { path: '/system.slice' }, 1000).startsWith('EROFS: '));
});

request('what is nowhere is not there', () => {
  assert.is(outcome('rmdir', { path: '/Delta' }), 'ENOENT: no such container');
  assert.is(outcome('attach', { path: '/Delta', pid: 1, thread: false }), 'ENOENT: no such container');
  assert.is(outcome('mkdir', { path: '/Delta/a', mode: 0o777, umask: 0 }), 'ENOENT: no such container');
  assert.is(outcome('rename', { from: '/Delta', to: '/Echo' }), 'ENOENT: no such container');
  assert.is(outcome('rename', { from: '/Charlie', to: '/Echo/a' }), 'ENOENT: no such container');
  assert.is(outcome('rmdir', { path: '/' }), 'EBUSY: the root is never removed');
  assert.match(outcome('rmdir', { path: '/tasks' }), /^ENOTDIR/);
});

request('a path is recorded in one form, and is refused where no call could name it', () => {
  const asked = (path: string) => requestOf(['rmdir', { path }], rootActor);
  assert.is(asked('Charlie//a/').path, '/Charlie/a');
  assert.is(outcome('rmdir', { path: `/${'a/'.repeat(2047)}` }), 'ENOENT: no such container');
  assert.match(
    outcome('rmdir', { path: `/${'a/'.repeat(2047)}a` }),
    /^ENAMETOOLONG: the path has 4096 bytes/,
  );
});

request.run();
