/**
 * The kernel's map of places: whoever was put into a container hands that on to its children, and takes it along when
 * it gets another pid; whoever ends leaves nothing.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Places, Source } from '../../src/ports.ts';
import { openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { testNeeding } from '../support/needs.ts';
import { type Deed, doDeed, seenOf } from './deeds.ts';

const test = suite('membership');
const needed = ['ebpf', 'cc'] as const;
const container = 2 ** 40 + 7;

let source: Source | undefined;

test.after(() => source?.close());

/** Does a deed whose program is born into the container. */
function doPlaced(name: string, ...args: readonly string[]): { deed: Deed; places: Places } {
  source ??= openEbpfSource();
  const { places } = source;
  assert.ok(places);
  places.set(process.pid, process.pid, container);
  const deed = doDeed(source, name, ...args);
  return { deed, places };
}

testNeeding(test, needed, 'a child is where its parent was put, and its child is too', () => {
  const { deed } = doPlaced('fork', '0');
  // The first birth of each is the one: somebody else may have had the pid later.
  for (const pid of [deed.pid, deed.said('fork')]) {
    assert.is(seenOf(deed, 'fork', pid)[0]?.place, container);
  }
});

testNeeding(test, needed, 'a thread that takes its leader’s pid takes its place along', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-test-'));
  const script = join(folder, 'forks');
  writeFileSync(script, '#!/bin/sh\n(:)\n');
  chmodSync(script, 0o755);
  const { deed } = doPlaced('exec-by-thread', script);
  rmSync(folder, { recursive: true });
  const [exec] = seenOf(deed, 'exec', deed.pid).filter(({ oldPid, pid }) => oldPid !== pid);
  assert.ok(exec, 'a thread has executed a program');
  const births = deed.seen.filter((seen) => seen.type === 'fork' && seen.parentPid === deed.pid);
  const last = births.at(-1);
  assert.is(last?.type === 'fork' && last.bootUs >= exec.bootUs && last.place, container);
});

testNeeding(
  test,
  needed,
  'whoever has ended is nowhere, and whoever is put into the root has no place',
  () => {
    const { deed, places } = doPlaced('fork', '0');
    assert.not(places.read()?.has(deed.pid));
    assert.is(places.read()?.get(process.pid), container);
    places.set(process.pid, process.pid, 0);
    assert.not(places.read()?.has(process.pid));
  },
);

test.run();
