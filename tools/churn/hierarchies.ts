/**
 * The cgroup hierarchies that a churn may do with as it likes: a v1 hierarchy of its own, mounted in a temporary
 * folder, and a group of the machine's v2 hierarchy. All of it goes again: at the end of a run, or where that was
 * killed at the beginning of the next one.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { hierarchiesOfMachine, mountedHierarchies } from '../../src/sources/cgroups.ts';
import { hasCode } from '../../src/system/errno.ts';

/** How long a group may be in use by tasks that have ended. */
const deadlineMs = 10_000;
const retryDelayMs = 50;

let made = 0;

/** A hierarchy in which a churn may have a group of its own. */
interface Place {
  readonly root: string;
  /** The churn's group, as the path of its directory. */
  readonly top: string;
}

export class ChurnHierarchies {
  /** As `mirror` of the source names them. */
  readonly names: readonly string[];
  readonly #v1: Place;
  readonly #v2: Place;

  private constructor(name: string, unified: string) {
    this.names = [`name=${name}`, 'v2'];
    const root = mount(`name=${name}`);
    this.#v1 = { root, top: join(root, 'churn') };
    this.#v2 = { root: unified, top: join(unified, name) };
    mkdirSync(this.#v1.top);
    mkdirSync(this.#v2.top);
  }

  /** Mounts the one and makes a group in the other. Throws where the machine has no v2 hierarchy mounted. */
  static async open(): Promise<ChurnHierarchies> {
    const unified = unifiedRoot();
    await removeLeftovers(unified);
    made += 1;
    return new ChurnHierarchies(`tasktrail-churn-${process.pid}-${made}`, unified);
  }

  /** Two new groups, one in each hierarchy, by the paths of their directories. */
  makeGroups(name: string): readonly [v1: string, v2: string] {
    const groups = [join(this.#v1.top, name), join(this.#v2.top, name)] as const;
    for (const group of groups) mkdirSync(group);
    return groups;
  }

  /** Takes everything away. Tasks that are still in a group go to the root of its hierarchy. */
  async remove(): Promise<void> {
    await removePlace(this.#v2);
    await removePlace(this.#v1);
    await destroy(this.#v1.root, this.names[0] ?? '');
  }
}

function unifiedRoot(): string {
  const unified = mountedHierarchies().find(({ name }) => name === 'v2');
  if (unified === undefined) throw new Error('a churn needs a v2 hierarchy, and none is mounted here');
  return unified.mountPoint;
}

/** Removes what processes have left behind that were killed. */
async function removeLeftovers(unified: string): Promise<void> {
  for (const name of readdirSync(unified)) {
    if (isLeftover(name)) await removePlace({ root: unified, top: join(unified, name) });
  }
  for (const { name } of hierarchiesOfMachine()) {
    if (!isLeftover(name)) continue;
    const root = mountedHierarchies().find((one) => one.name === name)?.mountPoint ?? mount(name);
    const top = join(root, 'churn');
    if (existsSync(top)) await removePlace({ root, top });
    await destroy(root, name);
  }
}

/** Whether a hierarchy or a group has a name that a process gave it which is no more. */
function isLeftover(name: string): boolean {
  const pid = /^(?:name=)?tasktrail-churn-(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

async function removePlace({ root, top }: Place): Promise<void> {
  await retried(() => removeGroup(Buffer.from(top), `${root}/cgroup.procs`));
}

function mount(name: string): string {
  const mountPoint = mkdtempSync(join(tmpdir(), 'tasktrail-churn-'));
  execFileSync('mount', ['-t', 'cgroup', '-o', `none,${name}`, 'tasktrail-churn', mountPoint]);
  return mountPoint;
}

async function unmount(mountPoint: string): Promise<void> {
  await retried(() => execFileSync('umount', [mountPoint], { stdio: 'pipe' }));
  rmdirSync(mountPoint);
}

/**
 * Unmounts a v1 hierarchy and returns when the kernel has none of it any more. Groups that were removed linger for a
 * moment, and a hierarchy that is unmounted meanwhile stays until it is mounted and unmounted once more.
 */
async function destroy(mountPoint: string, name: string): Promise<void> {
  await unmount(mountPoint);
  for (const end = Date.now() + deadlineMs; ; ) {
    await setTimeout(retryDelayMs);
    if (hierarchiesOfMachine().every((one) => one.name !== name)) return;
    if (Date.now() > end) throw new Error(`the hierarchy ${name} stays`);
    await unmount(mount(name));
  }
}

function removeGroup(path: Buffer, refuge: string): void {
  for (const child of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
    if (child.isDirectory()) removeGroup(Buffer.concat([path, Buffer.from('/'), child.name]), refuge);
  }
  for (const pid of membersOf(path)) moveOut(pid, refuge);
  rmdirSync(path);
}

function membersOf(group: Buffer): string[] {
  try {
    return readFileSync(Buffer.concat([group, Buffer.from('/cgroup.procs')]), 'latin1')
      .split('\n')
      .filter((pid) => pid !== '');
  } catch (error) {
    // In a threaded group of v2 there are no processes to be listed: they are the group's above it.
    if (hasCode(error, 'ENOTSUP')) return [];
    throw error;
  }
}

function moveOut(pid: string, refuge: string): void {
  try {
    writeFileSync(refuge, pid);
  } catch (error) {
    // It has ended by itself.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Tries until it works: a group is in use for a moment yet when its last task has been reaped. */
async function retried(attempt: () => void): Promise<void> {
  for (const end = Date.now() + deadlineMs; ; ) {
    try {
      attempt();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await setTimeout(retryDelayMs);
    }
  }
}
