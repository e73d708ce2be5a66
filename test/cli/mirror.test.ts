/**
 * Which hierarchies are mirrored, by what was typed and by what the machine has; and what the doctor says of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupsFrom, tryMirror } from '../../src/cli/doctor/kernel.ts';
import { mirrorFrom, startedMirroring, whyNone } from '../../src/cli/mirror.ts';
import { cgroupsHere } from '../../src/daemon.ts';
import { SourceError } from '../../src/sources/sourceError.ts';
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

mirror('where nothing is mirrored it is said why, unless that was asked for', () => {
  assert.is(whyNone(undefined, both), '');
  assert.is(whyNone(['none'], both), '');
  assert.is(whyNone(undefined, legacy), 'v2 is not mounted; memory can be asked for with --mirror');
  assert.is(whyNone(undefined, absent), 'this kernel has none');
  for (const typed of [undefined, ['all']]) {
    assert.is(whyNone(typed, { ...legacy, mounted: [] }), 'none is mounted as a whole');
  }
  assert.match(
    whyNone(undefined, { ...both, isNamespaced: true }),
    /^this cgroup namespace is not the initial one$/,
  );
});

/** A source that can be opened only where nothing is mirrored. */
const withoutMirror = (names: readonly string[]): string => {
  if (names.length > 0) throw new SourceError('the kernel has no tracepoint cgroup_mkdir');
  return 'opened';
};

mirror('a recorder that cannot mirror records all the same, unless it was asked to mirror', async () => {
  const start = async (names: readonly string[]) => withoutMirror(names);
  const { daemon, why } = await startedMirroring(['v2'], false, start);
  assert.equal([daemon, why], ['opened', 'the kernel has no tracepoint cgroup_mkdir']);
  const refusal = await startedMirroring(['v2'], true, start).catch((error) => error);
  assert.is(refusal.message, 'the kernel has no tracepoint cgroup_mkdir');
});

mirror('what else keeps a recorder from starting is not tried twice', async () => {
  let starts = 0;
  const start = async (): Promise<never> => {
    starts += 1;
    throw new Error('somebody else records here');
  };
  const failure = await startedMirroring(['v2'], false, start).catch((error) => error);
  assert.equal([failure.message, starts], ['somebody else records here', 1]);
});

mirror('the doctor blames the mirror only where the source can be opened without it', () => {
  assert.throws(() => tryMirror(['v2'], withoutMirror), /no tracepoint cgroup_mkdir/);
  tryMirror(['v2'], () => 'opened');
  tryMirror(['v2'], () => {
    throw new SourceError('EPERM');
  });
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
