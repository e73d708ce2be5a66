/**
 * What stays in the kernel when a source is closed: it goes on, whoever has the same recording finds all of it, and
 * nobody else does.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Found, KeptQueue, Observation, Source } from '../../src/ports.ts';
import {
  type PinnedInstallation,
  type PinOwner,
  pinnedInstallations,
  removePinsOf,
} from '../../src/sources/ebpf/pins.ts';
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

testNeeding(
  test,
  needed,
  'a ring of another size takes over, and what the old one holds is found, once',
  (context) => {
    leave(context);
    const program = runProgram(context);
    const { found, seen } = comeBack(context, { pin: true, ringBytes: 2 ** 17 });
    assert.is(found.state, 'whole');
    assert.equal(storyOf(program, seen), ['fork', 'exec', 'exit']);
    assert.equal(ringsOf(context), [2 ** 17]);
  },
);

testNeeding(
  test,
  needed,
  'what each of several that took over has recorded is found, once and in order',
  (context) => {
    leave(context);
    const programs = [17, 18, 19].map((exponent) => {
      const program = runProgram(context, `program${exponent}`);
      // Who is killed before it has read anything.
      openEbpfSource({ owner: context.owner, pin: true, ringBytes: 2 ** exponent }).close();
      return program;
    });
    programs.push(runProgram(context, 'last'));
    const { found, seen } = comeBack(context, { pin: true });
    assert.is(found.state, 'whole');
    for (const program of programs) assert.equal(storyOf(program, seen), ['fork', 'exec', 'exit']);
    const executed = seen.flatMap((one) => (one.type === 'exec' ? [one.program] : []));
    assert.equal(
      executed.filter((program) => programs.includes(program)),
      programs,
    );
  },
);

testNeeding(
  test,
  [...needed, 'v2'],
  'that others are mirrored is told where the one takes over from the other',
  (context) => {
    leave(context);
    const before = runProgram(context, 'before');
    openEbpfSource({ owner: context.owner, pin: true, mirror: ['v2'] }).close();
    const after = runProgram(context, 'after');
    const { seen } = comeBack(context, { pin: true, mirror: ['v2'] });
    const story = seen.flatMap((one): unknown[] => {
      if (one.type === 'mirrors') return [one.hierarchies];
      return one.type === 'exec' && [before, after].includes(one.program) ? [one.program] : [];
    });
    assert.equal(story, [before, [0], after]);
    const isPlaced = (one: Observation): boolean => one.type === 'fork' && one.groups !== undefined;
    const at = seen.findIndex(({ type }) => type === 'mirrors');
    assert.not(seen.slice(0, at).some(isPlaced));
    assert.ok(seen.slice(at).some(isPlaced));
  },
);

testNeeding(test, needed, 'who takes over knows who is where, and what was lost before', (context) => {
  leave(context, (source) => source.places?.set(process.pid, process.pid, 7));
  const { places } = comeBack(context, { pin: true, ringBytes: 2 ** 17 });
  assert.is(places.get(process.pid), 7);
});

testNeeding(
  test,
  needed,
  'a ring that has been read to its end and is in the log is let go of',
  (context) => {
    leave(context);
    const source = openEbpfSource({ owner: context.owner, pin: true, ringBytes: 2 ** 17 });
    const queue = queueOf(source);
    source.lost();
    queue.resume(context.cursor);
    assert.is(generationsOf(context), 2);
    source.drain(() => {});
    queue.skip();
    assert.is(generationsOf(context), 2);
    queue.free(queue.cursor());
    assert.is(generationsOf(context), 1);
    source.close();
  },
);

testNeeding(test, needed, 'one whose turn had not come when somebody was killed is none', (context) => {
  leave(context);
  const path = pathOf(context);
  const source = openEbpfSource({ owner: { ...context.owner, recording: 'others' }, pin: true });
  for (const kind of ['about', 'ring'])
    renameSync(`${pathOf(context, 'others')}/${kind}_1`, `${path}/${kind}_2`);
  source.close();
  const program = runProgram(context);
  const { found, seen } = comeBack(context, { pin: true });
  assert.is(found.state, 'whole');
  assert.equal(storyOf(program, seen), ['fork', 'exec', 'exit']);
  assert.is(generationsOf(context), 1);
});

testNeeding(test, needed, 'what we cannot read makes way, and that is said', (context) => {
  leave(context);
  const path = pathOf(context);
  renameSync(path, `${dirname(path)}/0-older`);
  const { found } = comeBack(context, { pin: true });
  assert.is(found.state, 'new');
  assert.match(found.why, /cannot read/);
  assert.equal(
    theirs(context).map((pinned) => pinned.path),
    [path],
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
function runProgram({ folder }: Context, name = 'nobodyElse'): string {
  const program = join(folder, name);
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
function leave(context: Context, act = (_: Source): void => {}): void {
  const source = openEbpfSource({ owner: context.owner, pin: true, ringBytes: 2 ** 20 });
  act(source);
  source.drain(() => {});
  context.cursor = queueOf(source).cursor();
  source.close();
}

function comeBack(
  { owner, cursor }: Context,
  options: Pick<EbpfSourceOptions, 'pin' | 'ringBytes' | 'mirror'>,
): {
  readonly found: Found;
  readonly seen: readonly Observation[];
  readonly places: ReadonlyMap<number, number | undefined>;
} {
  const source = openEbpfSource({ owner, ...options });
  const seen: Observation[] = [];
  source.lost();
  const found = queueOf(source).resume(cursor);
  source.drain((observation) => seen.push(observation));
  const places = source.places?.read() ?? new Map();
  source.close();
  return { found, seen, places };
}

function queueOf({ keptQueue }: Source): KeptQueue {
  assert.ok(keptQueue);
  return keptQueue;
}

function theirs({ owner: { folder } }: Context, recording = 'pins-of-a-test'): PinnedInstallation[] {
  return pinnedInstallations().filter((pinned) => pinned.folder === folder && pinned.recording === recording);
}

function pathOf(context: Context, recording?: string): string {
  const [pinned] = theirs(context, recording);
  assert.ok(pinned);
  return pinned.path;
}

/** The sizes of the newest rings. */
function ringsOf(context: Context): number[] {
  return theirs(context).map(({ ringBytes }) => ringBytes);
}

/** How many rings are pinned. */
function generationsOf(context: Context): number {
  const names = theirs(context).flatMap(({ path }) => readdirSync(path));
  return names.filter((name) => name.startsWith('ring_')).length;
}

function isPinned({ folder }: PinOwner): boolean {
  return pinnedInstallations().some((pinned) => pinned.folder === folder);
}

function orphans({ owner }: Context): boolean[] {
  return pinnedInstallations()
    .filter(({ folder }) => folder === owner.folder)
    .map(({ isOrphan }) => isOrphan);
}
