/**
 * Which hierarchies are mirrored, by what was typed and by what the machine has; and what the doctor says of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupsFrom } from '../../src/cli/doctor/kernel.ts';
import { mirrorFrom } from '../../src/cli/mirror.ts';
import { cgroupsHere } from '../../src/daemon.ts';
import { testNeeding } from '../support/needs.ts';

const mirror = suite('mirror');

const v2 = { name: 'v2', mountPoint: '/sys/fs/cgroup' };
const memory = { name: 'memory', mountPoint: '/sys/fs/cgroup/memory' };
const both = { existing: ['v2', 'memory', 'pids'], mounted: [v2, memory], isNamespaced: false };
const unified = { existing: ['v2'], mounted: [v2], isNamespaced: false };
const legacy = { existing: ['memory', 'pids'], mounted: [memory], isNamespaced: false };
const absent = { existing: [], mounted: [], isNamespaced: false };

mirror('v2 is mirrored where the machine has it, and nothing else without being asked for', () => {
  assert.equal(mirrorFrom(undefined, both), ['v2']);
  assert.equal(mirrorFrom(undefined, unified), ['v2']);
  assert.equal(mirrorFrom(undefined, legacy), []);
  assert.equal(mirrorFrom(undefined, absent), []);
  assert.equal(mirrorFrom(undefined, { ...unified, isNamespaced: true }), []);
});

mirror('what is asked for is mirrored, all that is mounted, or nothing', () => {
  assert.equal(mirrorFrom(['memory', 'name=x'], both), ['memory', 'name=x']);
  assert.equal(mirrorFrom(['all'], both), ['v2', 'memory']);
  assert.equal(mirrorFrom(['none'], both), []);
  assert.throws(() => mirrorFrom(['all', 'v2'], both), /--mirror all stands alone/);
});

mirror('the doctor says what is there, what is mounted, and what would be mirrored', () => {
  assert.is(
    cgroupsFrom(both),
    'mounted: v2 on /sys/fs/cgroup, memory on /sys/fs/cgroup/memory; not mounted: pids; mirrored unless told otherwise: v2',
  );
  assert.match(cgroupsFrom(legacy), /mirrored only if asked for with --mirror$/);
  assert.throws(() => cgroupsFrom(absent), /this kernel has no cgroups/);
  assert.throws(() => cgroupsFrom({ ...legacy, mounted: [] }), /memory, pids: none is mounted as a whole/);
  assert.throws(() => cgroupsFrom({ ...both, isNamespaced: true }), /a container is around us/);
});

testNeeding(mirror, ['v2'], 'this machine is asked what it has and where that is mounted', () => {
  const { existing, mounted } = cgroupsHere();
  const lines = readFileSync('/proc/self/cgroup', 'latin1').trimEnd().split('\n');
  assert.equal(
    [...existing].sort(),
    lines.map((line) => (line.startsWith('0::') ? 'v2' : (line.split(':')[1] ?? ''))).sort(),
  );
  assert.is(mounted[0]?.name, 'v2');
  for (const { name, mountPoint } of mounted) {
    assert.ok(existing.includes(name), name);
    assert.ok(existsSync(`${mountPoint}/cgroup.procs`), mountPoint);
  }
});

mirror.run();
