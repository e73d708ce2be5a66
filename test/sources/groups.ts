/**
 * Groups of the machine's own cgroup hierarchies for tests: in a private hierarchy of the first version that a test
 * mounts for itself, or below the root of v2. All of them are gone afterwards.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hierarchiesOfMachine, mountedHierarchies } from '../../src/sources/cgroups.ts';

/** A hierarchy of a test's own, with no controller. */
export interface PrivateHierarchy {
  /** As the mirror is told: `name=…`. */
  readonly name: string;
  readonly folder: string;
  readonly hierarchy: number;
  /** Unmounts it, and returns when the kernel has none of it any more. It must have no group left. */
  unmount(): Promise<void>;
}

let mounted = 0;
const deadlineMs = 10_000;

export function mountPrivateHierarchy(): PrivateHierarchy {
  mounted += 1;
  const name = `tasktrail-test-${process.pid}-${mounted}`;
  const folder = mkdtempSync(join(tmpdir(), 'tasktrail-hierarchy-'));
  const mount = (): void => {
    execFileSync('mount', ['-t', 'cgroup', '-o', `none,name=${name}`, 'tasktrail-test', folder]);
  };
  mount();
  return {
    name: `name=${name}`,
    folder,
    hierarchy: idOf(`name=${name}`) ?? assert.fail(`${name} is mounted`),
    unmount: async () => {
      execFileSync('umount', [folder]);
      const deadline = Date.now() + deadlineMs;
      while (idOf(`name=${name}`) !== undefined) {
        assert(Date.now() < deadline, `the hierarchy ${name} stays`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        // A group that was removed lingers a while, and a hierarchy that is unmounted meanwhile stays for ever.
        if (idOf(`name=${name}`) === undefined) break;
        mount();
        execFileSync('umount', [folder]);
      }
      rmdirSync(folder);
    },
  };
}

function idOf(name: string): number | undefined {
  return hierarchiesOfMachine().find((one) => one.name === name)?.hierarchy;
}

/** Where v2 is mounted. */
export function unifiedRoot(): string {
  return mountedHierarchies().find(({ hierarchy }) => hierarchy === 0)?.mountPoint ?? assert.fail('no v2');
}

/** The kernel's id of the group whose folder this is. */
export function idOfGroup(folder: string | Buffer): number {
  return statSync(folder).ino;
}

/** A new group in this folder, of a name that no other test has. */
export function makeGroup(parent: string): string {
  return mkdtempSync(join(parent, 'tasktrail-test-'));
}

/** Removes a group and all below it; nothing may be in them any more. */
export function removeGroup(folder: string): void {
  const folders = execFileSync('find', [folder, '-depth', '-type', 'd'], { encoding: 'latin1' });
  for (const one of folders.split('\n').filter((line) => line !== '')) rmdirSync(Buffer.from(one, 'latin1'));
}
