/**
 * The machine's own cgroups as files show them: which hierarchies are mounted where, which groups each has, and which
 * of them a task is in. Reading is synchronous; a group that goes meanwhile is left out. Nothing is changed.
 *
 * A group is known by the inode number of its directory, which is the kernel's own id of it (kernfs). Names and paths
 * are byte strings. Facts: cgroups(7), proc_pid_mountinfo(5), fs/kernfs/, kernel/cgroup/cgroup.c.
 */
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import type { Bytes } from '../../events/bytes.ts';
import { isTreeCalled } from '../../events/treeName.ts';
import type { GroupId, GroupSeen, HierarchySeen } from '../ports.ts';
import { hasCode, SystemCallError } from '../system/errno.ts';
import { inodeIn, openInode } from '../system/kernfs.ts';
import { type Mount, mountTable } from '../system/mountTable.ts';

/** A cgroup hierarchy that is mounted as a whole where this process can walk it. */
export interface MountedHierarchy {
  /** `v2`; else as /proc/PID/cgroup has it: `cpuset`, `cpu,cpuacct`, `name=systemd`. */
  readonly name: Bytes;
  /** The kernel's id of it; 0 is v2. */
  readonly hierarchy: number;
  readonly mountPoint: Bytes;
  /** The device number that all of its directories have. */
  readonly device: number;
}

/** The hierarchies that this machine has and this process can walk, v2 first. */
export function mountedHierarchies(): MountedHierarchy[] {
  const mounts = mountTable();
  const found: MountedHierarchy[] = [];
  for (const { hierarchy, name } of hierarchiesOfMachine()) {
    const wanted = hierarchy === 0 ? [] : name.split(',');
    const fileSystem = hierarchy === 0 ? 'cgroup2' : 'cgroup';
    const mount = mounts.find(
      (one) =>
        one.fileSystem === fileSystem &&
        wanted.every((option) => one.options.includes(option)) &&
        // Asked last, and of no other file system: one that does not answer would have us wait with it.
        isThere(one),
    );
    if (mount !== undefined) {
      found.push({ name, hierarchy, mountPoint: mount.mountPoint, device: mount.device });
    }
  }
  return found.sort((a, b) => a.hierarchy - b.hierarchy);
}

/** Those of these hierarchies that are mounted now, as they are mounted now. */
export function stillMounted(hierarchies: readonly MountedHierarchy[]): MountedHierarchy[] {
  if (hierarchies.length === 0) return [];
  const mounted = mountedHierarchies();
  return hierarchies.flatMap(({ hierarchy }) => mounted.filter((one) => one.hierarchy === hierarchy));
}

/**
 * The mounted hierarchies of these names, each once: `v2`, a controller's such as `cpuset`, or `name=systemd`.
 * Throws an Error, in words, for a name that no mounted hierarchy has.
 */
export function hierarchiesNamed(names: readonly string[]): MountedHierarchy[] {
  if (names.length === 0) return [];
  const mounted = mountedHierarchies();
  const wanted = names.map((name) => {
    const found = mounted.find((one) => isTreeCalled(one.name, name));
    if (found === undefined) throw new Error(complaintAbout(name, mounted));
    return found;
  });
  return [...new Set(wanted)];
}

/** Every hierarchy that the machine has, be it mounted or not: its id and its name. A kernel without cgroups has none. */
export function hierarchiesOfMachine(): { readonly hierarchy: number; readonly name: Bytes }[] {
  const text = unlessGone(() => readFileSync('/proc/self/cgroup', 'latin1')) ?? '';
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [hierarchy, controllers = ''] = line.split(':');
    return { hierarchy: Number(hierarchy), name: Number(hierarchy) === 0 ? 'v2' : controllers };
  });
}

/**
 * All groups of a hierarchy, the root first and parents before children. Whatever the kernel has told to be made
 * before this call is among them, unless it is gone again. undefined where the hierarchy is not mounted any more.
 *
 * In v1 a group can get another name while it is looked for, and be passed over with all that is in it. So there the
 * groups are looked for until nothing more is found and nothing is passed over. One that went between two such looks stands among them still:
 * that it has gone is told after this call began.
 */
export function readHierarchy(mounted: MountedHierarchy): HierarchySeen | undefined {
  const { hierarchy, name, mountPoint } = mounted;
  awaitGroupsBeingMade(mounted);
  const groups = new Map<number, GroupSeen>();
  for (let walks = 0; walks < (hierarchy === 0 ? 1 : mostWalks); walks++) {
    const before = groups.size;
    let vanished = 0;
    const countVanished = (): void => {
      vanished += 1;
    };
    for (const { group, parent, name } of walk(mounted, countVanished))
      groups.set(group, { group, parent, name });
    if (groups.size === before && vanished === 0) break;
  }
  return groups.size === 0 ? undefined : { hierarchy, name, mountPoint, groups: [...groups.values()] };
}

