/**
 * Runs `tools/programs/deeds.c`, a program that does one thing to itself and says what it did, and pairs that with
 * what a source saw of it and of its descendants.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Observation, Source } from '../../src/ports.ts';
import { parseStat, type Stat } from '../../src/sources/proc.ts';

/** An observation that is about one task. */
export type OfTask = Extract<Observation, { readonly pid: number }>;
type Seen<T extends OfTask['type']> = Extract<OfTask, { readonly type: T }>;

export interface Deed {
  /** The pid of the program itself. */
  readonly pid: number;
  /** What was seen of it and its descendants, in queue order. */
  readonly seen: readonly OfTask[];
  /** The number that it said under this word, the first time. */
  said(word: string): number;
  /** What its `stat` file said of this task of its. */
  stat(pid: number): Stat & { readonly tgid: number };
}

let folder: string | undefined;

/** The path of the compiled program. */
export function deedsProgram(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'tasktrail-deeds-'));
    folder = made;
    process.on('exit', () => rmSync(made, { recursive: true }));
    const code = fileURLToPath(new URL('../../tools/programs/deeds.c', import.meta.url));
    execFileSync('cc', ['-O2', '-o', join(made, 'deeds'), code, '-lpthread']);
  }
  return join(folder, 'deeds');
}

/** Does one deed while the source looks on; returns when it is over. */
export function doDeed(source: Source, name: string, ...args: readonly (string | number)[]): Deed {
  const program = deedsProgram();
  source.drain(() => {});
  const ran = spawnSync(program, [name, ...args.map(String)], { encoding: 'latin1' });
  assert.equal(ran.stderr, '');
  const all: Observation[] = [];
  source.drain((observation) => all.push(observation));
  const lines = ran.stdout.split('\n').map((line) => line.split(' '));
  return {
    pid: ran.pid,
    seen: familyOf(ran.pid, all),
    said: (word) => Number(lines.find((line) => line[0] === word)?.[1]),
    stat: (pid) => {
      const line = lines.find((words) => words[0] === 'stat' && words[1] === String(pid));
      assert(line !== undefined, `${name} did not describe task ${pid}`);
      return { ...parseStat(line.slice(3).join(' ')), tgid: Number(line[2]) };
    },
  };
}

/** What was seen of this type, about this task. */
export function seenOf<T extends OfTask['type']>(deed: Deed, type: T, pid: number): readonly Seen<T>[] {
  return deed.seen.filter((seen): seen is Seen<T> => seen.type === type && seen.pid === pid);
}

export function theOne<T extends OfTask['type']>(deed: Deed, type: T, pid: number): Seen<T> {
  const [one, ...more] = seenOf(deed, type, pid);
  if (one === undefined || more.length > 0) throw new Error(`${more.length} observations more than one`);
  return one;
}

/**
 * The observations that are about this task or one of its descendants. A pid is of the family only while its bearer
 * lives: others on the machine may get it afterwards.
 */
export function familyOf(ancestor: number, all: readonly Observation[]): OfTask[] {
  const family = new Set<number>();
  const ofTasks = all.filter((seen): seen is OfTask => 'pid' in seen);
  return ofTasks.filter((seen) => {
    if (seen.type === 'fork' && (seen.pid === ancestor || family.has(seen.parentPid))) family.add(seen.pid);
    if (seen.type === 'exec' && family.delete(seen.oldPid)) family.add(seen.pid);
    const isOfFamily = family.has(seen.pid);
    if (seen.type === 'exit') family.delete(seen.pid);
    return isOfFamily;
  });
}
