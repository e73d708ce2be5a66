/** What the kernel tells of all tasks itself is what /proc tells of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TaskSeen } from '../../src/ports.ts';
import { hierarchiesNamed, mountedHierarchies } from '../../src/sources/cgroups.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { scanTasks } from '../../src/sources/proc.ts';
import { testNeeding } from '../support/needs.ts';

/** Those who neither come nor go meanwhile: this process, the kernel's first threads, and the first of all. */
function steady(tasks: Iterable<TaskSeen>): TaskSeen[] {
  const found = [...tasks].filter(({ tgid }) => tgid === process.pid || tgid <= 3);
  return found.sort((a, b) => a.pid - b.pid);
}

for (const all of [false, true]) {
  const what = all ? 'all that is mounted is' : 'nothing is';
  testNeeding(test, all ? ['ebpf', 'v2', 'v1Mounted'] : ['ebpf'], `a look where ${what} mirrored`, () => {
    const mirror = all ? mountedHierarchies().map(({ name }) => name) : [];
    const source = openEbpfSource({ mirror });
    try {
      const seen = steady(source.scan());
      assert.ok(seen.length > 3);
      assert.equal(seen, steady(scanTasks(hierarchiesNamed(mirror))));
    } finally {
      source.close();
    }
  });
}

test.run();