/** How often a v1 hierarchy is walked because there may be more. */
const mostWalks = 5;

/**
 * The group that a task is in, in each of these hierarchies, from the text of its `cgroup` file. undefined where one
 * is not there under the path that the text says: the task or the group has moved on since, or something else is mounted
 * over its directory or over one around it.
 */
export function groupsIn(
  text: string,
  tid: number,
  mirrored: readonly MountedHierarchy[],
): GroupId[] | undefined {
  const groups: GroupId[] = [];
  for (const mounted of mirrored) {
    const { hierarchy, mountPoint, device } = mounted;
    const path = pathIn(text, hierarchy);
    // The hierarchy is no more.
    if (path === undefined) continue;
    if (path.length >= cutPathBytes) {
      const group = groupHolding(tid, mounted);
      if (group === undefined) return undefined;
      groups.push({ hierarchy, group });
      continue;
    }
    const status = statusOf(path === '/' ? mountPoint : mountPoint + path);
    if (status?.dev !== device) return undefined;
    groups.push({ hierarchy, group: status.ino });
  }
  return groups;
}

/**
 * /proc/PID/cgroup has room for so many bytes of a path (PATH_MAX without its zero). Of a longer one it holds the
 * beginning and does not say so; by some kernels it cannot be read at all then.
 */
const cutPathBytes = 4095;

/** The groups of a task of which no path is known, or none that leads to them. */
export function groupsHolding(tid: number, mirrored: readonly MountedHierarchy[]): GroupId[] | undefined {
  const groups: GroupId[] = [];
  for (const mounted of mirrored) {
    const group = groupHolding(tid, mounted);
    if (group === undefined) return undefined;
    groups.push({ hierarchy: mounted.hierarchy, group });
  }
  return groups;
}

/** The group that a task is in, by asking each who is in it. */
function groupHolding(tid: number, mounted: MountedHierarchy): number | undefined {
  const file = mounted.hierarchy === 0 ? 'cgroup.threads' : 'tasks';
  for (const { group, path } of walk(mounted)) {
    if (membersIn(`${path}/${file}`).includes(String(tid))) return group;
  }
  return undefined;
}

/**
 * The path of a task's group in this hierarchy, from the text of its `cgroup` file; undefined where it is in none. A
 * line is an id, the controllers and a path, with colons between them. A path may hold more of those, but no newline:
 * the kernel lets no name have one.
 */
export function pathIn(text: string, hierarchy: number): Bytes | undefined {
  const before = `${hierarchy}:`;
  const start = text.startsWith(before) ? 0 : text.indexOf(`\n${before}`) + 1;
  if (start === 0 && !text.startsWith(before)) return undefined;
  const colon = text.indexOf(':', start + before.length);
  return text.slice(colon + 1, text.indexOf('\n', colon));
}

/** A directory that is to be looked at, in the group `parent`. */
interface Folder {
  readonly parent: number;
  readonly name: Bytes;
  /** A path by which it can be opened while the walk stands at it. */
  readonly path: Bytes;
}

/** A group and where it is. */
type GroupFolder = GroupSeen & Folder;

/** A path longer than this is replaced by one through a descriptor: no path may have more than 4,095 bytes. */
const longPathBytes = 3500;

/**
 * The group directories of a hierarchy, parents before children, those among them over which something else is mounted. It
 * may be as deep as it likes: neither the length of a path nor the depth of calls limits it. Calls back for each directory that is not there any more when it is its
 * turn.
 */
function* walk(
  { mountPoint, device }: MountedHierarchy,
  onVanished: () => void = () => {},
): Generator<GroupFolder> {
  const pending: (Folder | Shortcut)[] = [{ path: mountPoint, parent: 0, name: '' }];
  const open = new Set<number>();
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if ('fd' in next) {
        // Everything below it has been walked.
        open.delete(next.fd);
        closeSync(next.fd);
        continue;
      }
      let { path } = next;
      let status = statusOf(path);
      if (status?.dev !== device) {
        const way = next.parent === 0 ? undefined : wayTo(next);
        if (way === undefined) {
          onVanished();
          continue;
        }
        open.add(way.fd);
        pending.push(way);
        path = way.path;
        status = statusOf(path);
      }
      if (status === undefined) continue;
      const group = status.ino;
      yield { ...next, path, group };
      // The kernel counts a link for each sub-directory, and two for the directory itself.
      if (status.nlink <= 2) continue;
      if (path.length > longPathBytes) {
        const shorter = shortcut(path);
        if (shorter === undefined) continue;
        open.add(shorter.fd);
        pending.push(shorter);
        path = shorter.path;
      }
      for (const name of foldersIn(path)) pending.push({ path: `${path}/${name}`, parent: group, name });
    }
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** A short path to a directory, which holds for as long as the descriptor is open. */
interface Shortcut {
  readonly path: Bytes;
  readonly fd: number;
}

