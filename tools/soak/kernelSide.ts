/**
 * What the kernel itself says of where tasks are: in which container of our own tree, by the map that its programs keep,
 * and in which group of each mirrored hierarchy, by /proc.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { textOf } from '../../events/bytes.ts';
import type { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { Descriptors } from '../../src/sources/ebpf/descriptors.ts';
import { pinnedInstallations } from '../../src/sources/ebpf/pins.ts';
import { PlacesMap } from '../../src/sources/ebpf/placesMap.ts';
import { scanTasks } from '../../src/sources/proc.ts';
import { openPin } from '../../src/system/bpf.ts';
import { hasCode } from '../../src/system/errno.ts';
import { type Agreement, agreement, agreementOf, type Said } from '../storm/agreement.ts';

/** The containers by their paths, as the kernel's map numbers them. */
export type Numbers = ReadonlyMap<string, number>;

/** What was compared with the kernel, and in words what differs. */
export interface KernelAgreement {
  readonly shared: number;
  readonly differing: readonly string[];
  readonly numbers: Numbers;
}

/** All that can be compared with the kernel while everything goes on. */
export async function agreementWithKernel(reader: HttpReader, folder: string): Promise<KernelAgreement> {
  const { trees } = await reader.status();
  const tasks = await agreementOf(reader);
  const places = await placesAgreement(reader, folder);
  const all: [string, Agreement][] = [
    ['/proc', tasks],
    ['the map of the kernel', places],
  ];
  for (const { tree } of trees.slice(1)) all.push([`/proc of ${tree}`, await groupsAgreement(reader, tree)]);
  return {
    differing: all.flatMap(([whose, { leftOver, missing }]) => [
      ...leftOver.map((one) => `left over against ${whose}: ${one}`),
      ...missing.map((one) => `missing against ${whose}: ${one}`),
    ]),
    shared: all.reduce((sum, [, { shared }]) => sum + shared, 0),
    numbers: places.numbers,
  };
}

/**
 * Compares the tasks in each container, without the root, with the kernel's map. What number a container has in that is
 * what most of its tasks say, so `numbers` are to be held against the log.
 */
async function placesAgreement(
  reader: HttpReader,
  folder: string,
): Promise<Agreement & { readonly numbers: Numbers }> {
  let numbers = new Map<string, number>();
  const result = await agreement(
    async () => {
      const paths = await recordedPlaces(reader, 'tasktrail');
      const places = kernelPlaces(folder);
      numbers = numbersOf(paths, places);
      return said(
        [...paths].filter(([, path]) => path !== '/').map(([pid, path]) => [pid, numbers.get(path)]),
      );
    },
    () => said([...kernelPlaces(folder)]),
  );
  return { ...result, numbers };
}

/** Compares the groups of all tasks in one mirrored hierarchy with /proc; `tree` is its name. */
function groupsAgreement(reader: HttpReader, tree: string): Promise<Agreement> {
  return agreement(
    async () => said([...(await recordedPlaces(reader, tree))]),
    () => said([...scanTasks()].flatMap(({ pid }) => groupOf(pid, tree) ?? [])),
  );
}

function said(places: readonly (readonly [pid: number, place: string | number | undefined])[]): Said {
  return new Set(places.map(([pid, place]) => `task ${pid} is in ${place}`));
}

/** The path of each task, by its pid. */
async function recordedPlaces(reader: HttpReader, tree: string): Promise<Map<number, string>> {
  const tasks = await reader.ask({ kind: 'tasks', path: '/', tree, below: true });
  if (isRefusal(tasks)) throw new Error(`reading the tasks of ${tree}: ${tasks.saw}`);
  return new Map(tasks.map(({ pid, path }) => [pid, path]));
}

/**
 * The number of each living task's container, by the task's pid; tasks in the root are left out. What the map has of a
 * task that has ended says nothing (`src/sources/ebpf/membership.ts`).
 */
function kernelPlaces(folder: string): ReadonlyMap<number, number | undefined> {
  const path = realpathSync(folder);
  const pinned = pinnedInstallations().find((each) => each.folder === path);
  if (pinned === undefined) throw new Error(`nothing is pinned for ${path}`);
  const descriptors = new Descriptors();
  try {
    const map = new PlacesMap(descriptors.keep(openPin(`${pinned.path}/places`)), () => 0);
    const places = map.read() ?? new Map<number, number | undefined>();
    return new Map([...scanTasks()].flatMap(({ pid }) => (places.has(pid) ? [[pid, places.get(pid)]] : [])));
  } finally {
    descriptors.close();
  }
}

function numbersOf(
  paths: ReadonlyMap<number, string>,
  places: ReadonlyMap<number, number | undefined>,
): Map<string, number> {
  const votes = new Map<string, Map<number, number>>();
  for (const [pid, path] of paths) {
    const place = places.get(pid);
    if (path === '/' || place === undefined) continue;
    const ofPath = votes.get(path) ?? new Map<number, number>();
    votes.set(path, ofPath.set(place, (ofPath.get(place) ?? 0) + 1));
  }
  return new Map([...votes].map(([path, ofPath]) => [path, mostOf(ofPath)]));
}

function mostOf(votes: ReadonlyMap<number, number>): number {
  return [...votes].reduce((most, vote) => (vote[1] > most[1] ? vote : most))[0];
}

/** The line of this hierarchy in a task's `cgroup` file (cgroups(7)): `NUMBER:NAME:PATH`, of v2 `0::PATH`. */
function groupOf(pid: number, tree: string): readonly [readonly [number, string]] | undefined {
  const name = tree === 'v2' ? '' : tree;
  try {
    // Paths are bytes, which the recorder tells as text.
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'latin1').split('\n');
    const line = lines.find((one) => one.split(':')[1] === name);
    return line === undefined ? undefined : [[pid, textOf(line.split(':').slice(2).join(':'))]];
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
