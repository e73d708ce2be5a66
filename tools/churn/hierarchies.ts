/**
 * The cgroup hierarchies that a churn may do with as it likes: a v1 hierarchy of its own, mounted in a temporary
 * folder, and a group of the machine's v2 hierarchy. All of it goes again.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { mountedHierarchies } from '../../src/sources/cgroups.ts';
import { hasCode } from '../../src/system/errno.ts';

/** How long a group may be in use by tasks that have ended. */
const deadlineMs = 10_000;
const retryDelayMs = 20;

let made = 0;

export class ChurnHierarchies {
  /** As `mirror` of the source names them. */
  readonly names: readonly [v1: string, v2: string];
  readonly #mountPoint: string;
  readonly #tops: readonly [v1: string, v2: string];
  readonly #roots: readonly [v1: string, v2: string];

  /** Mounts the one and makes a group in the other. Throws where the machine has no v2 hierarchy mounted. */
  constructor() {
    const unified = mountedHierarchies().find(({ name }) => name === 'v2');
    if (unified === undefined) throw new Error('a churn needs a v2 hierarchy, and none is mounted here');
    made += 1;
    const name = `tasktrail-churn-${process.pid}-${made}`;
    this.#mountPoint = mkdtempSync(join(tmpdir(), 'tasktrail-churn-'));
    execFileSync('mount', ['-t', 'cgroup', '-o', `none,name=${name}`, name, this.#mountPoint]);
    this.names = [`name=${name}`, 'v2'];
    this.#roots = [this.#mountPoint, unified.mountPoint];
    this.#tops = [join(this.#mountPoint, 'churn'), join(unified.mountPoint, name)];
    for (const top of this.#tops) mkdirSync(top);
  }

  /** Two new groups, one in each hierarchy, by the paths of their directories. */
  makeGroups(name: string): readonly [v1: string, v2: string] {
    const [v1, v2] = this.#tops.map((top) => join(top, name));
    if (v1 === undefined || v2 === undefined) throw new Error('impossible state: there are two hierarchies');
    mkdirSync(v1);
    mkdirSync(v2);
    return [v1, v2];
  }

  /** Takes everything away. Tasks that are still in a group go to the root of its hierarchy. */
  async remove(): Promise<void> {
    for (const [i, top] of this.#tops.entries()) {
      const root = this.#roots[i] ?? '';
      await retried(() => removeGroup(Buffer.from(top), `${root}/cgroup.procs`));
    }
    await retried(() => execFileSync('umount', [this.#mountPoint], { stdio: 'pipe' }));
    rmdirSync(this.#mountPoint);
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
