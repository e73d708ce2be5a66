/**
 * Statements: all that the kernel's own files, or the recorder, say at one moment of the tasks and groups of the
 * mirrored hierarchies, a sentence each. Two such sets say the same or show what differs.
 *
 * The files are read here anew, and not by what the recorder's source reads them with, so that a mistake in one shows.
 * Left out are the threads of process 1 beside its leader, which not every machine lets anybody see come and go.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { type Container, type Hierarchy, pathOf, placeIn, type Tree } from '../../projections/hierarchy.ts';
import { isExiting, parseStat } from '../../src/sources/proc.ts';
import { hasCode } from '../../src/system/errno.ts';

export type Statements = ReadonlySet<string>;

/** What the recorder says, of every mirrored tree. `populated` are the ids of containers that hold tasks. */
export function recordedStatements(state: Hierarchy, populated: ReadonlySet<number>): Statements {
  const said = new Set<string>();
  const trees = [...state.trees()].filter(({ number }) => number !== 0);
  for (const task of state.tasks()) {
    const { pid, tgid, startTicks } = task;
    if (isLeftOut(pid, tgid)) continue;
    said.add(taskSentence(pid, tgid, startTicks));
    for (const tree of trees) {
      const place = placeIn(task, tree.number);
      said.add(placeSentence(pid, tree, place === undefined ? 'nowhere' : pathOf(place)));
    }
  }
  for (const tree of trees) {
    for (const container of containersOf(tree)) {
      const path = pathOf(container);
      said.add(groupSentence(tree, path, container.group));
      if (populated.has(container.id)) said.add(populatedSentence(tree, path));
    }
  }
  return said;
}

/** What the kernel's files say, of the hierarchies that these trees mirror. */
export function kernelStatements(trees: readonly Tree[]): Statements {
  const said = new Set<string>();
  for (const process of numbersIn('/proc')) {
    for (const thread of unlessGone(() => numbersIn(`/proc/${process}/task`)) ?? []) {
      for (const sentence of unlessGone(() => sentencesOfTask(process, thread, trees)) ?? []) {
        said.add(sentence);
      }
    }
  }
  for (const tree of trees) {
    if (unlessGone(() => describeGroup(tree, '/', said)) === undefined) {
      throw new Error(`the hierarchy ${tree.name} is not there any more`);
    }
  }
  return said;
}

function isLeftOut(pid: number, tgid: number): boolean {
  return tgid === 1 && pid !== 1;
}

function taskSentence(pid: number, tgid: number, startTicks: number): string {
  return `task ${pid} of process ${tgid} lives since tick ${startTicks}`;
}

function placeSentence(pid: number, tree: Tree, path: string): string {
  return `task ${pid} is in ${tree.name} in ${path}`;
}

function groupSentence(tree: Tree, path: string, group: number): string {
  return `${tree.name} has the group ${path}, number ${group}`;
}

function populatedSentence(tree: Tree, path: string): string {
  return `in ${tree.name} the group ${path} is populated`;
}

function sentencesOfTask(process: number, thread: number, trees: readonly Tree[]): string[] {
  if (isLeftOut(thread, process)) return [];
  const folder = `/proc/${process}/task/${thread}`;
  const stat = parseStat(readFileSync(`${folder}/stat`, 'latin1'));
  if (isExiting(stat)) return [];
  const lines = readFileSync(`${folder}/cgroup`, 'latin1').split('\n');
  const places = trees.map((tree) => {
    const line = lines.find((one) => one.startsWith(`${tree.hierarchy}:`)) ?? '';
    return placeSentence(thread, tree, line.split(':').slice(2).join(':'));
  });
  return [taskSentence(thread, process, stat.startTicks), ...places];
}

/** Describes a group and those in it; returns whether it is populated. The root is none of the things that are told. */
function describeGroup(tree: Tree, path: string, said: Set<string>): boolean {
  const folder = tree.mountPoint + (path === '/' ? '' : path);
  const group = statSync(bytesOf(folder)).ino;
  said.add(groupSentence(tree, path, group));
  let isPopulated = tree.hierarchy !== 0 && read(`${folder}/tasks`) !== '';
  for (const entry of readdirSync(bytesOf(folder), { withFileTypes: true, encoding: 'latin1' })) {
    if (!entry.isDirectory()) continue;
    const below = path === '/' ? `/${entry.name}` : `${path}/${entry.name}`;
    if (unlessGone(() => describeGroup(tree, below, said)) === true) isPopulated = true;
  }
  if (path === '/') return true;
  // In v2 the kernel says it itself.
  if (tree.hierarchy === 0) isPopulated = /^populated 1$/m.test(read(`${folder}/cgroup.events`));
  if (isPopulated) said.add(populatedSentence(tree, path));
  return isPopulated;
}

function containersOf(tree: Tree): Container[] {
  const found: Container[] = [];
  const unvisited: Container[] = [tree.root];
  for (let at = unvisited.pop(); at; at = unvisited.pop()) {
    found.push(at);
    unvisited.push(...at.children.values());
  }
  return found;
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .map(Number)
    .filter((number) => Number.isInteger(number));
}

function read(path: string): string {
  return readFileSync(bytesOf(path), 'latin1');
}

/** Names are bytes. */
function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** undefined where it has gone in the middle of being read. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV', 'ESRCH')) return undefined;
    throw error;
  }
}
