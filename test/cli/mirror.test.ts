/**
 * Which hierarchies are mirrored, by what was typed and by what the machine has; and what the doctor says of it.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupsFrom } from '../../src/cli/doctor/kernel.ts';
import { mirrorFrom } from '../../src/cli/mirror.ts';
import { cgroupsHere } from '../../src/daemon.ts';

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

mirror('this machine can be asked', () => {
  const { existing, mounted } = cgroupsHere();
  for (const { name, mountPoint } of mounted) {
    assert.ok(existing.includes(name));
    assert.match(mountPoint, /^\//);
  }
});

mirror.run();
