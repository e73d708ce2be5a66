/**
 * The machine's cgroups as files show them: the parsers, and what a walk finds without any source.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  hierarchiesNamed,
  hierarchiesOfMachine,
  mountedHierarchies,
  pathIn,
  readHierarchy,
  stillMounted,
} from '../../src/sources/cgroups.ts';
import { parseMounts } from '../../src/system/mountTable.ts';
import { testNeeding } from '../support/needs.ts';
import { idOfGroup, PrivateHierarchy } from './groups.ts';

const test = suite('cgroups');

const cgroupFile = [
  '14:name=a-b.c_d:/x:y/1:z',
  '4:cpu,cpuacct:/caf\xc3\xa9 (deleted)',
  '1:cpuset:/',
  '0::/user.slice/\xff\x01',
  '',
].join('\n');

test('a path is found by the id of its hierarchy, whatever bytes it holds', () => {
  assert.is(pathIn(cgroupFile, 14), '/x:y/1:z');
  assert.is(pathIn(cgroupFile, 4), '/caf\xc3\xa9 (deleted)');
  assert.is(pathIn(cgroupFile, 1), '/');
  assert.is(pathIn(cgroupFile, 0), '/user.slice/\xff\x01');
});

test('a hierarchy that a task is not in has no path', () => {
  for (const hierarchy of [2, 11, 40, 140]) assert.is(pathIn(cgroupFile, hierarchy), undefined);
  assert.is(pathIn('', 0), undefined);
});

test('mounts are read with what is escaped in their paths, and only whole ones', () => {
  const text = [
    '34 31 0:31 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:300 / /a\\040b\\134c\\011 rw - cgroup none rw,name=systemd',
    '36 31 0:32 /docker/1f /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '41 31 259:2 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate',
    '',
  ].join('\n');
  assert.equal(parseMounts(text), [
    {
      device: 31,
      mountPoint: '/sys/fs/cgroup/cpu',
      fileSystem: 'cgroup',
      options: ['rw', 'cpu', 'cpuacct'],
    },
    // 300 is 0x12c: as stat(2) gives it, the part above a byte stands above the major number.
    {
      device: 0x100000 + 0x2c,
      mountPoint: '/a b\\c\t',
      fileSystem: 'cgroup',
      options: ['rw', 'name=systemd'],
    },
    {
      device: 259 * 256 + 2,
      mountPoint: '/sys/fs/cgroup/unified',
      fileSystem: 'cgroup2',
      options: ['rw', 'nsdelegate'],
    },
  ]);
});

test('no name is no hierarchy, and one that does not exist is refused', () => {
  assert.equal(hierarchiesNamed([]), []);
  assert.throws(() => hierarchiesNamed(['name=']), /^this machine has no cgroup hierarchy name=(:|, and)/);
});

testNeeding(test, ['v2'], 'v2 comes first and is found under its name', () => {
  const [first] = mountedHierarchies();
  assert.equal([first?.name, first?.hierarchy], ['v2', 0]);
  assert.equal(hierarchiesNamed(['v2', 'v2']), [first]);
});

testNeeding(
  test,
  ['root', 'v1'],
  'a hierarchy is named as the kernel names it, and by each of its parts',
  async () => {
    const own = new PrivateHierarchy();
    try {
      const [found] = hierarchiesNamed([own.name]);
      assert.equal([found?.name, found?.hierarchy, found?.mountPoint], [own.name, own.hierarchy, own.folder]);
      for (const { name } of mountedHierarchies()) {
        for (const part of name.split(',')) assert.is(hierarchiesNamed([part, name]).length, 1);
      }
    } finally {
      await own.unmount();
    }
  },
);

testNeeding(test, ['root', 'v1'], 'what is mounted over a hierarchy is not taken for it', async () => {
  const own = new PrivateHierarchy();
  const before = hierarchiesNamed([own.name]);
  execFileSync('mount', ['-t', 'tmpfs', 'tasktrail-test', own.folder]);
  try {
    assert.ok(hierarchiesOfMachine().some(({ name }) => name === own.name));
    assert.throws(() => hierarchiesNamed([own.name]), /is not mounted as a whole where it could be read/);
    assert.equal(stillMounted(before), []);
    assert.equal(before.map(readHierarchy), [undefined]);
  } finally {
    execFileSync('umount', [own.folder]);
    await own.unmount();
  }
});

testNeeding(
  test,
  ['root', 'v1'],
  'what is mounted over a group hides neither it nor what is in it',
  async () => {
    const own = new PrivateHierarchy();
    const [group, child] = [`${own.folder}/caf\xe9`, `${own.folder}/caf\xe9/child`];
    mkdirSync(group);
    mkdirSync(child);
    const ids = { group: idOfGroup(group), child: idOfGroup(child) };
    execFileSync('mount', ['-t', 'tmpfs', 'tasktrail-test', group]);
    try {
      const [seen] = hierarchiesNamed([own.name]).map(readHierarchy);
      assert.equal(seen?.groups.slice(1), [
        { group: ids.group, parent: idOfGroup(own.folder), name: 'caf\xc3\xa9' },
        { group: ids.child, parent: ids.group, name: 'child' },
      ]);
    } finally {
      execFileSync('umount', [group]);
      execFileSync('rmdir', [child, group]);
      await own.unmount();
    }
  },
);

testNeeding(test, ['fuse'], 'a look for hierarchies waits for nobody who serves another mount', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-unserved-'));
  const program = fileURLToPath(new URL('unserved.ts', import.meta.url));
  const options = { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' } as const;
  // In a mount namespace of its own, so that nobody else can come across that mount.
  const typed = ['--mount', process.execPath, ...process.execArgv, program, folder];
  const { stdout, stderr } = spawnSync('unshare', typed, options);
  rmdirSync(folder);
  assert.is(stdout, JSON.stringify(mountedHierarchies()), stderr);
});

test.run();
