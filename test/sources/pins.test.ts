/**
 * What stays in the kernel when a source is closed: it goes on, whoever has the same recording finds all of it, and
 * nobody else does.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Found, KeptQueue, Observation, Source } from '../../src/ports.ts';
import { type PinOwner, pinnedInstallations, removePinsOf } from '../../src/sources/ebpf/pins.ts';
import { type EbpfSourceOptions, openEbpfSource } from '../../src/sources/ebpf/source.ts';
import { testNeeding } from '../support/needs.ts';

const needed = ['root', 'ebpf'] as const;

interface Context {
  folder: string;
  owner: PinOwner;
  cursor: string;
}

const test = suite<Context>('pins');

/** A recording whose source was open, and is closed again. */
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'tasktrail-pins-'));
  const folder = join(context.folder, 'recording');
  mkdirSync(folder);
  context.owner = { recording: 'pins-of-a-test', folder };
  context.cursor = '';
});

test.after.each((context) => {
  for (const { folder } of pinnedInstallations()) {
    if (folder.startsWith(context.folder)) removePinsOf(folder);
  }
  rmSync(context.folder, { recursive: true });
});

testNeeding(test, needed, 'what happens while nobody has the source is found, once', (context) => {
  leave(context);
  const program = runProgram(context);
  const { found, seen } = comeBack(context, { pin: true });
  assert.is(found.state, 'whole');
  assert.equal(storyOf(program, seen), ['fork', 'exec', 'exit']);
  assert.ok(isPinned(context.owner));
});

testNeeding(test, needed, 'who comes back without pinning finds all of it, and leaves nothing', (context) => {
  leave(context);
  const program = runProgram(context);
  const { found, seen } = comeBack(context, { pin: false });
  assert.is(found.state, 'whole');
  assert.equal(storyOf(program, seen), ['fork', 'exec', 'exit']);
  assert.not(isPinned(context.owner));
});

testNeeding(test, needed, 'a copy of a recording does not share the ring of its original', (context) => {
  leave(context);
  const copy = join(context.folder, 'copy');
  cpSync(context.owner.folder, copy, { recursive: true });
  const { found } = comeBack({ ...context, owner: { ...context.owner, folder: copy } }, { pin: true });
  assert.is(found.state, 'new');
  assert.is(pinnedInstallations().filter(({ recording }) => recording === context.owner.recording).length, 2);
});

testNeeding(test, needed, 'a ring of another size takes its place, and says so', (context) => {
  leave(context);
  const { found } = comeBack(context, { pin: true, ringBytes: 2 ** 17 });
  assert.is(found.state, 'new');
  assert.match(found.why, /another ring/);
  assert.equal(
    pinnedInstallations()
      .filter(({ folder }) => folder === context.owner.folder)
      .map(({ ringBytes }) => ringBytes),
    [2 ** 17],
  );
});

testNeeding(test, needed, 'pins of a recording that is gone are told, and can be taken away', (context) => {
  leave(context);
  assert.equal(orphans(context), [false]);
  rmSync(context.owner.folder, { recursive: true });
  assert.equal(orphans(context), [true]);
  assert.is(removePinsOf(context.owner.folder), 1);
  assert.not(isPinned(context.owner));
});

test.run();

/** Runs a program that nobody else runs; gives its path. */
function runProgram({ folder }: Context): string {
  const program = join(folder, 'nobodyElse');
  cpSync('/bin/true', program, { dereference: true });
  assert.is(spawnSync(program).status, 0);
  return program;
}

/** What was seen of whoever executed the program: its birth, that, and its end. Others may have had the same pid. */
function storyOf(program: string, seen: readonly Observation[]): string[] {
  const all = seen.filter((one) => one.type === 'exec' && one.program === program);
  assert.is(all.length, 1);
  const [exec] = all;
  if (exec?.type !== 'exec') return [];
  const at = seen.indexOf(exec);
  const isOf = (type: Observation['type']) => (one: Observation) =>
    one.type === type && 'pid' in one && one.pid === exec.pid;
  const before = seen.slice(0, at).findLast(isOf('fork'));
  const after = seen.slice(at).find(isOf('exit'));
  return [before, exec, after].flatMap((one) => (one ? [one.type] : []));
}

/** Opens the source as a daemon would, and ends as one that was killed. */
function leave(context: Context): void {
  const source = openEbpfSource({ owner: context.owner, pin: true, ringBytes: 2 ** 20 });
  source.drain(() => {});
  context.cursor = queueOf(source).cursor();
  source.close();
}

function comeBack(
  { owner, cursor }: Context,
  options: Pick<EbpfSourceOptions, 'pin' | 'ringBytes'>,
): { readonly found: Found; readonly seen: readonly Observation[] } {
  const source = openEbpfSource({ owner, ...options });
  const seen: Observation[] = [];
  source.lost();
  const found = queueOf(source).resume(cursor);
  source.drain((observation) => seen.push(observation));
  source.close();
  return { found, seen };
}

function queueOf({ keptQueue }: Source): KeptQueue {
  assert.ok(keptQueue);
  return keptQueue;
}

function isPinned({ folder }: PinOwner): boolean {
  return pinnedInstallations().some((pinned) => pinned.folder === folder);
}

function orphans({ owner }: Context): boolean[] {
  return pinnedInstallations()
    .filter(({ folder }) => folder === owner.folder)
    .map(({ isOrphan }) => isOrphan);
}
