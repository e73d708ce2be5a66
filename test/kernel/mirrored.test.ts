/**
 * A command on a mirrored tree is refused with what does the same in the kernel's own, by its version.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command } from '../../src/kernel/command.ts';
import { decide } from '../../src/kernel/decide.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { rootActor } from '../support/ground.ts';
import { Mirrored } from '../support/mirrored.ts';

const mirrored = suite('mirrored');

/** What is to be done instead of a command on `/a` of a tree. */
function insteadOf(treeName: string, command: (group: number, root: number) => Command): string {
  const machine = new Mirrored(treeName);
  machine.mkdir(treeName, '/a');
  const { root } = machine.treeNamed(treeName);
  const group = root.children.get('a')?.id ?? 0;
  const decision = decide(machine.world.hierarchy, command(group, root.id), rootActor);
  assert.ok(isRefusal(decision) && decision.errno === 'EROFS');
  return decision.saw.replace(`tasktrail only mirrors the kernel's ${treeName}: `, '');
}

const file = (name: 'tasks' | 'notify_on_release') => (container: number) =>
  ({ type: 'write', container, file: name, text: '1' }) as const;

mirrored('a process goes by cgroup.procs, and a thread by the file that its version has for it', () => {
  const attach = (container: number) => ({ type: 'attach', container, pid: 1 }) as const;
  assert.is(insteadOf('v2', attach), 'write the pid into /sys/fs/cgroup/v2/a/cgroup.procs');
  assert.is(insteadOf('cpu', attach), 'write the pid into /sys/fs/cgroup/cpu/a/cgroup.procs');
  assert.match(insteadOf('v2', file('tasks')), /^write the thread's pid into \S+\/v2\/a\/cgroup\.threads,/);
  assert.match(insteadOf('cpu', file('tasks')), /^write the thread's pid into \S+\/cpu\/a\/tasks$/);
});

mirrored('v1 has the flag and other names for groups, and v2 has neither', () => {
  const rename = (_: number, parent: number): Command => ({
    type: 'rename',
    from: { parent, name: 'a' },
    to: { parent, name: 'b' },
    exchange: false,
  });
  assert.match(
    insteadOf('cpu', file('notify_on_release')),
    /^write the flag into \S+\/a\/notify_on_release$/,
  );
  assert.match(insteadOf('v2', file('notify_on_release')), /^cgroup v2 has no such flag/);
  assert.is(insteadOf('cpu', rename), 'rename /sys/fs/cgroup/cpu/a with mv(1)');
  assert.match(insteadOf('v2', rename), /^cgroup v2 lets no group/);
});

mirrored('directories are made and removed by their whole path', () => {
  const make = (parent: number): Command => ({
    type: 'mkdir',
    at: { parent, name: 'b' },
    mode: 0o755,
    umask: 0,
  });
  assert.is(insteadOf('v2', make), 'make /sys/fs/cgroup/v2/a/b with mkdir(1)');
  const remove = (_: number, parent: number): Command => ({ type: 'rmdir', at: { parent, name: 'a' } });
  assert.is(insteadOf('cpu', remove), 'remove /sys/fs/cgroup/cpu/a with rmdir(1)');
});

mirrored.run();