/** undefined where the directory is gone. */
function shortcut(path: Bytes): Shortcut | undefined {
  const fd = unlessGone(() => openSync(bufferOf(path), constants.O_DIRECTORY));
  return fd === undefined ? undefined : { path: `/proc/self/fd/${fd}`, fd };
}

/** The way to a group over whose directory something else is mounted; undefined where it is not that but gone. */
function wayTo({ path, name }: Folder): Shortcut | undefined {
  const parent = shortcut(path.slice(0, path.lastIndexOf('/')));
  if (parent === undefined) return undefined;
  try {
    const group = inodeIn(parent.fd, name);
    if (group === undefined) return undefined;
    const fd = openInode(parent.fd, group);
    return { path: `/proc/self/fd/${fd}`, fd };
  } catch (error) {
    // It, or the group that it is in, is gone; or this kernel opens nothing by its number: then it cannot be seen.
    if (error instanceof SystemCallError) return undefined;
    throw error;
  } finally {
    closeSync(parent.fd);
  }
}

/**
 * The kernel tells that a group is made a moment before its directory can be seen, and holds its cgroup_mutex from one
 * to the other (kernel/cgroup/cgroup.c: cgroup_mkdir). So who gets that mutex once knows that they can all be seen.
 * Writing what is no pid into `cgroup.procs` takes it and then changes nothing.
 */
function awaitGroupsBeingMade({ mountPoint }: MountedHierarchy): void {
  try {
    const fd = openSync(bufferOf(`${mountPoint}/cgroup.procs`), 'r+');
    try {
      writeSync(fd, 'none');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // EINVAL is the answer to what is no pid. Where the hierarchy may only be read, or is gone, there is no mutex to be
    // had; then a group that is made at this very moment may be missed.
    if (!hasCode(error, 'EINVAL', 'EROFS', 'EACCES', 'ENOENT')) throw error;
  }
}

function isThere({ mountPoint, device }: Mount): boolean {
  return statusOf(mountPoint)?.dev === device;
}

function statusOf(path: Bytes): Stats | undefined {
  if (path.length <= longPathBytes) return unlessGone(() => statSync(bufferOf(path)));
  const cut = path.lastIndexOf('/', longPathBytes);
  const base = shortcut(path.slice(0, cut));
  if (base === undefined) return undefined;
  try {
    return statusOf(base.path + path.slice(cut));
  } finally {
    closeSync(base.fd);
  }
}

function foldersIn(path: Bytes): Bytes[] {
  const entries = unlessGone(() => readdirSync(bufferOf(path), { encoding: 'latin1', withFileTypes: true }));
  return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function membersIn(path: Bytes): string[] {
  return unlessGone(() => readFileSync(bufferOf(path), 'latin1'))?.split('\n') ?? [];
}

/**
 * What a look at a directory gives; undefined where it is not there, or goes in the middle of it, or cannot be reached:
 * behind a folder that is closed to us, or behind a file system mounted over it that is dead.
 */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, ...goneCodes, ...unreachableCodes)) return undefined;
    throw error;
  }
}

const goneCodes = ['ENOENT', 'ENODEV', 'ENOTDIR'] as const;
const unreachableCodes = ['EACCES', 'ENOTCONN', 'ESTALE'] as const;

function bufferOf(path: Bytes): Buffer {
  return Buffer.from(path, 'latin1');
}

function complaintAbout(name: string, mounted: readonly MountedHierarchy[]): string {
  const isKnown = hierarchiesOfMachine().some((one) => isTreeCalled(one.name, name));
  const trouble = isKnown
    ? `the cgroup hierarchy ${name} is not mounted as a whole where it could be read`
    : `this machine has no cgroup hierarchy ${name}`;
  const choice = mounted.map((one) => one.name).join(', ');
  return choice === ''
    ? `${trouble}, and no other is mounted either: mirror none`
    : `${trouble}: choose of those that are mounted, ${choice}`;
}
