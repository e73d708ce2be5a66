/**
 * Which trees and containers a person means by what was typed.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pathOf } from '../../projections/hierarchy.ts';
import { mirroredAt, placesMeant, treesChosen } from '../../src/engine/places.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { Mirrored } from '../support/mirrored.ts';

const places = suite('places');

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const other = id.replace('1f3a', '1f3b');

/** The names of the trees that a choice means, of those that are mirrored. */
function chosen(mirrored: readonly string[], choice?: string): string[] {
  const { hierarchy } = new Mirrored(...mirrored).world;
  return treesChosen(hierarchy, choice).map(({ name }) => name);
}

places('without a choice it is our own tree and v2, or all where v2 is not mirrored', () => {
  assert.equal(chosen([]), ['tasktrail']);
  assert.equal(chosen(['v2']), ['tasktrail', 'v2']);
  assert.equal(chosen(['v2', 'memory', 'name=systemd']), ['tasktrail', 'v2']);
  assert.equal(chosen(['memory', 'name=systemd']), ['tasktrail', 'memory', 'name=systemd']);
});

places('a tree is chosen by its name, or by one of its controllers', () => {
  const mirrored = ['v2', 'cpu,cpuacct', 'name=systemd'];
  assert.equal(chosen(mirrored, 'tasktrail'), ['tasktrail']);
  assert.equal(chosen(mirrored, 'cpuacct'), ['cpu,cpuacct']);
  assert.equal(chosen(mirrored, 'cpu,cpuacct'), ['cpu,cpuacct']);
  assert.equal(chosen(mirrored, 'name=systemd'), ['name=systemd']);
  assert.equal(chosen(mirrored, 'all'), ['tasktrail', ...mirrored]);
  assert.equal(chosen(mirrored, 'systemd'), []);
});

/** A machine with a service, two containers of docker, and the same unit for two users. */
function machine(): Mirrored {
  const here = new Mirrored('v2', 'memory');
  here.mkdir('tasktrail', '/Charlie');
  for (const tree of ['v2', 'memory']) {
    here.mkdir(tree, '/system.slice/nginx.service');
    here.mkdir(tree, `/system.slice/docker-${id}.scope`);
    here.mkdir(tree, `/system.slice/docker-${other}.scope`);
  }
  here.call('v2', `/system.slice/docker-${id}.scope`, 'web');
  here.mkdir('v2', '/user.slice/user-1.slice/user@1.service/app.slice/foot.service');
  here.mkdir('v2', '/user.slice/user-2.slice/user@2.service/app.slice/foot.service');
  return here;
}

/** `TREE PATH` of each place that is meant; or the errno, and what was seen. */
function meant(here: Mirrored, text: string, choice?: string): string | string[] {
  const found = placesMeant(here.world, text, choice);
  if (isRefusal(found)) return `${found.errno}: ${found.saw}`;
  return found.map((each) => `${here.world.hierarchy.tree(each.tree)?.name} ${pathOf(each)}`);
}

places('a path means the container that is there, in each chosen tree that has it', () => {
  const here = machine();
  assert.equal(meant(here, '/'), ['tasktrail /', 'v2 /']);
  assert.equal(meant(here, '/', 'all'), ['tasktrail /', 'v2 /', 'memory /']);
  assert.equal(meant(here, 'Charlie/'), ['tasktrail /Charlie']);
  assert.equal(meant(here, '/system.slice'), ['v2 /system.slice']);
  assert.equal(meant(here, '/system.slice', 'memory'), ['memory /system.slice']);
  assert.is(meant(here, '/system.slice', 'tasktrail'), 'ENOENT: no such container');
  assert.is(meant(here, '', 'all'), 'ENOENT: the path is empty');
});

places('a name means whoever has it, once in each chosen tree', () => {
  const here = machine();
  assert.equal(meant(here, 'nginx.service'), ['v2 /system.slice/nginx.service']);
  assert.equal(meant(here, 'nginx.service', 'all'), [
    'v2 /system.slice/nginx.service',
    'memory /system.slice/nginx.service',
  ]);
  assert.equal(meant(here, 'docker/1f3a'), [`v2 /system.slice/docker-${id}.scope`]);
  assert.equal(meant(here, 'docker/web'), [`v2 /system.slice/docker-${id}.scope`]);
  assert.equal(meant(here, 'docker/web', 'memory'), 'ENOENT: no such container');
  assert.equal(meant(here, '/nginx.service'), 'ENOENT: no such container');
  assert.equal(meant(here, 'nginx'), 'ENOENT: no such container');
});

places('a name that several have is refused, and they are listed', () => {
  const here = machine();
  assert.is(
    meant(here, 'docker/1f3'),
    `EINVAL: it could be /system.slice/docker-${id}.scope, /system.slice/docker-${other}.scope: ` +
      'say more of the name, or one of these paths',
  );
  assert.match(meant(here, 'docker/1f3', 'all') as string, /^EINVAL/);
  assert.match(meant(here, 'foot.service') as string, /user@1\.service\S+, \/user\.slice\/user-2/);
  for (let i = 3; i < 9; i++) here.mkdir('v2', `/user.slice/user-${i}.slice/user@${i}.service/foot.service`);
  assert.match(meant(here, 'foot.service') as string, /foot\.service, and 3 more: say more/);
});

places('what begins a name in one tree and another name in the next is no one’s', () => {
  const here = new Mirrored('v2', 'memory');
  here.mkdir('v2', `/docker/${id}`);
  here.mkdir('memory', `/docker/${other}`);
  assert.match(meant(here, 'docker/1f3', 'all') as string, /^EINVAL: it could be /);
  assert.equal(meant(here, 'docker/1f3', 'memory'), [`memory /docker/${other}`]);
});

places('a path goes before a name, and a whole name before the beginning of one', () => {
  const here = machine();
  here.mkdir('tasktrail', '/nginx.service');
  assert.equal(meant(here, 'nginx.service'), ['tasktrail /nginx.service']);
  here.call('v2', `/system.slice/docker-${other}.scope`, '1f3a');
  assert.equal(meant(here, 'docker/1f3a'), [`v2 /system.slice/docker-${other}.scope`]);
});

places('a unit is found without the escapes of its name, unless another one is called so', () => {
  const here = new Mirrored('v2');
  here.mkdir('v2', '/a\\x2db.service');
  assert.equal(meant(here, 'a\\x2db.service'), ['v2 /a\\x2db.service']);
  assert.equal(meant(here, 'x/a-b.service'), 'ENOENT: no such container');
  assert.equal(meant(here, '/a-b.service'), 'ENOENT: no such container');
  here.mkdir('v2', '/s');
  assert.equal(meant(here, 'a-b.service'), ['v2 /a\\x2db.service']);
  here.mkdir('v2', '/s/a-b.service');
  assert.equal(meant(here, 'a-b.service'), ['v2 /s/a-b.service']);
});

places('a tree that there is not is refused with those that there are', () => {
  const here = machine();
  assert.is(meant(here, '/', 'cpuset'), 'ENOENT: there is no tree cpuset: there are tasktrail, v2, memory');
});

places('a command finds in a mirrored tree what our own does not have', () => {
  const { hierarchy } = machine().world;
  const found = (text: string) => {
    const container = mirroredAt(hierarchy, text);
    return container && `${container.tree} ${pathOf(container)}`;
  };
  assert.is(found('/system.slice'), '1 /system.slice');
  assert.is(found('nginx.service'), '1 /system.slice/nginx.service');
  assert.is(found('/Charlie'), undefined);
  assert.is(found('/'), undefined);
});

places.run();
